"""Sequences smoothed by a recurrent network and by a linear filter (section 16)."""

from __future__ import annotations

import math
from functools import partial

from repro.study import Outcome, Run
from studies.common.randomness import stream
from studies.common.training import Labelled
from studies.filters2d import model
from studies.filters2d.cases import Plan, Smoother
from studies.filters2d.data import signals
from studies.filters2d.training.search import Candidate, Problem, Values, pairs, squared_error, trained


def smoother_problem(case: Smoother, plan: Plan, run: Run) -> Problem:
    """Return pulses and their smoothed form."""

    def part(name: str, count: int) -> Labelled:
        sequences = signals.pulses(count, plan.side, stream(run.seed, f"pulses/{name}"))
        return pairs(sequences, signals.smoothed(sequences), run)

    return Problem(part("train", plan.train), part("test", plan.test), partial(model.smoother, case.model))


def run_smoother(case: Smoother, run: Run) -> Outcome:
    """Learn to smooth sequences by an LSTM or by a linear filter."""
    plan: Plan = run.settings.smoother
    problem = smoother_problem(case, plan, run)

    def more(found: Candidate) -> Values:
        mse = squared_error(found.network, problem.test)
        variance = float(problem.test.labels_N.var(correction=0))
        return {"mse": mse, "log10_mse": math.log10(mse), "explained": 100 * (1 - mse / variance)}

    return trained(problem, plan.search, run, optimiser="adam", more=more)
