"""A digit hidden in noise, and the matched filter that finds it (section 9)."""

from __future__ import annotations

import numpy as np
from scipy import signal
from torch import Tensor

from repro.study import Run
from studies.common.randomness import stream
from studies.filters2d.cases import UNTRAINED, Plan
from studies.filters2d.measured import transforms
from studies.filters2d.training.search import Values


def hidden_digit(run: Run) -> Tensor:
    """Return the first training digit in [0, 1], 28 x 28."""
    return transforms.images_of(run, "train", Plan(1, 1, 28, UNTRAINED))[0, 0]


def matched_figures(strength: float, run: Run) -> Values:
    """Return in how many backgrounds the largest correlation is where the digit was added (section 9)."""
    digit = hidden_digit(run).double().numpy()
    draw = np.random.default_rng(stream(run.seed, "backgrounds").initial_seed())
    hits, margins = 0, []
    for _ in range(run.settings.backgrounds):
        image = draw.random((256, 256))
        image[100:128, 100:128] += strength * digit
        found = signal.correlate(image, digit, method="fft")
        hits += np.unravel_index(found.argmax(), found.shape) == (127, 127)
        peak = found[127, 127]
        found[120:135, 120:135] = 0
        margins.append(float((peak - found.max()) / peak))
    return {"hits": 100 * hits / run.settings.backgrounds, "margin": min(margins)}
