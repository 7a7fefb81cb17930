"""Which image a machine is to have, and which it gets where no index has torch's build for the CPU."""

from pathlib import Path

import pytest

from repro.errors import InfrastructureError, IntegrityError, ReproError
from repro.machine import image, sets
from repro.machine.image import ensure
from repro.machine.recipes import Recipe, recipe
from tests.repro.machine.conftest import MISMATCH, PODMAN

ABSENT = "ERROR: No matching distribution found for torch==2.13.0+cpu\nError: building at STEP RUN\n"


def names(store: Path) -> list[str]:
    """Return the locks of the images that were built, in order."""
    path = store / "builds.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.partition("LOCK=")[2].split()[0] for line in lines]


@pytest.mark.parametrize(
    ("word", "device", "gpu", "lock", "said"),
    [
        ("auto", False, False, "cpu", "the set without CUDA, as there is no NVIDIA device (REPRO_TORCH=auto)"),
        ("auto", True, False, "cuda", "the goldens' lock, with CUDA, as there is an NVIDIA device (REPRO_TORCH=auto)"),
        ("auto", False, True, "cuda", "the goldens' lock, with CUDA, as the run is to use a GPU (REPRO_TORCH=auto)"),
        ("cpu", True, False, "cpu", "the set without CUDA, as it was asked for (REPRO_TORCH=cpu)"),
        ("cuda", False, False, "cuda", "the goldens' lock, with CUDA, as it was asked for (REPRO_TORCH=cuda)"),
    ],
)
def test_the_image_is_chosen_as_the_environment_is(
    store: Path,
    wanted: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    word: str,
    device: bool,
    gpu: bool,
    lock: str,
    said: str,
) -> None:
    monkeypatch.setenv(sets.CHOICE, word)
    monkeypatch.setattr(sets, "device", lambda: device)
    _, found = image.chosen(PODMAN, wanted.root, gpu=gpu)
    assert found.name == recipe(wanted.root, lock).name("python")
    assert capsys.readouterr().err.splitlines()[0] == f"image: {said}"
    assert names(store) == [lock]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (ABSENT, "the package index has no build of torch for the CPU"),
        (
            MISMATCH.format("torch==2.13.0+cpu"),
            "the package index's build of torch for the CPU is not the one that was pinned",
        ),
    ],
    ids=["absent", "another"],
)
def test_where_no_index_has_the_build_for_the_cpu_the_goldens_image_is_taken(
    store: Path,
    wanted: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: str,
    why: str,
) -> None:
    monkeypatch.setenv("FAIL_BUILD", fault)
    monkeypatch.setenv("FAIL_LOCK", "cpu")
    _, found = image.chosen(PODMAN, wanted.root)
    assert found.name == recipe(wanted.root, "cuda").name("python")
    said = f"image: the goldens' lock, with CUDA, as there is no NVIDIA device and {why} (REPRO_TORCH=auto)"
    assert said in capsys.readouterr().err.splitlines()
    image.chosen(PODMAN, wanted.root)  # which asks no index again, as one is there
    said = "image: the goldens' lock, with CUDA, as its image is there (REPRO_TORCH=auto)"
    assert capsys.readouterr().err.splitlines()[0] == said
    assert names(store) == ["cpu", "cuda"]
    monkeypatch.setenv(sets.CHOICE, "cpu")
    image.chosen(PODMAN, wanted.root)
    assert names(store) == ["cpu", "cuda", "cpu"]


def test_the_small_one_is_taken_where_both_are_there(store: Path, wanted: Recipe) -> None:
    for lock in ("cuda", "cpu"):
        ensure(PODMAN, recipe(wanted.root, lock))
    assert image.chosen(PODMAN, wanted.root)[1].name == recipe(wanted.root, "cpu").name("python")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(MISMATCH.format("numpy==2.4.6"), IntegrityError), ("Error: no space left on device", InfrastructureError)],
)
def test_another_fault_of_the_small_one_is_an_end(
    store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch, fault: str, kind: type[ReproError]
) -> None:
    monkeypatch.setenv("FAIL_BUILD", fault)
    with pytest.raises(kind) as caught:
        image.chosen(PODMAN, wanted.root)
    assert not isinstance(caught.value, image.LackingError)
    assert names(store) == ["cpu"]


def test_a_lock_with_cuda_lacks_no_build_for_the_cpu(
    store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL_BUILD", ABSENT)
    monkeypatch.setenv(sets.CHOICE, "cuda")
    with pytest.raises(InfrastructureError, match="image: podman build ended with 1: ERROR: No matching distribution"):
        image.chosen(PODMAN, wanted.root)
