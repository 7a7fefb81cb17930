"""The studies' data sets hold what they say, bit by bit."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from repro.data import read_verified, status
from repro.errors import InfrastructureError, IntegrityError
from studies.common import datasets
from studies.common.datasets import DIGITS, MNIST, MNIST_10K, MNIST_FILES, subset_index
from tests.sources import PROJECT

SHARED = PROJECT.parent / "shared" / "data"
CLASS_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_CLASS_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture
def mnist(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(os.environ.get("REPRO_DATA_DIR") or SHARED)
    if not (folder / "mnist").is_dir():
        pytest.skip(f"no MNIST in {folder}; set REPRO_DATA_DIR")
    monkeypatch.setenv("REPRO_DATA_DIR", str(folder))
    return folder


def test_digits_are_scikit_learn_s() -> None:
    from sklearn.datasets import load_digits

    arrays, digits = DIGITS.load(), load_digits()
    assert [len(arrays[name]) for name in ("train_images", "test_images")] == [1437, 360]
    np.testing.assert_array_equal(arrays["test_images"], digits.images[::5])
    np.testing.assert_array_equal(arrays["test_labels"], digits.target[::5])
    np.testing.assert_array_equal(arrays["train_labels"], np.delete(digits.target, np.s_[::5]))
    assert arrays["train_images"].dtype == np.uint8
    assert arrays["train_images"].max() == DIGITS.peak


def test_digits_through_the_public_loader_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_digits_file", lambda: None)
    assert set(read_verified(DIGITS)) == set(DIGITS.load())


def test_altered_digits_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    genuine = datasets._digits_file()
    assert genuine is not None
    altered = tmp_path / "digits.csv"
    altered.write_bytes(gzip.decompress(genuine.read_bytes()).replace(b"16", b"15", 1))
    monkeypatch.setattr(datasets, "_digits_file", lambda: altered)
    with pytest.raises(IntegrityError, match=r"data set 'digits' .* expected arrays"):
        read_verified(DIGITS)


def test_digits_without_scikit_learn_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InfrastructureError, match="pip install scikit-learn"):
        read_verified(DIGITS)
    assert status(DIGITS).state == "absent"


def test_mnist_is_whole(mnist: Path) -> None:
    arrays = MNIST.load()
    assert arrays["train_images"].shape == (60_000, 28, 28)
    assert arrays["test_images"].shape == (10_000, 28, 28)
    assert np.bincount(arrays["train_labels"]).tolist() == CLASS_COUNTS
    assert np.bincount(arrays["test_labels"]).tolist() == TEST_CLASS_COUNTS
    assert arrays["train_images"].max() == MNIST.peak


@pytest.mark.parametrize("name", MNIST_FILES)
def test_altered_mnist_byte_is_named(mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "mnist").mkdir()
    for other in MNIST_FILES:
        source = mnist / other if (mnist / other).is_file() else (mnist / other).with_suffix("")
        (tmp_path / source.relative_to(mnist)).symlink_to(source.resolve())
    source = next(path for path in (tmp_path / name, (tmp_path / name).with_suffix("")) if path.is_file())
    content = bytearray(gzip.decompress(source.read_bytes()) if source.suffix == ".gz" else source.read_bytes())
    content[len(content) // 2] ^= 1
    source.unlink()
    (tmp_path / name).with_suffix("").write_bytes(content)
    monkeypatch.setenv("REPRO_DATA_DIR", str(tmp_path))
    with pytest.raises(IntegrityError, match=f"{Path(name).stem}: expected content with sha256 {MNIST_FILES[name]}"):
        read_verified(MNIST)


def test_subset_keeps_the_class_shares_and_the_test_set(mnist: Path) -> None:
    arrays, whole = MNIST_10K.load(), MNIST.load()
    counts = np.bincount(arrays["train_labels"])
    assert counts.sum() == 10_000
    assert np.abs(counts - np.array(CLASS_COUNTS) / 6).max() < 1
    np.testing.assert_array_equal(arrays["test_images"], whole["test_images"])
    np.testing.assert_array_equal(arrays["test_labels"], whole["test_labels"])


def test_subset_is_pinned(mnist: Path) -> None:
    index = subset_index(MNIST.load()["train_labels"], 10_000)
    assert len(np.unique(index)) == 10_000
    pinned = "d536f6151515f270523bb38f287e9099bb14d2d661e6d18bb7f626cf36a76200"
    assert hashlib.sha256(index.astype("<i4").tobytes()).hexdigest() == pinned
    np.testing.assert_array_equal(MNIST_10K.load()["train_images"], MNIST.load()["train_images"][index])


@pytest.mark.parametrize("size", [1, 7, 10, 99, 100])
def test_subset_of_any_size_is_balanced_to_within_one(size: int) -> None:
    labels = np.repeat(np.arange(4, dtype=np.uint8), [50, 30, 15, 5])
    index = subset_index(labels, size)
    shares = np.bincount(labels[index], minlength=4) - np.bincount(labels) * size / 100
    assert len(np.unique(index)) == size
    assert np.abs(shares).max() < 1


def test_stand_ins_are_marked() -> None:
    assert (DIGITS.stands_in_for, MNIST_10K.stands_in_for, MNIST.stands_in_for) == ("mnist", "mnist", "")


def test_torchvision_files_land_in_our_layout(mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Download through torchvision, whose network access is replaced by the local files."""
    pytest.importorskip("torchvision")
    from torchvision.datasets import MNIST as TorchvisionMnist

    def fetch(self: TorchvisionMnist) -> None:
        shutil.copytree(mnist / "mnist", self.raw_folder)
        for path in Path(self.raw_folder).glob("*.gz"):
            path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))

    monkeypatch.setattr(TorchvisionMnist, "download", fetch)
    monkeypatch.delenv("REPRO_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert len(read_verified(MNIST)["train_labels"]) == 60_000
    assert sorted(path.name for path in (tmp_path / "repro").rglob("*")) == sorted(
        ["mnist", *(Path(name).name for name in MNIST_FILES)]
    )


def test_importing_the_declarations_imports_nothing_heavy() -> None:
    code = "import sys, studies.common.datasets; print({'numpy', 'torch', 'torchvision', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


FAKE_TORCHVISION = """
import torch
import torchvision.extension
@torch.library.register_fake("torchvision::nms")
def meta_nms(dets, scores, iou_threshold): ...
"""


@pytest.mark.parametrize("body", [FAKE_TORCHVISION, "raise RuntimeError('another fault')"])
def test_torchvision_beside_a_cpu_only_torch(tmp_path: Path, body: str) -> None:
    """A torchvision whose compiled operators did not load imports with the operators declared; other faults stay."""
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(body)
    (package / "extension.py").write_text("loaded = True\n")
    code = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        from studies.common.torchvision_import import import_torchvision
        assert import_torchvision().extension.loaded
        try:
            import torch
            torch.ops.torchvision.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
        except NotImplementedError:
            print("no kernel")
        """
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    if body == FAKE_TORCHVISION:
        assert done.stdout == "no kernel\n", done.stderr
    else:
        assert "another fault" in done.stderr
