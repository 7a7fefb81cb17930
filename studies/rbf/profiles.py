"""What each profile sets, and the data it trains on."""

from __future__ import annotations

from repro.study import Profile
from studies.common.datasets import DIGITS, MNIST, MNIST_10K
from studies.rbf.cases import Training

SMOKE = Profile(
    Training(epochs=100, choice_epochs=20, batch=32, channels=(32, 32)),
    DIGITS,
    golden_seeds=20,
    cannot_answer="8x8 digits stand in for MNIST, and 100 epochs of them are 3,800 updates in place of 156,300; "
    "`nox -s reproduce-rbf -- --profile paper` trains on MNIST",
)
LITE = Profile(
    Training(epochs=100, choice_epochs=100, batch=32, channels=(8, 16)),
    MNIST_10K,
    golden_seeds=5,
    experiments={"learning_rates": {"optimiser": ("sgd", "momentum")}},
    cannot_answer="a sixth of MNIST makes 26,100 updates in 100 epochs in place of 156,300; "
    "`nox -s reproduce-rbf -- --profile paper` trains on all of it",
)
PAPER = Profile(
    Training(epochs=100, choice_epochs=100, batch=32, channels=(32, 32)),
    MNIST,
    replicates=5,
    golden_seeds=5,
    device="cuda",
    faithful=True,
    cannot_answer="the document gives no accuracy of its own, only what it calls good: above 90 %",
)
