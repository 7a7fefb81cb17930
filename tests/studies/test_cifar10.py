"""CIFAR-10's files: read as published, refused when they hold anything else; the lossy variant."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.errors import InfrastructureError, IntegrityError
from studies.common import cifar10
from studies.common.cifar10 import CIFAR10, CIFAR10_JPEG, read_batch, read_cifar10


def write_batch(path: Path, content: Any) -> Path:
    """Write what a Python 2 pickle of the archive holds: texts are bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, Any]:
    monkeypatch.setattr(cifar10, "BATCH", 4)
    data = np.arange(4 * 3072, dtype=np.int64).astype(np.uint8).reshape(4, 3072)
    return {b"data": data, b"labels": [3, 1, 4, 1], b"batch_label": b"training batch 1 of 5"}


def test_planes_rows_and_columns_are_where_the_format_has_them(tmp_path: Path, small: dict[bytes, Any]) -> None:
    images, labels = read_batch(write_batch(tmp_path / "data_batch_1", small))
    assert images.shape == (4, 3, 32, 32)
    assert labels.tolist() == [3, 1, 4, 1]
    assert images[2, 1, 5, 7] == small[b"data"][2, 1024 + 5 * 32 + 7]


def test_five_files_train_and_one_tests(tmp_path: Path, small: dict[bytes, Any]) -> None:
    for name in CIFAR10.files:
        write_batch(tmp_path / name, small)
    found = read_cifar10(tmp_path)
    assert (len(found["train_images"]), len(found["test_images"])) == (20, 4)


def test_a_pickle_of_anything_else_is_not_executed(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "made"),)

    path = write_batch(tmp_path / "data_batch_1", {b"data": Harmful()})
    with pytest.raises(IntegrityError, match=r"it asks for (posix|nt|os)\.mkdir"):
        read_batch(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content", [{b"data": np.zeros((4, 3072), np.uint8)}, {b"data": np.zeros(5, np.uint8), b"labels": [1]}, [1, 2]]
)
def test_other_contents_are_refused(tmp_path: Path, small: dict[bytes, Any], content: Any) -> None:
    with pytest.raises(IntegrityError, match="expected 4 pickled images"):
        read_batch(write_batch(tmp_path / "data_batch_1", content))


def test_a_file_cut_short_is_refused(tmp_path: Path, small: dict[bytes, Any]) -> None:
    path = write_batch(tmp_path / "data_batch_1", small)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(IntegrityError, match="remove this file"):
        read_batch(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"no file cifar10-jpeg/test\.parquet"):
        cifar10.read_cifar10_jpeg(tmp_path)


def test_the_lossy_variant_has_turns_of_the_classes_and_parts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    monkeypatch.setattr(cifar10, "JPEG_EACH", 5)
    monkeypatch.setattr(cifar10, "JPEG_TRAIN", 4)
    labels, jpegs = [label for label in range(10) for _ in range(5)], []
    for number, label in enumerate(labels):
        buffer = io.BytesIO()
        Image.new("RGB", (32, 32), (20 * label, 50 * (number % 5), 7)).save(buffer, "JPEG", quality=95)
        jpegs.append(buffer.getvalue())
    path = tmp_path / cifar10.JPEG_FILE
    path.parent.mkdir()
    pq.write_table(pa.table({"label": pa.array(labels, pa.uint8()), "jpeg": jpegs}), path)
    found = cifar10.read_cifar10_jpeg(tmp_path)
    assert found["train_images"].shape == (40, 3, 32, 32)
    assert found["test_images"].shape == (10, 3, 32, 32)
    assert found["train_labels"].tolist() == list(range(10)) * 4
    means = found["test_images"].mean((2, 3))
    assert np.allclose(means[:, 0], 20 * np.arange(10), atol=3)
    assert np.allclose(means[:, 1], 200, atol=3)


def test_the_variant_is_read_where_it_is(shared: Path) -> None:
    if not (shared / cifar10.JPEG_FILE).is_file():
        pytest.skip("no lossy variant of CIFAR-10 beside the real data")
    found = cifar10.read_cifar10_jpeg(shared)
    assert found["train_images"].shape == (8000, 3, 32, 32)
    assert found["test_images"].shape == (2000, 3, 32, 32)
    assert np.bincount(found["test_labels"]).tolist() == [200] * 10
    assert CIFAR10_JPEG.stands_in_for == "cifar10"
