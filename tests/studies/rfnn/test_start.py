"""Diagnostics of the start of training, against matrices and networks whose answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from studies.common.randomness import stream
from studies.rfnn.measured.start import norm, stability_limit, start, top_eigenvalue
from studies.rfnn.model.layers import GaussianConv2d
from studies.rfnn.model.network import RFNN, Switches, initialise

ONES = Switches(gain="ones")


def test_stability_limit_of_the_thesis() -> None:
    assert stability_limit(1e-3, 0.99) == pytest.approx(1336, abs=0.5)


@pytest.mark.parametrize(("share", "settles"), [(0.98, True), (1.02, False)])
def test_nesterov_diverges_above_the_limit_only(share: float, settles: bool) -> None:
    """Walk down a parabola whose curvature is just below, and just above, the limit."""
    curvature = share * stability_limit(0.01, 0.9)
    parameter = nn.Parameter(torch.ones((), dtype=torch.float64))
    sgd = torch.optim.SGD([parameter], lr=0.01, momentum=0.9, nesterov=True)
    for _ in range(2000):
        parameter.grad = curvature * parameter.detach()
        sgd.step()
    assert (abs(float(parameter.detach())) < 1) == settles


def quadratic(eigenvalues: list[float]) -> tuple[Tensor, list[Tensor]]:
    """Return a symmetric matrix with these eigenvalues, and the parameters it acts on, in two parts."""
    random = torch.rand(len(eigenvalues), len(eigenvalues), dtype=torch.float64, generator=stream(0, "matrix"))
    basis, _ = torch.linalg.qr(random)
    matrix = basis @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ basis.T
    return matrix, [torch.ones(size, dtype=torch.float64, requires_grad=True) for size in (2, len(eigenvalues) - 2)]


@pytest.mark.parametrize(
    ("eigenvalues", "top"), [([3.0, 1.0, 0.5, -1.0], 3.0), ([2.0, 1.0, -5.0], -5.0), ([0.0] * 3, 0.0)]
)
def test_power_iteration_finds_the_largest_eigenvalue(eigenvalues: list[float], top: float) -> None:
    matrix, parameters = quadratic(eigenvalues)

    def loss() -> Tensor:
        point = torch.cat(parameters)
        return point @ matrix @ point / 2

    assert top_eigenvalue(loss, parameters, stream(0, "vector"), iterations=60) == pytest.approx(top, abs=1e-9)


def test_one_iteration_is_not_enough() -> None:
    matrix, parameters = quadratic([3.0, 2.9, 0.5, -1.0])

    def loss() -> Tensor:
        point = torch.cat(parameters)
        return point @ matrix @ point / 2

    assert top_eigenvalue(loss, parameters, stream(0, "vector"), iterations=1) < 2.99


def measured(first: float, second: float, switches: Switches = ONES, seed: int = 0) -> dict[str, float]:
    network = RFNN(first, second, switches, image_size=8)
    initialise(network, seed, switches.gain)
    for layer in network.modules():
        if isinstance(layer, GaussianConv2d):
            layer.fast = False
    x = torch.rand(20, 1, 8, 8, generator=stream(0, "x"))
    return start(network, x, torch.arange(20) % 10, stream(seed, "power"), iterations=5)


def test_start_reports_every_number_and_repeats_itself() -> None:
    one = measured(1, 1)
    assert set(one) == {"loss", "rms_first", "rms_second", "gradient_norm", "sharpness"}
    assert one == measured(1, 1)
    assert one != measured(1, 1, seed=1)
    assert one["loss"] == pytest.approx(2.3, abs=0.1)


def test_raw_derivatives_tie_curvature_to_scale_and_normalised_ones_do_not() -> None:
    """Section 4.6's confound: the raw pair (0.5, 0.5) starts over the stability limit, the normalised one far below."""
    raw, normalised = (measured(0.5, 0.5, Switches(gain="ones", norm=norm)) for norm in ("raw", "sigma^n"))  # type: ignore[arg-type]
    assert raw["sharpness"] > stability_limit(1e-3, 0.99) > 100 * measured(1, 1)["sharpness"]
    assert normalised["sharpness"] < stability_limit(1e-3, 0.99) / 10


def test_described_layout_can_be_differentiated_twice() -> None:
    assert measured(1, 1, Switches(layout="as_described", gain="ones"))["sharpness"] > 0


def test_norm_is_that_of_all_entries() -> None:
    assert norm([torch.tensor([3.0]), torch.tensor([[4.0]])]) == 5
