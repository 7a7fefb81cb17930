"""A printed mean and spread against the very runs that it was made of: which reading of the spread prints so.

Digits of the print and of the runs are intervals. A cell is an erratum only where no number that its runs may stand for
prints so; the cells of a table have one reading, which `table` finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite, sqrt
from numbers import Number, Real
from typing import Any

from repro import printed
from repro.audit import spreads
from repro.audit.claims import Claim
from repro.audit.samples import PAIR, published_sample
from repro.audit.spreads import READINGS, TRIED, Fit, Sums
from repro.audit.verdicts import Judgement, Runs, finite, several
from repro.errors import UsageError
from repro.outside import powers
from repro.printed import Printed

SAID = {
    "unknown": TRIED,
    "sd": ("sd", "sd-n"),
    "se": ("se", "se-n"),
    "ci95": ("ci95-t", "ci95", "ci95-n", "ci95-t-n"),
    "2sd": ("2sd", "2sd-n"),
}  # by a claim's spread
FURTHEST = 400  # powers of ten: no number of a document is larger, or finer
EXACT = Decimal(0)
SHOWN = 3  # cells that are named of those with the same runs
Value = float | str  # a run: an exact number, or a text whose digits say how exact it is


@dataclass(frozen=True)
class Entry:
    """A print and what of it comes out of its runs, under each reading that may be meant.

    `said` is the number of runs that the document names, `lost` how many of those that were found gave no number,
    `besides` what else there is to say of them.
    """

    mean: Printed
    spread: Printed | None
    sums: Sums
    mean_fits: Fit
    fits: Mapping[str, Fit]
    said: int | None
    lost: int
    besides: str

    @property
    def middle(self) -> float:
        """Return the mean of the runs as they stand."""
        return float(self.sums.total * self.sums.step / self.n)

    @property
    def n(self) -> int:
        """Return how many runs there are."""
        return len(self.sums.runs)

    @property
    def count(self) -> str:
        """Return in words how many runs there are."""
        return "one run" if self.n == 1 else f"{self.n} runs"

    @property
    def whole(self) -> bool:
        """Say whether the runs are as many as they are said to be."""
        return not self.lost and self.said in (None, self.n)

    @property
    def read(self) -> bool:
        """Say whether the cell tells how a spread is to be read: it prints, or may, in some way."""
        return self.whole and any(self.fits.values())


@dataclass(frozen=True)
class Agreement:
    """What is said of each cell, and the readings that its cells have in common, the likeliest first."""

    readings: tuple[str, ...]
    said: Mapping[str, Judgement]


# Reading


def prints_of(published: Sequence[str]) -> tuple[Printed, Printed | None]:
    """Return mean and spread of a text such as "93.1 ± 0.3", of two such as "93.1" and "0.3", or of a mean alone."""
    if len(published) > 2:
        raise UsageError(f"wanted a mean and a spread, got {len(published)} parts; make each mean a claim of its own")
    if len(published) == 1 and PAIR.fullmatch(published[0].strip()):
        pair = published_sample(published[0])
        powers.hold_power(*pair)
        return pair
    mean, *spread = (printed.parse(text) for text in published)
    return mean, spread[0] if spread else None


def run_of(value: Value) -> tuple[Decimal, Decimal]:
    """Return a run and the unit of its last digit, 0 for a number. Raise UsageError for what is none."""
    if isinstance(value, str):
        number = printed.parse(value)
        return number.value, number.unit
    if not isinstance(value, Real | Decimal) or isinstance(value, bool):
        raise UsageError(f"wanted a number or a text of digits for a run, got {value!r}")
    if isinstance(value, float) and not isfinite(value):
        raise UsageError(f"a run is {value}, which has no place in a mean; leave it out and say how many diverged")
    finite(value)
    return value if isinstance(value, Decimal) else printed.exact(value), EXACT


def cell(
    published: Sequence[str],
    runs: Iterable[Value],
    *,
    said: int | None = None,
    lost: int = 0,
    besides: str = "",
    readings: Sequence[str] = TRIED,
    scale: str = "1",
    resolution: str | None = None,
) -> Entry:
    """Hold a print to its runs.

    `scale` brings runs into the print's unit. `resolution` is the unit of the runs' last digits where their own digits
    do not say it: "0" for numbers in full. Raise UsageError for a print, a run or a spread that cannot be read.
    """
    mean, spread = prints_of(published)
    return held(
        mean, spread, runs, said=said, lost=lost, besides=besides, readings=readings, scale=scale, resolution=resolution
    )


def held(
    mean: Printed,
    spread: Printed | None,
    runs: Iterable[Value],
    *,
    said: int | None = None,
    lost: int = 0,
    besides: str = "",
    readings: Sequence[str] = TRIED,
    scale: str = "1",
    resolution: str | None = None,
) -> Entry:
    """Hold a mean and a spread that were read already to their runs, as `cell` does."""
    if spread is not None and spread.value < 0:
        raise UsageError(f"a spread is 0 or more, got {spread.text!r}")
    factor = printed.parse(scale).value
    pairs = [run_of(value) for value in runs]
    if not pairs or not factor:
        raise UsageError("a mean of no runs, or of runs times 0; give the runs that it was made of")
    known = None if resolution is None else printed.parse(resolution).value
    values = [value * factor for value, _ in pairs]
    units = [abs(factor) * (unit if known is None else known) for _, unit in pairs]
    prints = [mean, *([spread] if spread is not None else [])]
    _hold_size([*values, *units, *(part for one in prints for part in (one.value, one.unit))])
    sums = spreads.summed(values, units, prints)
    fits = {}
    if spread is not None and len(values) > 1:
        wanted = spreads.range_of(sums, spread)
        fits = {reading: spreads.spread_fit(sums, wanted, reading) for reading in readings}
    return Entry(mean, spread, sums, spreads.mean_fit(sums, mean), fits, said, lost, besides)


def _hold_size(numbers: Iterable[Decimal]) -> None:
    """Raise UsageError for a number so large or so fine that no document means it."""
    for number in numbers:
        if number and max(abs(number.adjusted()), abs(int(number.as_tuple().exponent))) > FURTHEST:
            raise UsageError(f"{number:.3g} is too large or too fine to be reckoned with; look for a slip in its power")


# Saying


def word(one: Entry, readings: Sequence[str] = (), *, each: bool = False) -> Judgement:
    """Return what is said of a cell; its table has one of these `readings`, any without them.

    With `each`, no reading suits the whole table, and the spread has to print under all of these.
    """
    faults = [*_mean_faults(one), *_spread_faults(one)]
    factor = "" if one.mean_fits else _other_unit(one)
    if not one.whole:
        said = _missing(one)
    elif factor:
        said = Judgement(
            "inconclusive", f"the runs times {factor} have the mean that is printed; give both in one unit"
        )
    elif faults:
        said = Judgement("erratum", "; ".join(faults))
    elif one.spread is not None and one.n == 1:
        said = Judgement("inconclusive", f"one run has no spread, and {one.spread.text.strip()} is printed")
    else:
        said = _fitting(one, readings, each=each)
    middle, open_to = one.middle, float(one.sums.halves * one.sums.step / one.n)
    value, half = float(one.mean.value), float(one.mean.half)
    return replace(
        said, evidence="; ".join(words for words in (said.evidence, one.besides) if words), n=one.n, basis=one,
        ours=(middle, middle - open_to, middle + open_to), theirs=(value, value - half, value + half),
    )  # fmt: skip


def _missing(one: Entry) -> Judgement:
    """Return how many runs are there of those that are said."""
    there = f"{one.n} {'is' if one.n == 1 else 'are'} there"
    lost = f", and {one.lost} diverged" if one.lost else ""
    more = one.said - one.n if one.said and one.said > one.n else None
    runs = f"{one.said} runs are said" if one.said else f"{one.n + one.lost} runs were begun"
    return Judgement("inconclusive", f"{runs} and {there}{lost}", more=more)


def _fitting(one: Entry, readings: Sequence[str], *, each: bool) -> Judgement:
    """Return what is said of a cell whose mean and spread print, or may."""
    fits = {name: one.fits.get(name, Fit.NOT) for name in readings or one.fits} if one.fits else {}
    best = (min if each else max)(fits.values(), default=Fit.PRINTS)
    if best == Fit.NOT:
        prints = _listed(name for name, fit in one.fits.items() if fit)
        others = "no reading suits every cell" if each else f"those of the other cells as {_listed(readings)}"
        return Judgement("inconclusive", f"the spread prints as {prints}, and {others}")
    named = [name for name, fit in fits.items() if fit == best]
    how = f"the spread is {_listed(named)}" if named else ""
    left = [*_open_mean(one), *(_open_spread(one, named[0]) if best == Fit.PERHAPS else [])]
    if left:
        words = f"cannot tell: {'; '.join(left)}; more digits of the runs would decide"
        return Judgement("inconclusive", words, statistic=how)
    if one.spread is not None and not one.sums.squares:
        how = "equal runs, whose spread is 0"
    return Judgement("reproduced", f"mean {one.middle:.12g} of {one.count}{f'; {how}' if how else ''}", statistic=how)


def _open_mean(one: Entry) -> list[str]:
    """Return in words what the runs' digits leave open of a mean that prints for some of it only."""
    if one.mean_fits == Fit.PRINTS:
        return []
    off = float(one.sums.halves * one.sums.step / one.n)
    return [
        f"by their digits the mean is {one.middle:.12g} ± {off:.2g}, of which a part prints as {one.mean.text.strip()}"
    ]


