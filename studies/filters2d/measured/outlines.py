"""Outlines told apart, and a fixed classifier of them in both modes of its batch norm (section 11).

Shape legend: N images.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from repro.study import Outcome, Run
from studies.common.randomness import stream
from studies.common.rounding import significant
from studies.common.training import Labelled, answers, reproducible
from studies.filters2d import model
from studies.filters2d.cases import SEED, Outline, Pair, Plan, Settings
from studies.filters2d.data import shapes
from studies.filters2d.training.search import Candidate, Problem, Values, pairs, trained

DIGITS = 5  # significant: sums of float32 values, which filters round differently on other machines


def error(network: nn.Module, data: Labelled, *, batch_statistics: bool) -> float:
    """Return the share (%) of images taken for another class."""
    logits = answers(network, data.images, batch_statistics=batch_statistics)
    return 100 * float((logits.argmax(dim=1) != data.labels_N).double().mean())


def outline_problem(pair: Pair, plan: Plan, case: Outline, run: Run) -> Problem:
    """Return outlines of two classes, as many to train on as the case says for each place of the centre."""
    count = round(case.per_position * shapes.positions(case.side))

    def part(name: str, number: int) -> Labelled:
        return pairs(*shapes.outlines(pair, number, case.side, stream(run.seed, f"{pair}/{name}")), run)

    make = partial(model.shape_classifier, case.side, case.head)
    return Problem(part("train", max(count, 2)), part("test", plan.test), make, F.cross_entropy)


def plan_of(pair: Pair, case: Outline, run: Run) -> Plan:
    """Return the plan for a pair of outlines and the size of its images."""
    settings: Settings = run.settings
    if pair == "circle_square":
        return settings.circle_square
    return settings.full_size if case.side == shapes.FULL_SIDE else settings.square_rectangle


def run_outlines(pair: Pair, case: Outline, run: Run) -> Outcome:
    """Learn to tell two kinds of outlines apart; evaluation mode and batch statistics are kept apart."""
    plan = plan_of(pair, case, run)
    problem = outline_problem(pair, plan, case, run)

    def wrong(network: nn.Module, data: Labelled) -> float:
        return error(network, data, batch_statistics=True)

    def more(found: Candidate) -> Values:
        return {
            "log10_train_loss": math.log10(found.losses[-1]),
            "batch_error": wrong(found.network, problem.test),
            "error": error(found.network, problem.test, batch_statistics=False),
            "lowest_error": min(found.watched),
            "train_error": wrong(found.network, problem.train),
            "images": float(len(problem.train)),
        }

    return trained(
        problem, plan.search, run, optimiser="sgd", more=more, watch=lambda network: wrong(network, problem.test)
    )


def mode_figures(mode: str) -> Values:
    """Return the error and the mean first logit of a fixed classifier of outlines in one mode of its batch norm.

    Its running statistics are not those of the images, so that the two modes differ.
    """
    network = model.made(lambda: model.shape_classifier(64), SEED, "modes").double()
    images, labels = shapes.outlines("circle_square", 100, 64, stream(SEED, "modes"))
    before = [value.clone() for value in network.state_dict().values()]
    with reproducible():
        found = answers(network, images.double(), batch_statistics=mode == "batch")
        wrong = error(network, Labelled(images.double(), labels), batch_statistics=mode == "batch")
    same = all(torch.equal(one, other) for one, other in zip(before, network.state_dict().values(), strict=True))
    return {
        "error": wrong,
        "logit": significant(float(found[:, 0].mean()), DIGITS),
        "spread": significant(float(found.std()), DIGITS),
        "unchanged": float(same),
    }
