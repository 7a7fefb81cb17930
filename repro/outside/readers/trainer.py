"""Hugging Face Trainer: `trainer_state.json`, of which the folder of a run holds one, or its checkpoints do."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError
from repro.outside import parse, search
from repro.outside.logged import Curve, Log, LoggedRun, State
from repro.outside.parse import Point

TOOL = "Hugging Face Trainer"
NAME = "trainer_state.json"
CHECKPOINT = re.compile(r"checkpoint-(\d+)\Z")
FIELDS = ("num_train_epochs", "max_steps", "train_batch_size")
ONCE = ("train_loss", "train_runtime")  # stand in the summary alone
DIGITS = 4  # to which releases before 5 round a loss
SINGLE = ("loss", "train_loss", "grad_norm")  # of torch; what compute_metrics returns is kept in full


def recognises(path: Path) -> bool:
    """Say whether a path is a `trainer_state.json`, or a folder that holds one."""
    return search.begins(path, NAME.__eq__, lambda head: head.lstrip(b"\xef\xbb\xbf \r\n")[:1] == b"{")


def read(path: Path) -> Log:
    """Return the runs: of a folder the file at its root, else that of its newest checkpoint."""
    found: dict[Path, list[Path]] = {}
    for file in search.files(path, NAME.__eq__, NAME):
        found.setdefault(_folder(file), []).append(file)
    runs = [_run(folder, sorted(files, key=_age), path) for folder, files in found.items()]
    return Log(TOOL, tuple(sorted(runs, key=lambda run: search.numbered(Path(run.name)))))


def _folder(file: Path) -> Path:
    """Return the folder of the run that a file belongs to."""
    return file.parent.parent if CHECKPOINT.match(file.parent.name) else file.parent


def _age(file: Path) -> float:
    """Return the step of a file's checkpoint; the root's is the newest."""
    found = CHECKPOINT.match(file.parent.name)
    return int(found[1]) if found else math.inf


def _run(folder: Path, files: Sequence[Path], path: Path) -> LoggedRun:
    file = files[-1]
    held = parse.mapping_of(file, NAME)
    history = held.get("log_history")
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        raise IntegrityError(f"{file}: no {NAME}, it has no log_history of entries; {parse.AGAIN}")
    entries, notes = _as_meant(history)
    points, _ = parse.points_of(entry for entry in entries if not _summary(entry))
    once, _ = parse.points_of(entry for entry in entries if _summary(entry))
    state, why = _end(held, history)
    later = [at for at in map(_age, files[:-1]) if at > (parse.number(held.get("global_step")) or 0)]
    if later:
        notes.append(f"a checkpoint of step {later[-1]:.0f} is newer than the file at the root, which was read")
    trial = held.get("trial_params")
    return LoggedRun(
        name=search.name_of(folder, path),
        file=file,
        fields=parse.flat({key: held[key] for key in FIELDS if key in held}, file)
        | (parse.flat(trial, file) if isinstance(trial, dict) else {}),
        curves=_curves(points, once, _rounded(points.get("loss", []))),
        state=state,
        why=why,
        notes=tuple(notes),
    )


def _summary(entry: Mapping[str, Any]) -> bool:
    return any(key in entry for key in ONCE) and "loss" not in entry


def _as_meant(history: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the entries with NaN where a training loss was NaN or infinite, which is logged as zero, and notes.

    The mean over the training, `train_loss`, counts such zeros, so it is none either.
    """
    found, notes = [], []
    lost = [entry.get("step") for entry in history if _zero_for_nan(entry)]
    doubtful = [entry for entry in history if entry.get("loss") == 0 and "grad_norm" not in entry]
    for entry in history:
        wrong = {"loss": math.nan} if _zero_for_nan(entry) else {}
        if lost and _summary(entry) and "train_loss" in entry:
            wrong = {"train_loss": math.nan}
        found.append({**entry, **wrong})
    if lost:
        steps = ", ".join(map(str, lost[:5])) + (", ..." if len(lost) > 5 else "")
        notes.append(
            f"loss 0.0 without a finite grad_norm at step {steps}: the loss was NaN; train_loss, their mean, is none"
        )
    if doubtful:
        notes.append(f"loss exactly 0 in {len(doubtful)} entries without grad_norm: a NaN is logged so, too")
    return found, notes


def _zero_for_nan(entry: Mapping[str, Any]) -> bool:
    norm = parse.number(entry.get("grad_norm"))
    return parse.number(entry.get("loss")) == 0 and norm is not None and not math.isfinite(norm)


def _rounded(points: Sequence[Point]) -> float:
    """Return how far a loss may lie from what was logged, relative to it, where all are rounded; else 0."""
    values = [value for _, _, value in points if math.isfinite(value)]
    if not values or any(round(value, DIGITS) != value for value in values):
        return 0.0
    least = min(map(abs, values))
    return 0.5 * 10**-DIGITS / least if least else math.inf


def _curves(
    points: Mapping[str, Sequence[Point]], once: Mapping[str, Sequence[Point]], rounded: float
) -> dict[str, Curve]:
    found = {}
    for name, values in points.items():
        single = parse.SINGLE if name in SINGLE or name.endswith("_loss") else 0.0
        found[name] = parse.curve(values, precision=max(single, rounded if name == "loss" else 0.0))
    for name, values in once.items():
        found[name] = parse.curve(values, precision=parse.SINGLE if name in SINGLE else 0.0, after=True)
    return found


def _end(held: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> tuple[State, str]:
    """Return how a run ended: with a summary, at its last step, or where it said so itself."""
    step, last = parse.number(held.get("global_step")), parse.number(held.get("max_steps"))
    callbacks = held.get("stateful_callbacks")
    control = callbacks.get("TrainerControl") if isinstance(callbacks, dict) else None
    said = control.get("args") if isinstance(control, dict) else None
    stopped = isinstance(said, dict) and said.get("should_training_stop") is True
    if any(map(_summary, history)) or stopped or step is None or last is None or step >= last:
        return "finished", ""
    return "unfinished", f"it stands at step {step:.0f} of {last:.0f}"
