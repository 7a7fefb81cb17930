"""Student's t is SciPy's, in its tails and its middle, one by one and by arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special

from repro import stats
from repro.audit import student

DF = (1, 1.3, 2, 3.7, 4, 8, 9.5, 30, 99.5, 400, 1e4, 1e5)


@pytest.mark.parametrize("df", DF)
def test_its_tail_is_scipys(df: float) -> None:
    places = np.array([-40, -2.7, -0.3, 0, 1e-3, 0.01, 0.3, 1, 2, 2.7, 5, 12, 40, 300, 1e6])
    wanted = scipy.special.stdtr(df, -places)
    seen = wanted > 1e-290  # beyond, SciPy has no digits left either
    found = student.t_tail(places, np.full(len(places), float(df)))
    np.testing.assert_allclose(found[seen], wanted[seen], rtol=1e-10)
    np.testing.assert_allclose([student.t_tail(float(t), df) for t in places], found, rtol=1e-10, atol=1e-300)


def test_its_tail_is_the_cauchy_law_s_with_one_degree_of_freedom() -> None:
    for t in (1e-12, 1e-6, 0.5, 3.0, 1e9):
        assert student.t_tail(t, 1) == pytest.approx(math.atan2(1.0, t) / math.pi, rel=1e-13)


@pytest.mark.parametrize("p", [0.45, 0.25, 0.1, 0.05, 0.025, 0.005, 1e-6, 1e-12])
def test_its_quantiles_are_scipys(p: float) -> None:
    wanted = -scipy.special.stdtrit(np.array(DF), p)
    np.testing.assert_allclose(student.t_beyond(p, np.array(DF)), wanted, rtol=1e-10)
    np.testing.assert_allclose([student.t_beyond(p, float(df)) for df in DF], wanted, rtol=1e-10)


def test_what_lies_at_infinity_or_is_no_number_ends() -> None:
    assert student.t_tail(math.inf, 5) == pytest.approx(0, abs=1e-300)
    assert student.t_tail(-math.inf, 5) == 1
    assert np.isnan(student.t_tail(np.array([math.nan]), np.array([5.0]))).all()


def test_it_is_what_studies_have() -> None:
    for level in (0.05, 0.1, 0.4):
        assert student.t_critical(level, 7.5) == pytest.approx(stats.t_critical(level, 7.5), rel=1e-12)
