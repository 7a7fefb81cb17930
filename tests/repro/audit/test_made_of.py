"""Prints against the runs that they were made of: every reading is found, and nobody is accused who rounded."""

from __future__ import annotations

import csv
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from repro import stats
from repro.audit import made_of, spreads
from repro.audit.claims import Claim
from repro.audit.judges import JUDGES, accused
from repro.audit.verdicts import Judgement, Runs
from repro.errors import UsageError

CLAIM = Claim("toy", "it", "table 1", "mean-and-deviation", "Something.", ("1",), 1, judge="made_of")
FIVE = [93.0, 93.5, 92.75, 93.25, 93.0]  # mean 93.1; sd 0.285 of n - 1 and 0.255 of n
COARSE = ["0.071734", "0.071319", "0.071468", "0.071609", "0.071428"]  # mean 0.0715116


def claim(*published: str, **changed: Any) -> Claim:
    return replace(CLAIM, published=published, **changed)


def say(published: str | Sequence[str], evidence: Any, **changed: Any) -> Judgement:
    parts = (published,) if isinstance(published, str) else tuple(published)
    return made_of.decide_made_of(claim(*parts, **changed), evidence)


# What is said of one cell


@pytest.mark.parametrize(
    ("published", "runs", "changed", "verdict", "words"),
    [
        ("93.10 ± 0.29", FIVE, {}, "reproduced", "mean 93.1 of 5 runs; the spread is the standard deviation of n - 1"),
        (["93.10", "0.25"], FIVE, {}, "reproduced", "the spread is the standard deviation of n or "),
        ("93.10 ± 0.128", FIVE, {}, "erratum", "deviation of n - 1 0.285044, the standard deviation of n 0.254951"),
        ("93.10 ± 0.127", FIVE, {}, "reproduced", "the standard error by n - 1"),
        ("93.10 ± 0.114", FIVE, {}, "reproduced", "the standard error by n"),
        ("93.10 ± 0.354", FIVE, {}, "reproduced", "the 95 % interval by Student's t"),
        ("93.10 ± 0.375", FIVE, {}, "reproduced", "half the range"),
        ("93.10 ± 0.57", FIVE, {}, "erratum", "no reading of the spread is 0.57"),
        ("93.10 ± 0.57", FIVE, {"spread": "2sd"}, "reproduced", "two standard deviations of n - 1"),
        ("93.10 ± 0.127", FIVE, {"spread": "sd"}, "erratum", r"\(the standard error by n - 1 prints so\)"),
        ("93.10 ± 0.2850", FIVE, {}, "reproduced", "the standard deviation of n - 1$"),
        ("93.10 ± 0.2549", FIVE, {}, "erratum", r"\(cut off, not rounded, the standard deviation of n prints so\)"),
        ("93.2 ± 0.3", FIVE, {}, "erratum", "the mean of 5 runs is 93.1, not 93.2"),
        ("93.50", FIVE, {}, "erratum", r"\(the highest of the runs prints so\)"),
        ("93.00", FIVE, {}, "erratum", r"\(the median of the runs prints so\)"),
        ("1.66", [1.66, 1.67, 1.676], {}, "erratum", r"\(the print is cut off, not rounded\)"),
        ("-1.66", [-1.66, -1.67, -1.676], {}, "erratum", r"\(the print is cut off, not rounded\)"),
        ("93.1", FIVE, {}, "reproduced", "mean 93.1 of 5 runs$"),
        ("0.071511", COARSE, {}, "inconclusive", r"0.0715116 ± 5e-07, of which a part prints as 0.071511; more digits"),
        ("0.071512", COARSE, {}, "reproduced", "mean 0.0715116"),
        ("0.071510", COARSE, {}, "erratum", "the mean of 5 runs is 0.0715116, not 0.071510"),
        ("0.50 ± 0.0094", ["0.49", "0.51"], {"spread": "sd"}, "inconclusive", "0.00707107 to 0.0212132 by their"),
        ("100.0 ± 0.0", [100.0] * 5, {}, "reproduced", "equal runs, whose spread is 0"),
        ("100.0 ± 0.1", [100.0] * 5, {}, "erratum", "no reading of the spread is 0.1"),
        ("1.5", [1.5], {}, "reproduced", "mean 1.5 of one run"),
        ("1.5 ± 0.0", [1.5], {}, "inconclusive", "one run has no spread, and 0.0 is printed"),
        ("1.6 ± 0.0", [1.5], {}, "erratum", "the mean of one run is 1.5"),
        ("93.1 ± 0.3", FIVE, {"runs": 10}, "inconclusive", "10 runs are said and 5 are there"),
        ("77", FIVE, {"runs": 3}, "inconclusive", "3 runs are said and 5 are there"),
        ("93.1 ± 0.3", Runs(tuple(FIVE), 2), {"runs": 7}, "inconclusive", "7 runs are said and 5 are there, and 2 div"),
        ("93.1 ± 0.3", Runs(tuple(FIVE), 0, "by hand"), {}, "reproduced", "; by hand$"),
        ("0.931 ± 0.003", FIVE, {}, "inconclusive", "the runs times 0.01 have the mean that is printed"),
        ("9310", FIVE, {}, "inconclusive", "the runs times 100 have"),
        ("1.5", 1.5, {}, "reproduced", "mean 1.5"),
        ("0.52", 0.3e39, {}, "erratum", "is 3e"),
    ],
)
def test_each_cell_gets_its_right_word(
    published: str | list[str], runs: Any, changed: dict[str, Any], verdict: str, words: str
) -> None:
    found = say(published, runs, **changed)
    assert found.verdict == verdict, found.evidence
    assert re.search(words, found.evidence), found.evidence


