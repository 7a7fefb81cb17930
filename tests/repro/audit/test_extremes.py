"""The highest p over what a print may stand for; and, simulated, what that and the planned runs are worth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro import stats
from repro.audit import extremes, measured, samples
from repro.audit.claims import SPREADS, Claim
from repro.audit.judges import JUDGES, accused
from repro.audit.verdicts import LEVEL
from repro.printed import parse
from repro.stats import Sample

CLAIM = Claim("toy", "it", "section 1", "value", "Something.", ("0.00 ± 0.09",), 1, margin=0.1, runs=6, spread="sd")


class TestHighest:
    """No value that the print allows has a higher p than the one that is given."""

    @settings(max_examples=60)
    @given(
        mean=st.integers(-30, 30), spread=st.integers(0, 40), digits=st.integers(0, 3), n=st.integers(2, 40),
        ours=st.tuples(st.floats(-30, 30), st.floats(1e-6, 30), st.integers(2, 40)),
        margin=st.floats(1e-3, 30), reading=st.sampled_from(SPREADS), seed=st.integers(0, 2**32 - 1),
    )  # fmt: skip
    def test_no_random_point_of_the_box_has_a_higher_p(
        self, mean: int, spread: int, digits: int, n: int, ours: tuple[float, float, int], margin: float, reading: str,
        seed: int,
    ) -> None:  # fmt: skip
        scale = 10.0**-digits
        texts = [f"{number * scale:.{digits}f}" for number in (mean, spread)]
        box = extremes.box_of(parse(texts[0]), parse(texts[1]), n, reading)
        mine = Sample(ours[0] * scale, ours[1] * scale, ours[2])
        near, far = box.distances(mine.mean)
        draw = np.random.default_rng(seed)
        means = draw.uniform(box.mean - box.half, box.mean + box.half, 1000)
        for tail, distance in ((extremes.beyond, near), (extremes.within, far)):
            found = extremes.highest(tail(distance, margin * scale), mine, box)
            for name, (low, high) in box.readings.items():
                error, df = extremes.yardstick(mine, draw.uniform(low, high, 1000), n)
                there = tail(np.abs(mine.mean - means), margin * scale)(error, df)
                worst = tail(distance, margin * scale)(error, df)  # random deviations at the worst distance
                assert found[name] >= max(there.max(), worst.max()) * (1 - 1e-9) - 1e-15 or found[name] == 1.0

    def test_without_a_margin_it_is_the_p_of_welch(self) -> None:
        one, other = Sample(1.0, 0.3, 7), Sample(1.4, 0.5, 12)
        box = extremes.Box(other.mean, 0.0, other.n, {"sd": (other.sd, other.sd)})
        found = extremes.highest(extremes.beyond(0.4, 0.0), one, box)["sd"]
        assert found == pytest.approx(stats.welch(one, other).p, rel=1e-12)
        equal = extremes.highest(extremes.within(0.4, 0.6), one, box)["sd"]
        assert equal == pytest.approx(stats.tost(one, other, 0.6), rel=1e-12)

    def test_one_inside_the_box_is_found(self) -> None:
        """Of two runs here, p falls first, as degrees of freedom are gained, and rises then: ends and middle differ."""
        box = extremes.Box(0.0, 0.0, 60, {"sd": (0.0, 100.0)})
        tail = extremes.within(2.0, 3.0)
        deviations = np.linspace(0.0, 100.0, 20_001)
        dense = tail(*extremes.yardstick(Sample(2.0, 1.0, 2), deviations, 60)).max()
        assert extremes.highest(tail, Sample(2.0, 1.0, 2), box)["sd"] >= dense

    @pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
    def test_scale_changes_nothing(self, scale: float) -> None:
        def p(times: float) -> float:
            box = extremes.Box(0.0, 0.1 * times, 9, {"sd": (0.2 * times, 0.3 * times)})
            return extremes.highest(
                extremes.beyond(0.9 * times, 0.1 * times), Sample(1.0 * times, 0.2 * times, 9), box
            )["sd"]

        assert p(scale) == pytest.approx(p(1.0), rel=1e-9)


@pytest.mark.parametrize("spread", ["sd", "se", "ci95", "2sd"])
@pytest.mark.parametrize("divisor", [0, 1])
def test_a_reading_holds_the_deviation_that_was_printed(spread: str, divisor: int) -> None:
    """Whether it was divided by n or by n - 1, and made with Student's t or with 1.96."""
    n, values = 7, np.array([1.2, 1.9, 2.4, 2.2, 1.1, 3.0, 2.5])
    sd = float(values.std(ddof=divisor))
    widths = {"sd": [sd], "2sd": [2 * sd], "se": [sd / math.sqrt(n)],
              "ci95": [quantile * sd / math.sqrt(n) for quantile in (1.96, stats.t_critical(0.05, n - 1))]}  # fmt: skip
    for width in widths[spread]:
        box = extremes.box_of(parse("2.0"), parse(f"{width:.2f}"), n, spread)
        low, high = box.readings[spread]
        assert low <= values.std(ddof=1) <= high


