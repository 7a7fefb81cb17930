"""What a figure says of itself: that stand-in data made it, and where a picture has no value to show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from repro.machine.foreign import guarded
from repro.runs.plan import stored_content
from repro.study import Figure, Study

RESULTS = ("value", "curve")  # the columns of a row that hold what a run found
PRINT = 7  # points, of what stands below a picture
HATCH = "////"
HATCHED = "Hatched: no value there, as where every run diverged."


class Watched(Mapping[str, Any]):
    """A row that knows whether its result was looked at; a figure selects by the other columns."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row
        self.read = False

    def __getitem__(self, key: str) -> Any:
        """Return a cell of the row."""
        self.read = self.read or key in RESULTS
        return self._row[key]

    def __iter__(self) -> Iterator[str]:
        """Return the names of the columns."""
        return iter(self._row)

    def __len__(self) -> int:
        """Return how many columns there are."""
        return len(self._row)


def stand_ins(study: Study) -> dict[str, str]:
    """Return the stand-in data sets of a study's profiles: by their content, which set stands in for which."""
    found = {}
    with guarded(f"the data of study '{study.name}'"):
        for name, profile in study.profiles.items():
            cases = [case for _, case in study.select(name)] if callable(profile.data) else [None]
            for data in filter(None, map(profile.data_of, cases)):
                if data.stands_in_for:
                    found[stored_content(data)] = f"{data.name} in place of {data.stands_in_for}"
    return found


def said_of(study: Study, rows: Iterable[Watched]) -> str:
    """Say which stand-in data the rows whose results were read are of, and whether all are; nothing where none is."""
    contents = [row["data"] for row in rows if row.read and "data" in row]
    known = stand_ins(study) if any(contents) else {}
    named = [known[content] for content in contents if content in known]
    if not named:
        return ""
    part = "Made from stand-in data" if len(named) == len(contents) else "Made in part from stand-in data"
    return f"{part}: {', '.join(sorted(set(named)))}. Such data answer no claim."


def marked(made: Figure, said: str) -> Figure:
    """Return a figure that says this in its notes and below its picture; as it was where there is nothing to say."""
    if not said:
        return made
    draw = made.draw

    def drawn(canvas: Any) -> None:
        assert draw is not None
        draw(canvas)
        small_print(canvas, said)

    notes = "\n\n".join(text for text in (made.notes, said) if text)
    return replace(made, notes=notes, draw=drawn if draw is not None else None)


def small_print(canvas: Any, said: str) -> None:
    """Write a line below everything on a canvas, and below what stands there already."""
    canvas.supxlabel("\n".join(text for text in (canvas.get_supxlabel(), said) if text), fontsize=PRINT)


def hatch_gaps(canvas: Any) -> None:
    """Hatch the cells of heat maps that have no value, which else are as white as a high one, and say what that is."""
    gaps = [axes for axes in canvas.axes if any(_has_gaps(image.get_array()) for image in axes.images)]
    for axes in gaps:
        axes.patch.set(hatch=HATCH, edgecolor="0.45", linewidth=0)
    if gaps:
        small_print(canvas, HATCHED)


def _has_gaps(values: Any) -> bool:
    """Say whether an array of one number a cell has some that are none."""
    import numpy as np

    return values.ndim == 2 and bool(np.ma.getmaskarray(np.ma.masked_invalid(values)).any())


def watched(rows: Sequence[Mapping[str, Any]]) -> list[Watched]:
    """Return rows that know whether they were read."""
    return [Watched(row) for row in rows]
