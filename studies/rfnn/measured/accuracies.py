"""Train the network of a case and say what it comes to on the test images (sections 4.5 to 4.9)."""

from __future__ import annotations

from typing import Any

from repro.study import Outcome, Run
from studies.rfnn.cases import Kernels, Pair
from studies.rfnn.model.network import RFNN, ControlCNN, Switches
from studies.rfnn.training import run_network


def of_pair(pair: Pair, run: Run, **changed: Any) -> Outcome:
    """Train the network of two scales; `changed` are switches other than those of the case and of the profile."""
    switches = Switches(layout=pair.reading, gain=run.settings.gain, **changed)
    network = RFNN(pair.first, pair.second, switches, image_size=run.settings.image_size)
    return run_network(network, run, switches, epochs=run.settings.epochs)


def of_control(kernels: Kernels, run: Run) -> Outcome:
    """Train the control network of two kernel sizes."""
    network = ControlCNN(kernels.first, kernels.second, image_size=run.settings.image_size)
    return run_network(network, run, Switches(gain=run.settings.gain), epochs=run.settings.control_epochs)
