"""Every trained experiment in its smallest form: settings that train for a moment, data of a few images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from repro import registry
from repro.checkpoint import Checkpoint
from repro.study import Experiment, Outcome, Run, case_json
from studies.common.training import Labelled
from studies.dagnets import cases as dagnets
from studies.filters2d import cases as filters2d
from studies.filters2d.training import search
from studies.rbf import cases as rbf
from studies.rfnn import cases as rfnn
from studies.sesn import cases as sesn


@dataclass(frozen=True)
class Toy:
    """Stands for a data set: noise over a picture of each class; `relabelled` draws the test's anew."""

    shape: tuple[int, ...] = (8, 8)
    peak: int = 16
    counts: tuple[int, int, int] = (60, 30, 40)  # of train, val and test
    relabelled: int | None = None
    name: str = "toy"
    content: str = ""

    def load(self) -> dict[str, Any]:
        draw = np.random.default_rng(0)
        pictures = draw.integers(0, self.peak, (10, *self.shape))
        arrays: dict[str, Any] = {}
        for part, count in zip(("train", "val", "test"), self.counts, strict=True):
            labels = draw.permutation(np.arange(count) % 10)
            noise = draw.integers(0, self.peak, (count, *self.shape))
            arrays[f"{part}_images"] = ((pictures[labels] + noise) // 2).astype(np.uint8)
            arrays[f"{part}_labels"] = labels.astype(np.uint8)
        if self.relabelled is not None:
            # Unevenly: a network that knows one class only would be right as often by every even choice.
            anew = np.random.default_rng(self.relabelled).integers(0, 10, self.counts[2]) ** 2 % 10
            arrays["test_labels"] = anew.astype(np.uint8)
            noise = np.random.default_rng(self.relabelled).integers(0, self.peak, (self.counts[2], *self.shape))
            arrays["test_images"] = ((pictures[anew] + noise) // 2).astype(np.uint8)
        return arrays


def plan(side: int, test: int = 12, *, adam: tuple[float, ...] = ()) -> filters2d.Plan:
    return filters2d.Plan(24, test, side, filters2d.Search((1e-3, 1e-2), 15, 75, 10), adam)


SETTINGS: dict[str, Any] = {
    "rfnn": rfnn.Training(epochs=2, control_epochs=2, batch=25, learning_rate=0.005, image_size=12, gain="ones"),
    "rbf": rbf.Training(epochs=8, choice_epochs=8, batch=8, channels=(8, 8)),
    "sesn": sesn.Training(
        sesn.Mnist(epochs=3, batch=16, learning_rate=0.01, steps=(2,)),
        sesn.Stl10(epochs=3, batch=4, learning_rate=0.1, steps=(2,), widen=1),
    ),
    "dagnets": dagnets.Training(
        mnist=dagnets.Fit(epochs=3, batch=25),
        sweep=dagnets.Fit(epochs=3, batch=25),
        cifar=dagnets.Fit(epochs=3, batch=25, reduced_after=1, shuffled=True),
        timing=dagnets.Timing(samples=2, repeats=1),
    ),
    "filters2d": filters2d.Settings(
        filter=plan(16),
        dense=plan(8),
        colour=plan(8),
        mosaic=plan(8, adam=(1e-3, 1e-2)),
        mosaic_linear=plan(8),
        channel=plan(12, adam=(1e-3, 1e-2)),
        median=plan(12),
        circle_square=plan(48, 40),
        square_rectangle=plan(48, 40),
        full_size=plan(48, 40),
        topology=plan(24),
        crossed=plan(12),
        smoother=plan(30),
        backgrounds=2,
    ),
}
RGB = Toy((3, 32, 32), 255)
SCALED = Toy((28, 28), 255, (40, 20, 20))
DATA = {
    ("rfnn", "start_of_training"): Toy(counts=(10, 0, 5)),
    ("rbf", "open_choices"): Toy(counts=(130, 0, 40)),  # an image for each of 100 centres
    ("sesn", "scaled_mnist"): SCALED,
    ("sesn", "plain_cnn"): SCALED,
    ("sesn", "stl10"): Toy((3, 96, 96), 255, (8, 0, 8)),
    ("dagnets", "cifar_curves"): RGB,
    **{("filters2d", name): RGB for name in ("colour_matrix", "network_in_network", "demosaicking", "learned_median")},
}
PAIR = rfnn.Pair("as_listed", 1.0, 1.0)  # the first, of smaller scales, is at the edge of stability
CASES = {
    **{("rfnn", name): PAIR for name in ("scale_grid", "upscaled", "without_bias", "upscaled_without_bias")},
    ("rfnn", "normalised"): PAIR,
    ("rbf", "open_choices"): rbf.Choice(start="features"),  # which looks at images before it trains
    ("rbf", "learning_rates"): rbf.Recipe("momentum", 0.05),
    ("sesn", "scaled_mnist"): sesn.Cell("scalar_small", 0.5, 0),
    ("sesn", "plain_cnn"): sesn.Cell("cnn_small", 0.5, 0),
    ("dagnets", "cifar_curves"): dagnets.Cifar("reduced"),
    ("filters2d", "circle_or_square"): filters2d.Outline(48, 0.65, "dense"),
    ("filters2d", "square_or_rectangle"): filters2d.Outline(48, 0.65, "dense"),
}
SEED = 1
UNTRAINED = {("rfnn", "start_of_training"), ("sesn", "equivariance"), ("filters2d", "matched_filter")}
WITHOUT_SEED = {("dagnets", "update_listings")}  # trains, although no seed moves it


def stochastic() -> list[tuple[str, str]]:
    """Return every experiment that draws random numbers, by study and name."""
    loaded = [registry.load(name) for name in registry.names()]
    return [(one.name, each.name) for one in loaded for each in one.experiments.values() if not each.deterministic]


TRAINED = sorted({*stochastic()} - UNTRAINED | WITHOUT_SEED)
every_training = pytest.mark.parametrize(("study", "name"), TRAINED)


def made(study: str, name: str, *, relabelled: int | None = None, checkpoint: Checkpoint | None = None) -> Outcome:
    """Make one run of an experiment in its smallest form; `relabelled` draws its test images and labels anew."""
    experiment: Experiment = registry.load(study).experiments[name]
    case = CASES.get((study, name), experiment.cases[0])
    data = replace(DATA.get((study, name), Toy()), relabelled=relabelled)
    run = Run(study, name, "smoke", case_json(case), 0, SEED, SETTINGS[study], cast(Any, data), checkpoint=checkpoint)
    with pytest.MonkeyPatch.context() as patch:
        if relabelled is not None:
            patch.setattr(search.Problem, "__init__", permuting(search.Problem.__init__, relabelled))
        found = experiment.function(case, run)
    return found if isinstance(found, Outcome) else Outcome(found)


def permuting(make: Callable[..., None], seed: int) -> Callable[..., None]:
    """Return what makes a problem whose test targets are shuffled: most of them come from no data set."""

    def init(self: search.Problem, train: Labelled, test: Labelled, *rest: Any) -> None:
        order = torch.randperm(len(test), generator=torch.Generator().manual_seed(seed))
        make(self, train, Labelled(test.images, test.labels_N[order]), *rest)

    return init


# Watching


def digest(values: Any) -> str:
    """Return a digest of tensors, in order."""
    found = hashlib.blake2b(digest_size=8)
    for value in values:
        found.update(value.detach().contiguous().cpu().numpy().tobytes())
    return found.hexdigest()


@contextmanager
def watched(seen: Callable[[str, list[torch.Tensor]], None]) -> Iterator[None]:
    """Call `seen` at each update, each evaluation and each restored checkpoint, with the weights as they are then."""
    depth = 0

    def before(module: nn.Module, _inputs: Any) -> None:
        nonlocal depth
        depth += 1
        if depth == 1 and not module.training and any(True for _ in module.parameters()):
            seen("evaluation", list(module.state_dict().values()))

    def after(_module: nn.Module, _inputs: Any, _output: Any) -> None:
        nonlocal depth
        depth -= 1

    def step(optimiser: Optimizer, _positional: Any, _named: Any) -> None:
        seen("update", [one for group in optimiser.param_groups for one in group["params"]])

    load = nn.Module.load_state_dict

    def restored(module: nn.Module, state: Any, *rest: Any, **options: Any) -> Any:
        seen("checkpoint", list(state.values()))
        return load(module, state, *rest, **options)

    hooks = [
        register_module_forward_pre_hook(before),
        register_module_forward_hook(after, always_call=True),
        register_optimizer_step_post_hook(step),
    ]
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(nn.Module, "load_state_dict", restored)
            yield
    finally:
        for hook in hooks:
            hook.remove()