@pytest.mark.parametrize(
    ("published", "runs", "words"),
    [
        ("93.1 ± -0.3", FIVE, "a spread is 0 or more, got '-0.3'"),
        (["1", "2", "3"], FIVE, "wanted a mean and a spread, got 3 parts"),
        ("a lot", FIVE, "wanted digits as in"),
        ("93.1", [], "a mean of no runs"),
        ("93.1", [93.0, float("nan")], "a run is nan, which has no place in a mean"),
        ("93.1", [93.0, None], "wanted a number or a text of digits for a run, got None"),
        ("93.1", ["93.0", "n/a"], "wanted digits as in"),
        ("93.1", ["1e9999"], "too large or too fine"),
        ("1e-9999", [1.0], "too large or too fine"),
    ],
)
def test_what_cannot_be_read_is_no_verdict(published: str | list[str], runs: Any, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        say(published, runs)


def test_runs_in_another_unit_and_of_known_digits_are_brought_into_the_print_s() -> None:
    shares = ["0.93", "0.935", "0.9275", "0.9325", "0.93"]
    known = made_of.cell(("93.10 ± 0.25",), shares, scale="100", resolution="0")
    assert made_of.word(known).verdict == "reproduced"
    assert known.fits["sd-n"] == spreads.Fit.PRINTS
    own = made_of.cell(("93.12 ± 0.25",), shares, scale="100")
    assert (own.mean_fits, known.sums.halves) == (spreads.Fit.PERHAPS, 0)


def test_a_judgement_keeps_what_was_compared() -> None:
    found = say("0.07151", COARSE)
    assert found.theirs == pytest.approx((0.07151, 0.071505, 0.071515))
    assert found.ours == pytest.approx((0.0715116, 0.0715111, 0.0715121))
    assert found.n == 5
    assert say("1", [1.0], runs=3).more == 2


@pytest.mark.parametrize(
    ("published", "runs", "changed"),
    [
        ("93.10 ± 0.29", FIVE, {}),
        ("93.2 ± 0.3", FIVE, {}),
        ("93.1", FIVE, {}),
        ("94.1", FIVE, {}),
        ("0.071511", COARSE, {}),
        ("1.5 ± 0.1", [1.5], {}),
        ("1.5 ± 0.1", [1.5, 1.6], {"runs": 1}),
        ("1.50 ± 0.10", [1.5], {"runs": 6, "spread": "se"}),
        ("1.50 ± 0.10", [1.5], {"runs": 7, "spread": "ci95"}),
    ],
)
def test_a_planted_opposite_changes_the_verdict(published: str, runs: Any, changed: dict[str, Any]) -> None:
    some = claim(published, **changed)
    judge = JUDGES["made_of"]
    assert judge.decide(some, judge.plant(some, runs)).verdict != judge.decide(some, runs).verdict


# What is printed under one reading

READINGS: dict[str, Callable[[Sequence[float]], float]] = {
    "sd": statistics.stdev,
    "sd-n": statistics.pstdev,
    "se": lambda runs: statistics.stdev(runs) / sqrt(len(runs)),
    "se-n": lambda runs: statistics.pstdev(runs) / sqrt(len(runs)),
    "ci95-t": lambda runs: stats.t_critical(0.05, len(runs) - 1) * statistics.stdev(runs) / sqrt(len(runs)),
    "ci95": lambda runs: 1.96 * statistics.stdev(runs) / sqrt(len(runs)),
    "ci95-n": lambda runs: 1.96 * statistics.pstdev(runs) / sqrt(len(runs)),
    "half-range": lambda runs: (max(runs) - min(runs)) / 2,
    "2sd": lambda runs: 2 * statistics.stdev(runs),
    "2sd-n": lambda runs: 2 * statistics.pstdev(runs),
    "ci95-t-n": lambda runs: stats.t_critical(0.05, len(runs) - 1) * statistics.pstdev(runs) / sqrt(len(runs)),
}
values = st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=12)
decimals = st.integers(0, 4)
ways = st.sampled_from((ROUND_HALF_EVEN, ROUND_HALF_UP))