def _open_spread(one: Entry, reading: str) -> list[str]:
    """Return in words what the runs' digits leave open of a spread that prints for some of it only."""
    _, least, most = spreads.spread_of(one.sums, reading)
    said = one.spread.text.strip() if one.spread else ""
    return [f"{READINGS[reading]} is {least:.6g} to {most:.6g} by their digits, of which a part prints as {said}"]


def _listed(readings: Iterable[str]) -> str:
    """Return readings in words."""
    return " or ".join(READINGS[name] for name in readings)


def _other_unit(one: Entry) -> str:
    """Return by which factor the runs would have the printed mean, as shares, percentages and thousands have."""
    for power, factor in ((2, "100"), (-2, "0.01"), (3, "1000"), (-3, "0.001"), (6, "1e6"), (-6, "1e-6")):
        scaled = replace(one.mean, value=one.mean.value.scaleb(-power), unit=one.mean.unit.scaleb(-power))
        if one.mean.value and spreads.mean_fit(one.sums, scaled):
            return factor
    return ""


def _mean_faults(one: Entry) -> list[str]:
    """Return in words that the mean cannot have printed so, and what else did."""
    if one.mean_fits:
        return []
    cut = " (the print is cut off, not rounded)" if spreads.mean_is_cut(one.sums, one.mean) else ""
    other = "" if cut else spreads.other_statistic(one.sums, one.mean)
    hint = f" (the {other} of the runs prints so)" if other else ""
    return [f"the mean of {one.count} is {one.middle:.12g}, not {one.mean.text.strip()}{cut}{hint}"]


