"""A verdict without a study: somebody's results held to what is published, by the judges of runs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Any

from repro import printed
from repro.audit import digits, extremes, measured, samples, units
from repro.audit.claims import SPREADS, Claim
from repro.audit.verdicts import CONTRADICTED, Judgement, Runs
from repro.errors import DEVIATION, PASS, UNDERPOWERED, UsageError, did_you_mean
from repro.outside import apart, cells
from repro.outside.ask import Answer, Ask, Result, answer
from repro.runs import shares
from repro.runs.wanted import wanted

Where = Sequence[str] | Mapping[str, Any]
TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "results": ((str, PathLike), "a path"),
    **dict.fromkeys(("published", "above", "below"), ((str, Real, Decimal, NoneType), "a text or a number")),
    "runs": ((Integral, NoneType), "a whole number"),
    "margin": ((Real, Decimal, NoneType), "a number"),
    "lower_is_better": ((bool,), "True or False"),
    "where": ((Mapping, list, tuple), "a mapping of fields to values, or a list of texts"),
    "across": ((list, tuple, set), "a list of texts"),
}  # of what is asked from Python; everything else is a text
PLAIN = re.compile(r"[-+\d.eE]+(?:\s*±\s*[\d.]+)?")  # what is published, where it wears no dress and no second power
STYLES = ("mean", "±", "brackets", "script", "last digits")  # of what is published that have one spread, or none
SHOWN = 3  # runs that are named one by one


@dataclass(frozen=True)
class Asked:
    """What was asked, what the judge says, and what it rests on.

    `claim` is what is published, in its unit, with the margin that held; `margin_from` says where that comes from.
    `answers` are the results it was held to, of both sides where one kind was to be better than another. `notes` are
    what a reader has to know.
    """

    claim: Claim
    judgement: Judgement
    answers: tuple[Answer, ...]
    margin_from: str = ""
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0 for reproduced, 1 for contradicted, 4 where neither was shown."""
        if self.judgement.verdict in CONTRADICTED:
            return DEVIATION
        return PASS if self.judgement.verdict == "reproduced" else UNDERPOWERED

    @property
    def record(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        said, claim = self.judgement, self.claim
        return {
            "verdict": said.verdict,
            "published": claim.value,
            "unit": claim.unit,
            "published_runs": claim.runs,
            "spread": claim.spread if claim.judge == "samples" else None,
            "judge": claim.judge,
            "margin": claim.margin,
            "margin_from": self.margin_from,
            "evidence": said.evidence,
            "n": said.n,
            "p": said.p,
            "statistic": said.statistic,
            "power": said.power,
            "further_runs": said.more,
            "ours": said.ours,
            "theirs": said.theirs,
            "results": [_plain(one) for found in self.answers for one in found.results],
            "tool": self.answers[0].tool,
            "tool_version": self.answers[0].version,
            "notes": list(self.notes),
            "exit_code": self.exit_code,
        }


def _plain(one: Result) -> dict[str, Any]:
    """Return a result as plain values; a number that is none as a text."""
    finite = math.isfinite(one.value)
    return {
        "run": one.run, "seed": one.seed, "value": one.value if finite else str(one.value), "state": one.state,
        "why": one.why, "file": one.file.as_posix(), "origin": one.origin, "precision": one.precision,
    }  # fmt: skip


def judge(
    results: Path | str,
    *,
    metric: str,
    published: str | float = "",
    runs: int | None = None,
    spread: str = "unknown",
    above: str | float | None = None,
    below: str | float | None = None,
    better_than: str = "",
    lower_is_better: bool = False,
    margin: float | None = None,
    unit: str = "",
    where: Where = (),
    epoch: str = "",
    duplicate: str = "",
    seed_from: str = "",
    across: Sequence[str] = (),
    form: str = "",
) -> Asked:
    """Hold somebody's results to a published value, a limit, or other results of theirs, and return the verdict.

    One of `published` ("93.1 ± 0.3", with `runs` and what the `spread` is; or "93.1"), `above`, `below` and
    `better_than` ("FIELD=VALUE") says what they are held to. `margin` is the difference that would not matter, in the
    published unit; `unit` is that unit. The rest says which results are meant, as `repro.outside.ask.Ask` does.
    Raise UsageError, with the argument that decides, for what is ambiguous or missing, or of another type.
    """
    _hold_types(locals())
    published, margin = f"{'' if published is None else published}", None if margin is None else float(margin)
    asked = [
        name
        for name, value in (("published", published), ("above", above), ("below", below), ("better-than", better_than))
        if value not in ("", None)
    ]
    if len(asked) != 1:
        got = " and ".join(f"--{name}" for name in asked) or "none of them"
        raise UsageError(
            f"wanted one of --published, --above, --below and --better-than, got {got}; say what is claimed"
        )
    if lower_is_better and not better_than:
        raise UsageError("--lower-is-better: says which runs are better; say --better-than FIELD=VALUE, too")
    if margin is not None and not 0 < margin < math.inf:
        raise UsageError(f"--margin {margin:g}: wanted a number above 0, in the published unit")
    if not metric:
        raise UsageError("wanted --metric NAME: say which number of the results is meant")
    if spread not in SPREADS:
        raise UsageError(f"--spread {spread}: no such spread{did_you_mean(spread, [*SPREADS])} ({', '.join(SPREADS)})")
    path = Path(results)
    ask = Ask(metric, _fields(where), epoch, duplicate, seed_from, tuple(across))
    claim = Claim("", "asked", str(path), "value", "", (published,), 0, unit=cells.unit(unit), runs=runs, margin=margin,
                  spread=spread)  # fmt: skip
    if better_than:
        return _better(path, ask, claim, better_than, lower_is_better, form)
    if not published:
        side, limit = (">", above) if above is not None else ("<", below)
        claim = _read(replace(claim, published=(f"{limit}",)), side)
        claim = replace(claim, judge="threshold", kind="bound")
    return _held(answer(path, ask, form), claim, cells.unit(unit))


def _hold_types(arguments: Mapping[str, Any]) -> None:
    """Raise UsageError for an argument that is of no type that is meant; a command line gives none."""
    for name, value in arguments.items():
        kinds, words = TYPES.get(name, ((str,), "a text"))
        fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if fits and name in ("where", "across"):
            fits = all(isinstance(one, str) for one in value)
        if not fits:
            raise UsageError(f"{name}={value!r:.60}: wanted {words}, got {type(value).__name__}")


def _fields(where: Where) -> dict[str, list[str]]:
    """Return the fields of a filter with the values that each may have."""
    if isinstance(where, Mapping):
        several = {name: value if isinstance(value, list | tuple | set) else [value] for name, value in where.items()}
        return {name: [cells.text(one) for one in values] for name, values in several.items()}
    pairs = wanted(where)
    names = [name for name, _ in pairs]
    again = next((name for name in names if names.count(name) > 1), "")
    if again:
        raise UsageError(f"--where: '{again}' stands twice; name all its values at once, as {again}=A,B")
    return dict(pairs)


# One published value or limit


def _held(found: Answer, claim: Claim, said: str) -> Asked:
    """Hold results to what is published; `said` is the unit that was stated beside it."""
    claim, margin_from = _complete(claim)
    values = {one.run: one.value for one in found.finite}
    claim, times, converted = units.of_results(claim, found.ask.metric, values, said)
    runs = runs_of(found, times)
    decide = {"threshold": measured.decide_threshold, "samples": samples.decide_samples,
              "interval": measured.decide_interval}[claim.judge]  # fmt: skip
    alone = f"--runs {claim.runs} is of no use: without ± it is one more run that is asked about, not a mean"
    unused = alone if claim.judge == "interval" and claim.runs is not None else ""
    notes = (*filter(None, (unused, converted, _unmoved(found))), *found.notes)
    return Asked(claim, decide(claim, runs), (found,), margin_from, notes)


def _unmoved(found: Answer) -> str:
    """Say that all results are one number, where they are, nothing else."""
    values = {one.value for one in found.finite}
    if len(found.finite) < 2 or len(values) > 1:
        return ""
    return f"all {len(found.finite)} results are {values.pop():.6g}: look whether seeds move them, or one was copied"


def _complete(claim: Claim) -> tuple[Claim, str]:
    """Return a claim with its judge and a margin, and where that comes from. Raise UsageError where one is missing."""
    if claim.judge:
        return claim, "declared" if claim.margin else "none is needed"
    claim = _read(claim)
    text = claim.published[0]
    pair = samples.PAIR.fullmatch(text)
    if pair is None:
        printed.parse(text)
        if claim.margin is None:
            raise UsageError(
                f"--margin: {text} is published without ±, so nothing says what difference would not matter; declare "
                "one, as --margin 0.5"
            )
        return replace(claim, judge="interval"), "declared"
    claim = replace(claim, judge="samples", kind="mean-and-deviation")
    if claim.runs is None:
        raise UsageError(f"--runs: {text} is the mean of how many runs? say so, as --runs 5")
    if claim.margin is not None:
        return claim, "declared"
    if claim.spread == "unknown":
        raise UsageError(
            f"--spread: what is the ± of {text}? say sd, se, ci95 or 2sd, and the margin is taken from it; or declare "
            "one, as --margin 0.5"
        )
    factors = extremes.readings(claim.spread, samples.box_of(claim).n)  # which refuses what is no sample
    least = float(samples.published_sample(text)[1].value) * min(low for low, _ in factors.values())
    if least == 0:
        raise UsageError(f"--margin: {text} has no spread to take a margin from; declare one, as --margin 0.5")
    return replace(claim, margin=2 * least, judge="samples"), "twice the published deviation, as none was declared"


def _read(claim: Claim, side: str = "") -> Claim:
    """Return a claim of what is printed, in any style that tables have, in the unit that it says.

    Raise UsageError for what may mean two things, or is no mean, and where two units are said.
    """
    text = claim.published[0].strip()
    if not PLAIN.fullmatch(text):  # others take longer to import than to read
        from repro.outside import published

        option = {"": "--published", ">": "--above", "<": "--below"}[side]
        try:
            found = published.read(text)
        except UsageError as error:  # which names options of tables
            raise _unread(option, text, str(error).partition("; say `--")[0]) from error
        if not isinstance(found, published.Published):
            raise _unread(option, text, f"no number ({found.text})")
        plain = " ± ".join(published.canonical(found))
        if found.form not in STYLES or found.besides:
            aside = f"{' and '.join(found.besides)} stands beside it" if found.besides else ""
            middle = f"an interval, from which {plain} would be taken" if found.spread else "its ends are uneven"
            raise _unread(option, text, aside or middle)
        if found.percent and claim.unit not in ("", cells.SAME, *cells.PERCENT):
            raise UsageError(f"--unit {claim.unit}: {text} is in percent; leave out one of the two")
        claim, text = replace(claim, unit=claim.unit or found.unit), plain
    return replace(claim, published=(f"{side} {text}".strip(),))


def _unread(option: str, text: str, why: str) -> UsageError:
    """Return the refusal of what cannot be judged as it is written."""
    wanted = "one number, or a mean and its spread as in '93.1 ± 0.3'" if option == "--published" else "one number"
    return UsageError(f"{option} {text}: {why}; write {wanted}{', with a decimal point' if 'comma' in why else ''}")


def runs_of(found: Answer, times: Decimal = Decimal(1)) -> Runs:
    """Return results as judges take them, in another unit; those that failed are named."""
    values = tuple(shares.converted(one.value, times) for one in found.finite)
    noise = noise_of(found.finite) * float(times)
    return Runs(values, len(found.diverged), named(found.lost), len(found.lost), noise)


def noise_of(results: Sequence[Result]) -> float:
    """Return how far results may be off by the precision that they were kept in."""
    precision = max((one.precision for one in results), default=0.0)
    return float(digits.noise(*(one.value for one in results), precision=precision))


def named(results: Iterable[Result]) -> str:
    """Return the runs that left no value, and why."""
    words = [f"{one.run} {one.state}: {one.why or 'no reason is given'}" for one in results if one.state != "finished"]
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return f"{'; '.join(words[:SHOWN])}{more}"


# One kind of runs and another


def _better(path: Path, ask: Ask, claim: Claim, other: str, lower: bool, form: str) -> Asked:
    """Ask whether the results that are meant are better than those of another value of one field."""
    ((name, values),) = wanted([other])
    if name in ask.where and {*values} & {*ask.where[name]}:
        raise UsageError(f"--better-than {other}: --where asks for the same runs; name another value of '{name}'")
    if name not in ask.where:
        raise UsageError(f"--better-than {other}: better is what? say --where {name}=VALUE, too")
    if claim.unit not in ("", cells.SAME):
        raise UsageError(
            f"--unit {claim.unit}: says what is published, and --better-than compares results with each other as they "
            "are; leave it out, and give a --margin in their unit"
        )
    ours = answer(path, ask, form)
    theirs = answer(path, replace(ask, where={**ask.where, name: values}), form)
    both = {one.run: one.value for one in (*ours.finite, *theirs.finite)}
    cells.hold_one_unit(ask.metric, both, said=claim.unit, same=f"--unit {cells.SAME}")
    claim = replace(claim, unit="")
    first, second, words = _together(ask.where[name]), _together(values), "lower" if lower else "higher"
    claim = replace(claim, judge="order", kind="order", published=(f"{first} is {words} than {second}",))
    said, how = compared(ours, theirs, lower, float(claim.margin or 0), claim)
    margin_from = "declared" if claim.margin else "none is needed"
    how += f"; lower is better, so that differences are {second} less {first}" if lower else ""
    seeds = [field for one in (*ours.results, *theirs.results) for field in one.fields if apart.is_seed(field)]
    differ = apart.sides(path, ours.results, theirs.results, {name, ask.seed_from, *ask.across, *seeds})
    ends = {one.end for one in (*ours.finite, *theirs.finite)} - {None}
    lengths = f"{ask.metric} is of different epochs or steps on the two sides" if len(ends) > 1 else ""
    notes = filter(None, (*differ, lengths, _unmoved(ours), _unmoved(theirs), *ours.notes, *theirs.notes))
    return Asked(claim, said, (ours, theirs), margin_from, (how, *dict.fromkeys(notes)))


def _together(values: Sequence[str]) -> str:
    """Return which runs one side has; of several kinds no one was compared by itself."""
    return f"{' and '.join(values)} together" if len(values) > 1 else values[0]


def compared(ours: Answer, theirs: Answer, lower: bool, margin: float, claim: Claim) -> tuple[Judgement, str]:
    """Return whether one's results exceed the other's, and how: by seeds where enough are shared."""
    sign = -1.0 if lower else 1.0
    mine, other = ({found.key(one): one for one in found.results} for found in (ours, theirs))
    shared = [key for key in mine if key in other]
    what = f"pairs of a seed and {' and '.join(ours.ask.across)}" if ours.ask.across else "seeds"
    if len(shared) < measured.LEAST_RUNS and {*mine} != {*other}:
        above, below = (runs_of(found) for found in (ours, theirs))
        above, below = (replace(one, values=tuple(sign * value for value in one.values)) for one in (above, below))
        return measured.decide_unpaired(above, below, margin), f"not paired: {len(shared)} {what} are shared"
    pairs = [(mine[key], other[key]) for key in shared]
    alone = [(one,) for key, one in (*mine.items(), *other.items()) if not (key in mine and key in other)]
    lost = [ones for ones in (*pairs, *alone) if any(one.state != "finished" for one in ones)]
    finite = [pair for pair in pairs if all(math.isfinite(one.value) for one in pair)]
    left_out = sum(math.isfinite(one.value) for (one,) in alone)  # but none without a value: that would hide it
    differences = tuple(sign * (first.value - second.value) for first, second in finite)
    diverged = len(pairs) + len(alone) - len(finite) - left_out - len(lost)
    noise = max(noise_of(found.finite) for found in (ours, theirs))
    runs = Runs(differences, diverged, named(one for ones in lost for one in ones), len(lost), noise)
    left = f"; {left_out} runs without a partner are left out" if left_out else ""
    return measured.decide_order(claim, runs), f"paired by {len(shared)} shared {what}{left}"