def shown(value: float, digits: int, way: str) -> str:
    """Return a number as it prints."""
    return str(Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), way))


def pair(runs: Sequence[float], reading: str, digits: int, way: str = ROUND_HALF_EVEN) -> tuple[str, str]:
    """Return a mean and a spread as they print."""
    return shown(statistics.fmean(runs), digits, way), shown(READINGS[reading](runs), digits, way)


def test_every_reading_is_tried_and_those_not_said_are_tested() -> None:
    assert set(READINGS) == set(spreads.READINGS)
    assert {name for some in made_of.SAID.values() for name in some} == set(READINGS)


class TestWhoeverRounded:
    """A cell that was printed from its runs under one reading is never accused."""

    @given(values, st.sampled_from(spreads.TRIED), decimals, ways)
    def test_of_runs_in_full_it_is_reproduced(self, runs: list[float], reading: str, digits: int, way: str) -> None:
        one = made_of.cell(pair(runs, reading, digits, way), runs)
        assert one.fits[reading] == spreads.Fit.PRINTS
        assert made_of.word(one).verdict == "reproduced"

    @given(values, st.sampled_from(spreads.TRIED), decimals, st.integers(0, 6), ways)
    def test_of_rounded_runs_it_is_no_erratum(
        self, runs: list[float], reading: str, digits: int, left: int, way: str
    ) -> None:
        kept = [shown(run, left, way) for run in runs]
        one = made_of.cell(pair(runs, reading, digits, way), kept)
        assert one.fits[reading]
        assert made_of.word(one).verdict in ("reproduced", "inconclusive")

    @given(st.lists(values, min_size=1, max_size=6), st.sampled_from(spreads.TRIED), st.integers(1, 4))
    def test_no_cell_of_a_table_is_accused(self, cells: list[list[float]], reading: str, digits: int) -> None:
        found = made_of.table(
            {str(place): made_of.cell(pair(runs, reading, digits), runs) for place, runs in enumerate(cells)}
        )
        assert reading in found.readings
        assert {said.verdict for said in found.said.values()} == {"reproduced"}

    @given(values, st.sampled_from(spreads.TRIED), st.integers(0, 4), st.sampled_from((-1, 1)))
    def test_a_changed_last_digit_of_the_mean_is_seen(
        self, runs: list[float], reading: str, digits: int, way: int
    ) -> None:
        mean, spread = pair(runs, reading, digits)
        unit = Decimal(1).scaleb(-digits)
        changed = Decimal(mean) + way * unit
        exact = sum(map(Fraction, runs), Fraction(0)) / len(runs)
        assume(abs(exact - Fraction(changed)) > Fraction(unit) * Fraction(51, 100))  # not half a unit away
        assume(abs(exact) < 10**9 * Fraction(unit))
        found = say((str(changed), spread), runs)
        assert found.verdict == "erratum" or "in one unit" in found.evidence