def _spread_faults(one: Entry) -> list[str]:
    """Return in words that no reading of the spread prints so, and what else did."""
    if one.spread is None or not one.fits or any(one.fits.values()):
        return []
    numbers = ", ".join(f"{READINGS[name]} {spreads.spread_of(one.sums, name)[0]:.6g}" for name in one.fits)
    said = f"no reading of the spread is {one.spread.text.strip()}: {numbers}"
    wanted = spreads.range_of(one.sums, one.spread)
    other = [
        name for name in TRIED if name not in one.fits and spreads.spread_fit(one.sums, wanted, name) == Fit.PRINTS
    ]
    if other:
        return [f"{said} ({_listed(other)} prints so)"]
    wanted = spreads.range_of(one.sums, one.spread, cut=True)
    cut = [name for name in one.fits if spreads.spread_fit(one.sums, wanted, name) == Fit.PRINTS]
    return [f"{said} (cut off, not rounded, {_listed(cut)} prints so)" if cut else said]


# A table


def table(cells: Mapping[str, Entry]) -> Agreement:
    """Return what is said of the cells of a table by their names: its spreads have one reading.

    It is the one by which most cells print or may. Where digits do not decide between several, all are named, first the
    one by which most print as the runs stand. A spread that prints under none of them is inconclusive.
    """
    telling = [one for one in cells.values() if one.read]
    possible = Counter(name for one in telling for name, fit in one.fits.items() if fit)
    prints = Counter(name for one in telling for name, fit in one.fits.items() if fit == Fit.PRINTS)
    most = max(possible.values(), default=0)
    left = [name for name in READINGS if most and possible[name] == most]
    readings = tuple(sorted(left, key=lambda name: -prints[name]))
    each = most < len(telling) and len(readings) > 1
    said = {name: word(one, readings, each=each) for name, one in cells.items()}
    for name, others in same_runs(cells).items():
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        words = f"{said[name].evidence}; the runs of {', '.join(others[:SHOWN])}{more} are the same"
        said[name] = replace(said[name], evidence=words)
    return Agreement(readings, said)