class TestDocuments:
    """Of documents of 20 true claims at most one in twenty is accused, be they true by nothing or by a margin."""

    DOCUMENTS = 120

    def claims(self, draw: np.random.Generator, kind: str, off: float) -> tuple[Claim, list[float]]:
        """Return a claim that is true, by as little as `off` margins leave, and runs of ours."""
        sd, n = float(draw.uniform(0.02, 0.5)), int(draw.integers(5, 15))
        if kind == "samples":
            theirs = draw.normal(80.0, sd, 10)
            text = f"{theirs.mean():.2f} ± {theirs.std(ddof=1):.2f}"
            return replace(CLAIM, published=(text,), runs=10), list(draw.normal(80.0 + 0.1 * off, sd, n))
        if kind == "interval":
            text = f"{draw.normal(80.0, sd):.2f}"
            return replace(CLAIM, published=(text,), runs=1), list(draw.normal(80.0 + 0.1 * off, sd, n))
        published = "better" if kind == "order" else "> 0"
        return replace(CLAIM, published=(published,)), list(draw.normal(-0.1 * off, sd, n))

    @pytest.mark.parametrize("off", [0.0, 1.0])
    def test_few_are_accused(self, off: float) -> None:
        from scipy.stats import beta

        draw, wrong = np.random.default_rng(4), 0
        for _ in range(self.DOCUMENTS):
            found = []
            for number in range(20):
                judge = ("samples", "order", "threshold", "interval")[number % 4]
                claim, runs = self.claims(draw, judge, off)
                found.append((claim, JUDGES[judge].decide(claim, runs)))
            wrong += any(one.verdict == "not reproduced" for _, one in accused(found))
        lowest = float(beta.ppf(0.025, wrong, self.DOCUMENTS - wrong + 1)) if wrong else 0.0  # Clopper-Pearson
        assert lowest <= LEVEL


class TestPlanning:
    """The runs that are asked for decide in about 80 % of tries."""

    def test_further_runs_show_equality_with_the_documents_runs_fixed(self) -> None:
        box = extremes.Box(0.0, 0.0, 40, {"sd": (0.09, 0.09)})
        more = samples.further_runs(Sample(0.0, 0.12, 5), box, 0.07)
        assert more is not None
        n, draw = 5 + more, np.random.default_rng(0)

        def share(runs: int) -> float:
            hits = 0
            for _ in range(250):
                theirs = draw.normal(0, 0.09, 40)
                some = replace(CLAIM, published=(f"{theirs.mean():.6f} ± {theirs.std():.6f}",), runs=40, margin=0.07)
                hits += JUDGES["samples"].decide(some, list(draw.normal(0, 0.12, runs))).verdict == "reproduced"
            return hits / 250

        assert 10 < n < 60
        assert 0.7 < share(n) < 0.9
        assert share(max(5, n // 3)) < 0.5

    def test_further_runs_show_an_order_of_the_margin(self) -> None:
        more = measured.runs_to_show(Sample(0.0, 0.3, 5), 0.1)
        assert more is not None
        draw = np.random.default_rng(1)
        tries = draw.normal(0.1, 0.3, (400, 5 + more))
        shown = sum(JUDGES["order"].decide(CLAIM, list(one)).verdict == "reproduced" for one in tries)
        assert 0.74 < shown / 400 < 0.86

    def test_where_no_number_would_do_none_is_named(self) -> None:
        """A mean that lies on its bound to a millionth of its spread is undecided, and no error."""
        spread = [0.1 * step for step in (-2, -1, 0, 0, 1, 2)]
        found = JUDGES["threshold"].decide(
            replace(CLAIM, published=("> 90",), margin=None), [90.0000001 + x for x in spread]
        )
        assert (found.verdict, found.more) == ("inconclusive", None)
        box = extremes.Box(0.0, 0.0, 5, {"sd": (1.0, 1.0)})
        assert samples.further_runs(Sample(0.0, 1.0, 5), box, 0.1) is None

    @pytest.mark.parametrize("margin", [0.45, 0.5, 0.6, 1.0])
    def test_power_is_that_of_the_whole_decision_where_nothing_differs(self, margin: float) -> None:
        """Equality has to be shown wherever the digits allow and by both divisors, which takes most of it near them."""
        draw = np.random.default_rng(2)
        claims = (
            replace(CLAIM, published=(f"{mean:.1f} ± 0.3",), runs=5, margin=margin)
            for mean in draw.normal(93, 0.3 / np.sqrt(5), 400)
        )
        found = [JUDGES["samples"].decide(one, list(draw.normal(93, 0.26, 6))) for one in claims]
        share = sum(one.verdict == "reproduced" for one in found) / 400
        assert np.median([one.power for one in found]) == pytest.approx(share, abs=0.1)
        box = extremes.Box(93.1, 0.05, 5, {"sd": (0.25, 0.35 * np.sqrt(5 / 4))})
        assert samples.power_of(Sample(93, 0.26, 6), Sample(93.1, 0.3, 5), box, margin) == pytest.approx(share, abs=0.1)