def test_a_number_that_floats_do_not_hold_prints_either_way() -> None:
    """0.125 printed to two decimals, and a mean that floating point leaves a bit below its half."""
    for text in ("0.12", "0.13"):
        assert say(text, [0.1, 0.15]).verdict == "reproduced"
    for text in ("2.67", "2.68"):
        assert say(text, [2.6749999999999994, 2.6749999999999994]).verdict == "reproduced"


# Tables


def cells_of(reading: str, *, tables: int = 6, digits: int = 2) -> dict[str, made_of.Entry]:
    runs = [[90 + place + 0.37 * step**2 / (place + 1) for step in range(5)] for place in range(tables)]
    return {f"c{place}": made_of.cell(pair(one, reading, digits), one) for place, one in enumerate(runs)}


class TestTable:
    @pytest.mark.parametrize("reading", spreads.TRIED)
    def test_it_has_the_reading_that_it_was_printed_under(self, reading: str) -> None:
        found = made_of.table(cells_of(reading))
        assert found.readings == (reading,)
        assert {said.statistic for said in found.said.values()} == {f"the spread is {spreads.READINGS[reading]}"}

    def test_a_cell_under_another_reading_is_inconclusive_and_named(self) -> None:
        odd = cells_of("sd-n")["c2"]
        found = made_of.table({**cells_of("sd"), "c2": odd})
        assert found.readings == ("sd",)
        assert found.said["c2"].verdict == "inconclusive"
        assert "prints as the standard deviation of n, and those of the other cells as" in found.said["c2"].evidence
        assert Counter(said.verdict for said in found.said.values()) == {"reproduced": 5, "inconclusive": 1}

    def test_of_two_cells_that_disagree_neither_is_right(self) -> None:
        found = made_of.table({"a": cells_of("sd")["c1"], "b": cells_of("se")["c2"]})
        assert [said.verdict for said in found.said.values()] == ["inconclusive"] * 2
        assert "no reading suits every cell" in found.said["a"].evidence

    def test_a_wrong_cell_does_not_take_the_reading_from_the_rest(self) -> None:
        wrong = made_of.cell(("93.10 ± 7.77",), FIVE)
        found = made_of.table({**cells_of("se-n"), "wrong": wrong})
        assert (found.readings, found.said["wrong"].verdict) == (("se-n",), "erratum")
        assert Counter(said.verdict for said in found.said.values()) == {"reproduced": 6, "erratum": 1}

    def test_digits_that_do_not_decide_leave_several(self) -> None:
        cells = {"a": made_of.cell(("93.1 ± 0.3",), FIVE), "b": made_of.cell(("93.1 ± 0.3",), FIVE)}
        found = made_of.table(cells)
        assert found.readings == ("sd", "sd-n")
        assert found.said["a"].verdict == "reproduced"

    def test_a_table_of_means_has_no_reading(self) -> None:
        found = made_of.table({"a": made_of.cell(("93.1",), FIVE)})
        assert (found.readings, found.said["a"].verdict) == ((), "reproduced")

    def test_the_same_runs_under_two_names_are_noted(self) -> None:
        cells = {name: made_of.cell(("93.1 ± 0.3",), runs) for name, runs in (("a", FIVE), ("b", FIVE[::-1]))}
        equal = {name: made_of.cell(("100.0 ± 0.0",), [100.0] * 3) for name in ("c", "d")}
        said = made_of.table({**cells, **equal}).said
        assert said["a"].evidence.endswith("; the runs of b are the same")
        assert said["b"].evidence.endswith("; the runs of a are the same")
        assert "same" not in said["c"].evidence

    def test_of_many_names_with_the_same_runs_few_are_said(self) -> None:
        said = made_of.table({name: made_of.cell(("93.1 ± 0.3",), FIVE) for name in "abcdef"}).said
        assert said["a"].evidence.endswith("; the runs of b, c, d and 2 more are the same")


