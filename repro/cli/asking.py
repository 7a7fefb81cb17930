"""The verb that asks of other people's results: judge."""

from __future__ import annotations

from argparse import Action, ArgumentError, ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from repro.cli import arguments as options
from repro.cli import beside
from repro.cli.arguments import Verbs, say, verb
from repro.errors import UsageError
from repro.machine.terminal import answer, escape, paint, print_json
from repro.outside import cells

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from repro.audit.asked import Asked
    from repro.outside.ask import Answer

SHOWN = 8  # results that are printed one by one
COLOURS = {"reproduced": "green", "not reproduced": "red"}


def arguments(verbs: Verbs) -> None:
    """Add the verb and its options."""
    made = verb(
        verbs,
        "judge",
        judge,
        'repro judge results.csv --published "93.1 ± 0.3" --runs 5 --spread sd --metric accuracy --where method=ours',
        "repro judge results.csv --published 93.1 --margin 0.5 --metric accuracy --unit %",
        "repro judge results.csv --above 90 --metric accuracy --where method=ours",
        "repro judge results.csv --metric accuracy --where method=ours --better-than method=baseline",
        "repro judge logs --published 0.906 --margin 0.01 --metric val_acc --epoch best:val_acc --seed-from name",
        "repro judge --cells cells.csv --seeds seeds.csv",
        "repro judge --cells paper.tex --table 2 --seeds seeds.csv --scale 100",
    )
    options.json(made)
    made.add_argument("results", nargs="?", type=Path, metavar="RESULTS", help="a table, or a file or folder of logs")
    claimed(made.add_argument_group("one claim: what is published"))
    meant(made.add_argument_group("which of the results are meant"))
    beside.cells_options(made.add_argument_group("a whole table, in place of one claim"))
    beside.writing_options(made.add_argument_group("how that table is written"))


class Once(Action):
    """An option that may be given once: of two, the last would count without a word."""

    def __call__(self, _parser: ArgumentParser, namespace: Namespace, values: Any, _option: str | None = None) -> None:
        given = namespace.__dict__.setdefault("given", set())
        if self.dest in given:
            raise ArgumentError(self, "stands twice; one claim is judged at a time")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def claimed(made: options.Options) -> None:
    """Take what is published."""
    made.add_argument(
        "--published", action=Once, default="", metavar="TEXT", help='the value as printed, as "93.1 ± 0.3" or 93.1'
    )
    made.add_argument("--runs", action=Once, type=int, metavar="N", help="how many runs the published mean is of")
    made.add_argument(
        "--spread", action=Once, default="unknown", help="what its ± is: sd, se, ci95 or 2sd (default: unknown)"
    )
    made.add_argument("--above", action=Once, metavar="LIMIT", help="what the mean is said to exceed")
    made.add_argument("--below", action=Once, metavar="LIMIT", help="what the mean is said to stay below")
    better = "the runs that those of --where are said to beat, by seed where seeds are shared"
    made.add_argument("--better-than", default="", metavar="FIELD=VALUE", help=better)
    made.add_argument("--lower-is-better", action="store_true", help="of an error or a loss, with --better-than")
    margin = "the difference that would not matter, in the published unit (default: twice the published deviation)"
    made.add_argument("--margin", action=Once, type=float, metavar="X", help=margin)
    unit = "of what is published: %%, 1 for fractions, or any other; results in percent or fractions are converted"
    made.add_argument("--unit", action=Once, default="", help=unit)


def meant(made: options.Options) -> None:
    """Take which results are meant."""
    made.add_argument("--metric", default="", metavar="NAME", help="the column, or the name in the logs")
    options.where(made)
    epoch = "which of a run's values: last, best:METRIC (the largest), best:min:METRIC or a number"
    made.add_argument("--epoch", default="", metavar="WHICH", help=epoch)
    made.add_argument("--duplicate", default="", metavar="first|last", help="which of two values or runs counts")
    seed = "what tells runs apart, if no field is called seed: a field, or name for the runs' names"
    made.add_argument("--seed-from", default="", metavar="FIELD", help=seed)
    made.add_argument(
        "--across", action="append", default=[], metavar="FIELD", help="runs may differ in it (repeatable)"
    )
    made.add_argument("--format", default="", metavar="NAME", help="what the results are, where it is not recognised")


def judge(arguments: Namespace) -> int:
    """Hold results to what is published, print the verdict and what it rests on, and return its exit code."""
    from repro.audit import asked

    if beside.whole_table(arguments):
        return beside.judge_cells(arguments)
    if arguments.results is None:
        raise UsageError("wanted RESULTS: name a table, or a file or folder of logs; or --cells and --seeds")
    found = asked.judge(
        arguments.results,
        metric=arguments.metric,
        published=arguments.published,
        runs=arguments.runs,
        spread=arguments.spread,
        above=arguments.above,
        below=arguments.below,
        better_than=arguments.better_than,
        lower_is_better=arguments.lower_is_better,
        margin=arguments.margin,
        unit=arguments.unit,
        where=arguments.where,
        epoch=arguments.epoch,
        duplicate=arguments.duplicate,
        seed_from=arguments.seed_from,
        across=arguments.across,
        form=arguments.format,
    )
    if arguments.json:
        print_json(found.record)
    else:
        answer(render(found))
        for note in found.notes:
            say(arguments, f"note: {note}")
    return found.exit_code


def render(found: Asked) -> str:
    """Return a verdict with what it rests on, a line each."""
    said, claim = found.judgement, found.claim
    theirs = f" ({claim.runs} runs, ± is {claim.spread})" if claim.judge == "samples" else ""
    more = {None: "", 0: "none"}.get(said.more, f"{said.more}") if said.verdict == "inconclusive" else ""
    lines = {
        "published": f"{claim.value_in_unit}{theirs}",
        "results": "; ".join(map(listed, found.answers)),
        "evidence": said.evidence,
        "n": "" if said.n is None else str(said.n),
        "margin": "" if claim.margin is None else f"{claim.margin:.4g}, {found.margin_from}",
        "p": "" if said.p is None else f"{said.p:.2g}, of data as contrary if the claim is true within the margin",
        "interval": "" if said.ours is None else f"{said.ours[1]:.4g} to {said.ours[2]:.4g}",
        "test": said.statistic,
        "power": "" if said.power is None else f"{said.power:.2f} to show equality, if there is no difference",
        "further runs": more,
    }
    shown = [f"{name.ljust(12)}  {escape(text)}" for name, text in lines.items() if text]
    return "\n".join([paint(said.verdict, COLOURS.get(said.verdict, "bold")), *shown])


def listed(found: Answer) -> str:
    """Return the results that were read, the first of them one by one, with their seeds."""
    values = [f"{one.value:.6g}" for one in found.results if one.state == "finished"]
    seeds = [cells.cut(f"{one.seed}") for one in found.results if one.state == "finished"]
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return f"{' '.join(values[:SHOWN])}{more} (seeds {' '.join(seeds[:SHOWN])}{more})" if values else ""
