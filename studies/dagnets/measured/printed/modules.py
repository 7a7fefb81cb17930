"""What sections 4.3 and 4.6 print about modules, computed anew: one function an item of `MODULES`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from studies.dagnets.measured.printed.autograd import Numbers, Texts, leaf, raised
from studies.dagnets.model import networks

RELU_INPUT = ((0.8008, -0.2586, 0.5019, -0.2002, -0.7416), (0.0557, 0.6046, 0.0864, -0.5929, 1.2606))


def named_sizes(module: nn.Module) -> Texts:
    """Return name and size of a module's parameters."""
    return [f"{name} {parameter.size()}" for name, parameter in module.named_parameters()]


def sizes(module: nn.Module) -> Texts:
    """Return the sizes of a module's parameters."""
    return [str(parameter.size()) for parameter in module.parameters()]


def relu() -> Numbers:
    """Apply ReLU to the printed matrix."""
    return F.relu(torch.tensor(RELU_INPUT)).flatten().tolist()


def linear() -> Texts:
    """Read the sizes of a linear layer from 10 to 4 and of its answer to 523 samples."""
    layer = nn.Linear(10, 4)
    return [*named_sizes(layer), str(layer(torch.zeros(523, 10)).size())]


def mean_square() -> Numbers:
    """Take the mean squared error of one number, and of four."""
    inputs = (torch.tensor([[3.0]]), torch.tensor([[3.0, 0.0, 0.0, 0.0]]))
    return [nn.MSELoss()(x, torch.zeros_like(x)).item() for x in inputs]


def target_error() -> Texts:
    """Ask for the gradient of a target."""
    return raised(lambda: nn.MSELoss()(leaf(3, 2), leaf(0, -2)))


def net_output() -> Texts:
    """Read the size of the LeNet-like network's answer to 12 images."""
    with torch.device("meta"):
        return [str(networks.lenet_like()(torch.zeros(12, 1, 28, 28)).size())]


def net_parameters() -> Texts:
    """Read the sizes of the LeNet-like network's parameters."""
    return sizes(networks.lenet_like())


class Holder(nn.Module):
    """A parameter, a convolution, and a linear layer inside a list."""

    def __init__(self, *, module_list: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 32, 5)
        self.table = nn.Parameter(torch.zeros(123, 456))
        held = [nn.Linear(543, 21)]
        self.held = nn.ModuleList(held) if module_list else held


def hidden_in_a_list() -> Texts:
    """Read the parameters of a module that holds another in a Python list."""
    return sizes(Holder(module_list=False))


def seen_in_a_module_list() -> Texts:
    """Read the parameters of a module that holds another in a ModuleList."""
    return sizes(Holder(module_list=True))