def same_runs(cells: Mapping[str, Entry]) -> dict[str, list[str]]:
    """Return by cell the others that have the very same runs, but for runs that are all equal."""
    known: dict[tuple[Decimal, ...], list[str]] = {}
    for name, one in cells.items():
        if one.n > 1 and one.sums.squares:
            known.setdefault(tuple(run * one.sums.step for run in one.sums.runs), []).append(name)
    shared = [names for names in known.values() if len(names) > 1]
    return {name: [other for other in names if other != name] for names in shared for name in names}


# The judge


def decide_made_of(claim: Claim, evidence: Any) -> Judgement:
    """Hold a published mean, with or without a spread, to the runs it was made of: numbers, or texts with digits."""
    found = evidence if isinstance(evidence, Runs) else Runs(_several(evidence))
    return word(
        cell(
            claim.published,
            several(found.values),
            said=claim.runs,
            lost=found.diverged,
            besides=found.besides,
            readings=SAID[claim.spread],
        )
    )


def _several(evidence: Any) -> tuple[Any, ...]:
    return (evidence,) if isinstance(evidence, str | Number) else tuple(several(evidence))


def one_reading(judgements: Sequence[tuple[Claim, Judgement]]) -> list[tuple[Claim, Judgement]]:
    """Return a document's judgements; claims of this judge that share a `where` are the cells of one table."""
    tables: dict[str, dict[str, Entry]] = {}
    for claim, said in judgements:
        if isinstance(said.basis, Entry):
            tables.setdefault(claim.where, {})[claim.id] = said.basis
    found = {name: said for cells in tables.values() if len(cells) > 1 for name, said in table(cells).said.items()}
    return [(claim, found.get(claim.id, said)) for claim, said in judgements]


def plant_made_of(claim: Claim, evidence: Any) -> Any:
    """Move the runs by three units of the mean's last digit where they are its own, else return such as would be."""
    found = evidence if isinstance(evidence, Runs) else Runs(_several(evidence))
    mean, spread = prints_of(claim.published)
    n = claim.runs or max(2, len(found.values))
    value, wrong = float(mean.value), 3 * float(mean.unit)
    if decide_made_of(claim, evidence).verdict == "reproduced":
        return [float(run_of(one)[0]) + wrong for one in found.values]
    if spread is None:
        return [value] * n
    if n == 1:
        return [value + wrong]
    least, _, over = spreads.factors(n)[SAID[claim.spread][0]]
    apart = float(spread.value) * sqrt(over / least / (n - n % 2))
    return [value + apart * side for side in (-1, 1) for _ in range(n // 2)] + [value] * (n % 2)
