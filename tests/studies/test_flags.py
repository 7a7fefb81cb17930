"""While a network trains, torch computes so that a run repeats itself, whatever was allowed before.

Deterministic kernels, none that is chosen by its speed, no TensorFloat-32, one thread: asked after each update and
before each evaluation of every trained experiment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from studies.common import training
from tests.studies.trainings import every_training, made, watched

WANTED = {
    "threads": 1,
    "cudnn": True,
    "benchmark": False,
    "deterministic": True,
    "convolutions may use TF32": False,
    "matrix products": "ieee",
    "matrix products of the CPU": "ieee",
}


def flags() -> dict[str, object]:
    """Return what torch is set to."""
    return {
        "threads": torch.get_num_threads(),
        "cudnn": torch.backends.cudnn.enabled,
        "benchmark": torch.backends.cudnn.benchmark,
        "deterministic": torch.backends.cudnn.deterministic,
        "convolutions may use TF32": torch.backends.cudnn.allow_tf32,
        "matrix products": torch.backends.cuda.matmul.fp32_precision,
        "matrix products of the CPU": torch.backends.mkldnn.matmul.fp32_precision,
    }


@pytest.fixture
def careless() -> Iterator[dict[str, object]]:
    """Allow everything that makes runs differ, as a user's notebook may have done, and give back what was set."""
    threads, matmul, products = (
        torch.get_num_threads(),
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.mkldnn.matmul.fp32_precision,
    )
    torch.set_num_threads(2)
    torch.set_float32_matmul_precision("medium")
    with torch.backends.cudnn.flags(enabled=False, benchmark=True, deterministic=False, allow_tf32=True):
        yield flags()
    torch.backends.cuda.matmul.fp32_precision = matmul
    torch.backends.mkldnn.matmul.fp32_precision = products
    torch.set_num_threads(threads)


def unlike(study: str, name: str) -> tuple[set[str], list[dict[str, object]]]:
    """Make a run; return at what it was watched, and every state of the flags that is not the wanted one."""
    moments: set[str] = set()
    found: list[dict[str, object]] = []

    def seen(what: str, _weights: object) -> None:
        moments.add(what)
        if flags() != WANTED:
            found.append({"at": what, **flags()})

    with watched(seen):
        made(study, name)
    return moments, found


@every_training
def test_a_run_trains_and_is_evaluated_as_it_repeats_itself(study: str, name: str, careless: dict[str, object]) -> None:
    moments, found = unlike(study, name)
    assert {"update", "evaluation"} <= moments or name == "update_listings"
    assert found == []
    assert flags() == careless


def test_the_careless_state_differs_in_everything(careless: dict[str, object]) -> None:
    assert [name for name, value in WANTED.items() if careless[name] == value] == []


def test_what_was_set_comes_back_after_an_error(careless: dict[str, object]) -> None:
    found: list[dict[str, object]] = []

    @training.reproducible()
    def failing() -> None:
        found.append(flags())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert (found, flags()) == ([WANTED], careless)


# The checks can fail


def two_threads() -> None:
    torch.set_num_threads(2)


def chosen_by_speed() -> None:
    torch.backends.cudnn.benchmark = True


def any_kernel() -> None:
    torch.backends.cudnn.deterministic = False


def quick_convolutions() -> None:
    torch.backends.cudnn.allow_tf32 = True


def quick_products() -> None:
    torch.backends.cuda.matmul.fp32_precision = "tf32"


@pytest.mark.parametrize("plant", [two_threads, chosen_by_speed, any_kernel, quick_convolutions, quick_products])
def test_a_flag_that_is_not_set_is_found(
    plant: Callable[[], None], careless: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = training.epoch_order

    def careless_order(count: int, seed: int, epoch: int) -> torch.Tensor:
        plant()
        return make(count, seed, epoch)

    monkeypatch.setattr("studies.filters2d.training.search.epoch_order", careless_order)
    _, found = unlike("filters2d", "colour_matrix")
    assert found
