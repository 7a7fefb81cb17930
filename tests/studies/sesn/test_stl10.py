"""The reader of STL-10's binary files: layout, labels, and one clear line for each way a file can be wrong."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from repro.data import pinned_by_files, read_verified, status
from repro.errors import InfrastructureError, IntegrityError
from studies.sesn.data import stl10
from studies.sesn.data.stl10 import STL10, STL10_FILES

SMALL = {"train": 20, "test": 10}


def expected_images(part, count):
    """Return images (count, 3, 96, 96) whose value tells channel, row and column apart."""
    generator = np.random.default_rng(len(part))
    return generator.integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Write files of a few images, and hold the reader to their number."""
    monkeypatch.setattr(stl10, "COUNTS", SMALL)
    (tmp_path / "stl10_binary").mkdir()
    for part, count in SMALL.items():
        columns_first = expected_images(part, count).transpose(0, 1, 3, 2)
        (tmp_path / "stl10_binary" / f"{part}_X.bin").write_bytes(columns_first.tobytes())
        (tmp_path / "stl10_binary" / f"{part}_y.bin").write_bytes(bytes(range(1, 11)) * (count // 10))
    return tmp_path


@pytest.fixture
def few(folder, monkeypatch):
    """Return the data set as pinned to the few images' files."""
    files = {name: "md5:" + hashlib.md5((folder / name).read_bytes()).hexdigest() for name in STL10_FILES}
    monkeypatch.setenv("REPRO_DATA_DIR", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return dataclasses.replace(STL10, files=files, content=pinned_by_files(files), download=None)


def test_images_are_turned_upright(folder):
    arrays = stl10.read_stl10(folder)
    for part, count in SMALL.items():
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        np.testing.assert_array_equal(images, expected_images(part, count))
        assert images.dtype == labels.dtype == np.uint8
        assert images.flags.c_contiguous
        assert labels.tolist() == list(range(10)) * (count // 10)


def test_byte_order_is_channel_then_column_then_row(tmp_path):
    """Byte 96 * column + row of a channel is the pixel at (row, column)."""
    path = tmp_path / "train_X.bin"
    content = bytearray(3 * 96 * 96)
    content[96 * 96 + 96 * 5 + 7] = 200
    path.write_bytes(content)
    assert np.argwhere(stl10.read_images(path, 1)).tolist() == [[0, 1, 7, 5]]


@pytest.mark.parametrize("part", SMALL)
def test_reader_agrees_with_torchvision(folder, monkeypatch, part):
    from studies.common.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.datasets import STL10 as TorchvisionStl10

    monkeypatch.setattr(TorchvisionStl10, "_check_integrity", lambda self: True)  # it wants the real files
    theirs, ours = TorchvisionStl10(str(folder), split=part), stl10.read_stl10(folder)
    np.testing.assert_array_equal(ours[f"{part}_images"], theirs.data)
    np.testing.assert_array_equal(ours[f"{part}_labels"], theirs.labels)


def test_digests_are_torchvision_s():
    from studies.common.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.datasets import STL10 as TorchvisionStl10

    published = dict(TorchvisionStl10.train_list + TorchvisionStl10.test_list)
    assert {f"stl10_binary/{name}": f"md5:{digest}" for name, digest in published.items() if "unl" not in name} == dict(
        STL10_FILES
    )
    assert TorchvisionStl10.base_folder == stl10.FOLDER


def test_verified_files_are_read(few):
    assert status(few).state == "verified"
    assert read_verified(few)["test_images"].shape == (10, 3, 96, 96)


def test_packed_file_is_read(few, folder):
    path = folder / "stl10_binary" / "train_y.bin"
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert read_verified(few)["train_labels"].shape == (20,)


@pytest.mark.parametrize("name", STL10_FILES)
def test_altered_byte_is_named_with_both_digests(few, folder, name):
    content = bytearray((folder / name).read_bytes())
    content[3] ^= 1
    (folder / name).write_bytes(content)
    got = hashlib.md5(content).hexdigest()
    with pytest.raises(IntegrityError) as caught:
        read_verified(few)
    assert f"{folder / name}: expected content with md5 {few.files[name][4:]}, got {got}; " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", STL10_FILES)
def test_missing_file_is_named(few, folder, name):
    (folder / name).unlink()
    with pytest.raises(InfrastructureError, match=f"lacks {name}") as caught:
        read_verified(few)
    assert "REPRO_DATA_DIR to a folder with stl10_binary/train_X.bin and 3 more" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_named_by_the_reader_too(folder):
    (folder / "stl10_binary" / "test_y.bin").unlink()
    with pytest.raises(InfrastructureError, match=r"no file stl10_binary/test_y\.bin in .*; put STL-10's"):
        stl10.read_stl10(folder)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("train_X.bin", "552960 bytes (20 items of 27648)"), ("test_y.bin", "10 bytes (10 items of 1)")],
)
@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"\1", lambda content: b""])
def test_file_of_another_length_is_refused(folder, name, expected, change):
    path = folder / "stl10_binary" / name
    content = change(path.read_bytes())
    path.write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        stl10.read_stl10(folder)
    wanted = f"{path}: expected {expected}, got {len(content)}; remove this file and fetch it again"
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        ([0, *range(2, 11)], "got 0 for image 0"),
        ([*range(1, 10), 11], "got 11 for image 9"),
        ([1, 255, 0, *range(4, 11)], "got 255 for image 1 and 1 more"),
    ],
)
def test_label_out_of_range_is_refused(folder, labels, got):
    path = folder / "stl10_binary" / "test_y.bin"
    path.write_bytes(bytes(labels))
    with pytest.raises(IntegrityError) as caught:
        stl10.read_stl10(folder)
    assert str(caught.value) == f"{path}: expected labels 1 to 10, {got}; remove this file and fetch it again"


def test_torchvision_s_download_lands_in_our_layout(few, folder, monkeypatch):
    """Download through torchvision, whose network access and own check are replaced."""
    from studies.common.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.datasets import STL10 as TorchvisionStl10

    asked = []

    def fetch(self):
        asked.append(self.root)
        target = Path(self.root) / "stl10_binary"
        target.mkdir()
        for name in STL10_FILES:
            (Path(self.root) / name).write_bytes((folder / name).read_bytes())
        (target / "unlabeled_X.bin").write_bytes(b"not wanted")

    monkeypatch.setattr(TorchvisionStl10, "download", fetch)
    monkeypatch.delenv("REPRO_DATA_DIR")
    arrays = read_verified(dataclasses.replace(few, download=stl10.download_stl10))
    assert asked
    assert arrays["train_images"].shape == (20, 3, 96, 96)
    kept = folder / "cache" / "repro"
    assert sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*.bin")) == sorted(STL10_FILES)


def test_real_set_is_whole_where_it_is(shared, monkeypatch):
    monkeypatch.setenv("REPRO_DATA_DIR", str(shared))
    if status(STL10).state == "absent":
        pytest.skip("no STL-10: put stl10_binary/ into the folder of real data")
    arrays = STL10.load()
    assert arrays["train_images"].shape == (5000, 3, 96, 96)
    assert np.bincount(arrays["train_labels"]).tolist() == [500] * 10
    assert np.bincount(arrays["test_labels"]).tolist() == [800] * 10


def test_importing_the_declarations_imports_nothing_heavy():
    code = (
        "import sys, studies.sesn.data.stl10, studies.common.photographs; "
        "print({'numpy', 'torch', 'torchvision', 'sklearn', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
