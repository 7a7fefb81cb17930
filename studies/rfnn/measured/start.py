"""What a network looks like before its first update: activations, gradient, curvature against the stability limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from repro.study import Run
from studies.common.randomness import stream
from studies.common.training import epoch_order, reproducible
from studies.rfnn.cases import Start
from studies.rfnn.model.layers import GaussianConv2d, batch_statistics
from studies.rfnn.model.network import RFNN, Switches, TwoBlocks, initialise
from studies.rfnn.training import resident

IMAGES = 100
ITERATIONS = 20


def stability_limit(rate: float, momentum: float) -> float:
    """Return the curvature above which Nesterov SGD diverges on a quadratic: 2(1 + mu) / (lr (1 + 2 mu)).

    A training run may still survive a larger one, because the curvature changes along its path.
    """
    return 2 * (1 + momentum) / (rate * (1 + 2 * momentum))


def top_eigenvalue(
    loss: Callable[[], Tensor], parameters: Sequence[Tensor], generator: torch.Generator, *, iterations: int
) -> float:
    """Return the Hessian eigenvalue of largest magnitude, by power iteration on Hessian-vector products.

    The value is the Rayleigh quotient of the last iterate: of a positive spectrum it is a lower bound.
    """
    gradients = torch.autograd.grad(loss(), parameters, create_graph=True)
    vectors = [torch.randn(p.shape, generator=generator, dtype=p.dtype).to(p.device) for p in parameters]
    value = 0.0
    for _ in range(iterations):
        size = norm(vectors)
        if not 0 < size < float("inf"):
            return value if size == 0 else float("nan")
        vectors = [vector / size for vector in vectors]
        products = torch.autograd.grad(gradients, parameters, vectors, retain_graph=True)
        value = sum(float((vector * product).sum()) for vector, product in zip(vectors, products, strict=True))
        vectors = list(products)
    return value


def norm(tensors: Sequence[Tensor]) -> float:
    """Return the Euclidean norm of all entries together."""
    return float(torch.stack([tensor.square().sum() for tensor in tensors]).sum().sqrt())


def start(
    network: TwoBlocks, x_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator, *, iterations: int
) -> dict[str, float]:
    """Return loss, root mean square of both blocks' outputs, gradient norm and sharpness, without dropout."""
    statistics = batch_statistics(network.batchnorm, x_BCHW)
    parameters = list(network.parameters())

    def loss() -> Tensor:
        return F.nll_loss(network(x_BCHW, statistics), labels_B)

    with torch.no_grad():
        first, second = network.blocks(x_BCHW, statistics)
    value = loss()
    return {
        "loss": float(value.detach()),
        "rms_first": float(first.square().mean().sqrt()),
        "rms_second": float(second.square().mean().sqrt()),
        "gradient_norm": norm(torch.autograd.grad(value, parameters)),
        "sharpness": top_eigenvalue(loss, parameters, generator, iterations=iterations),
    }


def of_start(case: Start, run: Run) -> dict[str, float]:
    """Measure the network of a case; the batch-norm scale is 1."""
    switches = Switches(layout=case.reading, norm=case.norm, gain="ones")
    network = RFNN(case.first, case.second, switches, image_size=run.settings.image_size)
    return run_start(network, run, switches)


def run_start(network: TwoBlocks, run: Run, switches: Switches) -> dict[str, float]:
    """Initialise a network and measure it on the first 100 training images of the run's order."""
    initialise(network, run.seed, switches.gain)
    network.to(run.device)
    for layer in network.modules():
        if isinstance(layer, GaussianConv2d):
            layer.fast = False  # the fast form can be differentiated once only
    images, _ = resident(
        run.dataset.load(), peak=run.dataset.peak, size=run.settings.image_size, switches=switches, device=run.device
    )
    index = epoch_order(len(images), run.seed, 1)[:IMAGES].to(run.device)
    with reproducible():
        generator = stream(run.seed, "power iteration")
        return start(network, images.inputs(index), images.labels_N[index], generator, iterations=ITERATIONS)
