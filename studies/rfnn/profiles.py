"""What each profile sets, and the data it trains on."""

from __future__ import annotations

from repro.study import Profile
from studies.common.datasets import DIGITS, MNIST, MNIST_10K
from studies.rfnn.cases import Training

LISTED = {"reading": ("as_listed",)}

SMOKE = Profile(
    # No random input gain: it alone would spread the seeds of a short training over tens of points.
    # At a rate of 0.01 the pairs (0.5, 0.707) and (0.707, 0.5) stand at the edge of stability: 4 of 40 runs as
    # listed diverged or fell far behind, and no useful band can be drawn around that.
    Training(epochs=4, control_epochs=4, batch=50, learning_rate=0.005, image_size=16, gain="ones"),
    DIGITS,
    replicates=1,
    golden_seeds=20,
    experiments={"scale_grid": {}},
    cannot_answer="8x8 digits stand in for MNIST, so no claim of the thesis is answered; "
    "`nox -s reproduce-rfnn -- --profile paper` trains on MNIST and does",
)
LITE = Profile(
    # A batch of 100 makes 100 updates an epoch, near the thesis' 120, so that starting each epoch with zero
    # velocity acts here as it does there.
    Training(epochs=3, control_epochs=3, batch=100, learning_rate=0.001),
    MNIST_10K,
    replicates=1,
    golden_seeds=5,
    experiments={"scale_grid": LISTED, "without_bias": LISTED, "cnn_baseline": {}},
    cannot_answer="a sixth of MNIST for 3 epochs answers no claim of the thesis; "
    "`nox -s reproduce-rfnn -- --profile paper` follows its protocol and does",
)
PAPER = Profile(
    Training(epochs=20, control_epochs=30, batch=500, learning_rate=0.001),
    MNIST,
    replicates=5,
    golden_seeds=5,
    device="cuda",
    faithful=True,
    cannot_answer="the 116 accuracies of figures 4.5 to 4.9 are lost; no command recovers them",
)