def test_claims_of_one_place_in_a_document_have_one_reading() -> None:
    runs = [[90 + place + 0.37 * step**2 / (place + 1) for step in range(5)] for place in range(5)]
    some = []
    for place, one in enumerate(runs):
        text = " ± ".join(pair(one, "sd" if place else "sd-n", 2))
        some.append((claim(text, id=f"c{place}"), one))
    judged = [(one, made_of.decide_made_of(one, evidence)) for one, evidence in some]
    assert [said.verdict for _, said in judged] == ["reproduced"] * 5
    assert [said.verdict for _, said in accused(judged)] == ["inconclusive"] + ["reproduced"] * 4
    apart = [(replace(one, where=f"table {one.id}"), said) for one, said in judged]
    assert [said.verdict for _, said in accused(apart)] == ["reproduced"] * 5
    others = [(replace(CLAIM, id="other"), Judgement("erratum", "x"))]
    assert accused(others) == others


# Published tables with the seeds behind them

RIGHT = {
    "reproduced": "reproduced",
    "spread is population sd": "reproduced",
    "spread is se": "reproduced",
    "cannot tell": "inconclusive",
    "cannot tell (one run)": "inconclusive",
    "mismatch (runs)": "inconclusive",
    "mismatch": "erratum",
}
NAMED = {"spread is population sd": {"sd-n"}, "spread is se": {"se", "se-n"}}


@pytest.fixture(scope="module")
def tables(shared: Path) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Return the files of each published table, by the table's name, or skip: they are not part of the project."""
    folders = [folder for folder in sorted((shared / "tables").glob("*")) if (folder / "seeds.csv").is_file()]
    if not folders:
        pytest.skip("no published tables: tables/ is not in the folder of real data")
    names = ("cells", "seeds", "scale", "right")
    return {folder.name: {name: read(folder / f"{name}.csv") for name in names} for folder in folders}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def published(
    files: dict[str, list[dict[str, str]]],
) -> Iterator[tuple[str, tuple[str, ...], list[str], dict[str, Any]]]:
    """Yield each cell of a table: name, print, seeds, and what is known of them."""
    seeds: dict[str, list[str]] = {}
    for line in files["seeds"]:
        seeds.setdefault(line["id"], []).append(line["value"])
    said = {line["id"]: line["runs_said"] for line in files["cells"]}
    scale = {line["id"]: line for line in files["scale"]}
    for line in files["right"]:
        name = line["id"]
        parts = tuple(text for text in (line["mean_text"], line["spread_text"]) if text)
        known = {"said": int(said[name]) if said[name] else None, "scale": scale[name]["scale"]}
        yield name, parts, seeds[name], {**known, "resolution": scale[name]["seed_resolution"]}


def test_published_tables_get_their_right_words(tables: dict[str, dict[str, list[dict[str, str]]]]) -> None:
    wrong, counted = [], 0
    for title, files in tables.items():
        found = made_of.table(
            {name: made_of.cell(parts, runs, **known) for name, parts, runs, known in published(files)}
        )
        right = {line["id"]: line["right"] for line in files["right"]}
        wrong += [(title, name, right[name], said.verdict, said.evidence)
                  for name, said in found.said.items() if said.verdict != RIGHT[right[name]]]  # fmt: skip
        meant: set[str] = set().union(*(NAMED.get(one, set()) for one in right.values()))
        assert len(found.readings) == 1
        assert set(found.readings) <= (meant or {"sd"}), title
        counted += len(found.said)
    assert wrong == []
    assert counted >= 100


def test_a_changed_last_digit_of_a_published_mean_is_seen(
    tables: dict[str, dict[str, list[dict[str, str]]]],
) -> None:
    """Where the seeds have at least a digit more than the mean that they make."""
    seen = tried = 0
    for files in tables.values():
        right = {line["id"]: line["right"] for line in files["right"]}
        for name, parts, runs, known in published(files):
            unit = Decimal(1).scaleb(Decimal(parts[0]).as_tuple().exponent)  # type: ignore[arg-type]
            fine = 10 * abs(Decimal(known["resolution"]) * Decimal(known["scale"])) <= unit
            if not fine or RIGHT[right[name]] != "reproduced":
                continue
            for way in (-1, 1):
                one = made_of.cell((str(Decimal(parts[0]) + way * unit), *parts[1:]), runs, **known)
                seen += made_of.word(one).verdict == "erratum"
                tried += 1
    assert tried >= 100
    assert seen >= 0.95 * tried
