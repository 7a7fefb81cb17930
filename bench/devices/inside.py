"""Make the runs, in a process that sees the GPU that is not there: one JSON object a case on standard output.

Each run has a process of its own: what a study keeps from one to the next would hide what is done in every step.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # loaded once here and not in each run: torch's optimisers ask for it

from bench.devices import held, small
from bench.devices.noted import Notes
from bench.devices.small import Size
from repro import registry
from repro.checkpoint import Checkpoint
from repro.study import Experiment, Outcome, Profile, Run, case_json

BATCHES = {  # of studies that want more than ten images
    "rbf": 125,  # 100 centres that lie on images
    "dagnets": 20,  # kernels are shown on the thirteenth
    "sesn": 32,  # products of spectra pay from there on
}
BATCH = 10
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Made:
    """What one run did: its updates, what it waited for or copied and where, what was refused, how else it failed.

    `values` are those that are judged, with the curves.
    """

    updates: int = 0
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    failed: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def run_of(study: str, name: str, profile: Profile, experiment: Experiment, case: Any, size: Size) -> tuple[Any, Run]:
    """Return a case and its run on "cuda", both small."""
    run = Run(
        study=study,
        experiment=experiment.name,
        profile=name,
        case=case_json(case),
        replicate=0,
        seed=1,
        settings=small.settings(profile.settings, size),
        data=small.data(profile.data_of(case), size),
        device="cuda",
    )
    return small.case(case, size), run


def made(experiment: Experiment, case: Any, run: Run, root: Path) -> Made:
    """Make a run on the device that is not there."""
    notes, failed = Notes(root), ""
    values: dict[str, Any] = {}
    try:
        with held.device(notes):
            outcome = experiment.function(case, run)
        if isinstance(outcome, Outcome):
            judged = {one.name for one in experiment.metrics if one.judged}
            values |= {name: value for name, value in outcome.values.items() if name in judged}
            values["curves"] = {name: list(curve) for name, curve in outcome.curves.items()}
    except Exception as error:  # whatever a study's code raises is told, with its line
        if not notes.refused:
            failed = f"{type(error).__name__} at {_line(error, root)}: {str(error).partition(chr(10))[0]}"
    seen = [(what, where, count) for (what, where), count in notes.seen.items()]
    return Made(notes.updates, seen, notes.refused, failed, values)


def _line(error: Exception, root: Path) -> str:
    """Return the innermost line below a folder's studies that an error passed."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{one.filename.removeprefix(f'{root}/')}:{one.lineno}" for one in frames]
    return next((line for line in reversed(lines) if line.startswith("studies/")), "no line of a study")


def apart(action: Callable[[], Made]) -> Made:
    """Do something in a process of its own."""
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_send, args=(theirs, action))
    process.start()
    theirs.close()
    try:
        found: Made = ours.recv()
    except EOFError:
        process.join()
        found = Made(failed=f"its process ended by itself, with code {process.exitcode}")
    process.join()
    return found


def _send(pipe: Connection, action: Callable[[], Made]) -> None:
    pipe.send(action())


def every_step(short: Made, long: Made) -> list[tuple[str, str, float]]:
    """Return what a longer run did oftener than a shorter one, by line, and how often for each further update."""
    more = long.updates - short.updates
    if more <= 0:
        return []
    before = {(what, where): count for what, where, count in short.seen}
    grown = [(what, where, count - before.get((what, where), 0)) for what, where, count in long.seen]
    return [(what, where, count / more) for what, where, count in grown if count > 0]


def resumed(make: Callable[[Size, Checkpoint | None], Made], size: Size) -> str:
    """Return what is wrong with a run that is taken up from its checkpoint, nothing where it is right.

    The whole run keeps its state after all parts but the last; the next one begins there and has to end the same.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = Checkpoint(Path(folder, "run"), "run", every_s=0)
        whole = apart(lambda: make(size, kept))
        if whole.failed or whole.refused:
            return f"with a checkpoint: {whole.failed or whole.refused[0]}"
        if not kept.path.exists():
            return "it says that it resumes, and kept no state"
        rest = apart(lambda: make(size, Checkpoint(kept.path, "run", every_s=0)))
    if rest.failed or rest.refused:
        return f"taken up from its checkpoint: {rest.failed or rest.refused[0]}"
    if rest.updates >= whole.updates:
        return f"taken up from its checkpoint it made {rest.updates} updates again, of {whole.updates}"
    if rest.values != whole.values:
        return f"taken up from its checkpoint it ends with other values: {_differing(whole.values, rest.values)}"
    return ""


def _differing(one: dict[str, Any], other: dict[str, Any]) -> str:
    return ", ".join(name for name in one if one[name] != other.get(name))


def judged(
    study: str, name: str, profile: Profile, experiment: Experiment, case: Any, root: Path, *, first: bool
) -> dict[str, Any]:
    """Return what is to be told of a case: its updates, and what is wrong, as (what, where) in order.

    The first case of an experiment that resumes is taken up from its checkpoint, too.
    """
    size = Size(batch=BATCHES.get(study, BATCH))

    def make(size: Size, checkpoint: Checkpoint | None = None) -> Made:
        shrunk, run = run_of(study, name, profile, experiment, case, size)
        return made(experiment, shrunk, dataclasses.replace(run, checkpoint=checkpoint), root)

    short = apart(lambda: make(size))
    wrong, failed, updates, taken_up = [*short.refused], short.failed, [short.updates], ""
    if short.updates and not wrong and not failed:
        long = apart(lambda: make(dataclasses.replace(size, updates=2 * size.updates)))
        updates.append(long.updates)
        wrong, failed = [*long.refused], long.failed
        wrong += [(f"{what}, {often:g} in each update", where) for what, where, often in every_step(short, long)]
    if first and experiment.resumes and not short.refused and not failed:
        fault = resumed(make, dataclasses.replace(size, parts=2))
        wrong += [(fault, "its checkpoint")] * bool(fault)
        taken_up = "wrong" if fault else "right"
    return {
        "study": study,
        "profile": name,
        "experiment": experiment.name,
        "case": case_json(case),
        "updates": updates,
        "taken_up": taken_up,
        "wrong": wrong,
        "failed": failed,
    }


def judge(study: str, root: Path) -> Iterator[dict[str, Any]]:
    """Judge every experiment of a study's faithful profiles, by a few cases of each kind."""
    declared = registry.load(study)
    for name, profile in declared.profiles.items():
        if not profile.faithful:
            continue
        for chosen, some in small.by_experiment(declared, name).items():
            experiment = declared.experiments[chosen]
            for number, case in enumerate(small.kinds(some)):
                yield judged(study, name, profile, experiment, case, root, first=number == 0)


def main(studies: list[str]) -> None:
    """Judge studies and print one line a case."""
    torch.set_num_threads(1)
    root = registry.root().resolve()
    for study in studies:
        for found in judge(study, root):
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
