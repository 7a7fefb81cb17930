"""Hugging Face model cards: the `model-index` of a page's front matter, each result of it a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError, NothingSelectedError
from repro.machine import files
from repro.outside import cells, parse, search
from repro.outside.logged import Curve, Log, LoggedRun

TOOL = "Hugging Face model card"
INDEX = "model-index"
FENCE = "---"


def recognises(path: Path) -> bool:
    """Say whether a path is a page with a `model-index` in its front matter, or a folder that holds one."""
    return search.begins(path, _named, _holds)


def _named(name: str) -> bool:
    return name.endswith(".md")


def _holds(head: bytes) -> bool:
    return head.startswith(b"---") and b"\nmodel-index:" in head


def read(path: Path) -> Log:
    """Return the results that hold one value a metric; what else there is is left out, each with its reason.

    Raise NothingSelectedError where nothing remains.
    """
    runs: list[LoggedRun] = []
    left_out: list[str] = []
    for file in search.files(path, _named, f"page with a {INDEX}", _holds):
        for name, origin, result in _results(file, search.name_of(file.with_suffix(""), path)):
            run, reasons = _run(name, origin, result, file)
            left_out += [f"{file.name}, {origin}: {reason}" for reason in reasons]
            runs += [run] if run.curves else []
    if not runs:
        what = "; ".join(left_out[:3]) or f"its {INDEX} has no results"
        raise NothingSelectedError(f"{path}: no value of one run is in there ({what}); read the runs' own logs")
    return Log(TOOL, tuple(runs), left_out=tuple(left_out))


def _results(file: Path, name: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the results of a card, with a name and a place each, and their model's name among them."""
    text = files.read_text(file, "model card", parse.AGAIN)
    front, closed, _ = text.removeprefix(FENCE).partition(f"\n{FENCE}")
    if not text.startswith(FENCE) or not closed:
        raise IntegrityError(f"{file}: no whole model card, its front matter has no end ('{FENCE}'); {parse.AGAIN}")
    held = parse.yaml_of(file, "model card", front)
    models = held.get(INDEX) if isinstance(held, dict) else None
    if not isinstance(models, list) or not all(isinstance(model, dict) for model in models):
        raise IntegrityError(f"{file}: no model card with results, its {INDEX} is no list of models; {parse.AGAIN}")
    for number, model in enumerate(models):
        results = model.get("results") or []
        if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
            raise IntegrityError(f"{file}: the results of model {number + 1} are no list; {parse.AGAIN}")
        for place, result in enumerate(results):
            origin = f"{INDEX}[{number}].results[{place}]"
            yield f"{name}/{number}/{place}", origin, {"model": model.get("name"), **result}


def _run(name: str, origin: str, result: Mapping[str, Any], file: Path) -> tuple[LoggedRun, list[str]]:
    """Return a result as a run, and why values of it were left out."""
    known = {key: value for key, value in result.items() if key not in ("metrics", "source")}
    grouped: dict[str, list[Any]] = {}
    metrics = result.get("metrics")
    listed = [metric for metric in metrics if isinstance(metric, dict)] if isinstance(metrics, list) else []
    for metric in listed:
        grouped.setdefault(_key(metric, listed), []).append(metric.get("value"))
    curves: dict[str, Curve] = {}
    left_out, notes = [], [] if "dataset" in result else ["no dataset is named"]
    for key, values in grouped.items():
        if len(values) > 1:
            left_out.append(f"{len(values)} values of {key} under one data set: whose seeds they are is lost")
            continue
        amount, said = _value(values[0])
        if amount is None:
            left_out.append(f"{key} is {values[0]!r}, {said}")
        else:
            curves[key] = parse.curve([(None, None, amount)], after=True)
            notes += [f"{key}: {said}"] if said else []
    run = LoggedRun(name, file, parse.flat(known, file), curves, origin=origin, notes=tuple(notes))
    return run, left_out


def _key(metric: Mapping[str, Any], others: list[dict[str, Any]]) -> str:
    """Return what a metric is called: by its type, where several of a result have that by their own names."""
    kind = str(metric.get("type"))
    names = {str(one.get("name")) for one in others if str(one.get("type")) == kind}
    return f"{kind} ({metric.get('name')})" if len(names) > 1 else kind


def _value(value: Any) -> tuple[float | None, str]:
    """Return the number of a value and what to know of it, or why it is none; texts are numbers on purpose only."""
    amount = parse.number(value)
    if amount is not None:
        return amount, ""
    if not isinstance(value, str):
        return None, "which is no number"
    text = value.strip()
    if text.endswith("%"):
        return cells.number(text[:-1].strip()), "in percent, as a text"
    amount = cells.number(text)
    spread = any(sign in text for sign in ("±", "+/-", "+-", "\\pm"))
    return amount, "given as a text" if amount is not None else "a mean with a spread, no run's value" * spread or (
        "a text that is no number"
    )
