"""Data are found, downloaded once, and refused in one line unless their content is the pinned one."""

import dataclasses
import gzip
import hashlib
import importlib
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from repro.data import (
    DataSet,
    DataStatus,
    content_hash,
    locate,
    pinned_by_files,
    read_idx,
    read_verified,
    status,
    verify,
)
from repro.errors import InfrastructureError, IntegrityError, UsageError
from repro.runs.plan import stored_content

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 1], dtype=np.uint8)
NAMES = ("toy/images-idx3-ubyte.gz", "toy/labels-idx1-ubyte.gz")


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


CONTENTS = dict(zip(NAMES, (idx(IMAGES), idx(LABELS)), strict=True))


def read(folder: Path | None) -> dict[str, np.ndarray]:
    return {
        "test_images": read_idx(folder, NAMES[0], dimensions=3),
        "test_labels": read_idx(folder, NAMES[1], dimensions=1),
    }


def fill(folder: Path, *, packed: bool = True) -> None:
    for name, content in CONTENTS.items():
        path = folder / (name if packed else name.removesuffix(".gz"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if packed else content)


def never(folder: Path) -> None:
    raise AssertionError("nothing should be downloaded")


TOY = DataSet(
    "toy",
    "Toy",
    content=content_hash({"test_images": IMAGES, "test_labels": LABELS}),
    read=read,
    files={name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()},
    download=never,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An existing empty folder that REPRO_DATA_DIR names; the user's cache does not exist yet."""
    given = tmp_path / "given"
    given.mkdir()
    monkeypatch.setenv("REPRO_DATA_DIR", str(given))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return given


@pytest.fixture
def cache(folder: Path) -> Path:
    return folder.parent / "cache" / "repro"


def refusal(action: Callable[[], object], kind: type[IntegrityError | InfrastructureError]) -> str:
    """Return the one line with which an action is refused."""
    with pytest.raises(kind) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("packed", [True, False])
def test_loads_packed_and_plain_files(folder: Path, packed: bool) -> None:
    fill(folder, packed=packed)
    arrays = read_verified(TOY)
    np.testing.assert_array_equal(arrays["test_images"], IMAGES)
    np.testing.assert_array_equal(arrays["test_labels"], LABELS)
    assert status(TOY) == DataStatus("toy", "Toy", str(folder), "verified")


def test_load_reads_once_and_shares_read_only_arrays(folder: Path) -> None:
    fill(folder)
    reads = []
    counted = dataclasses.replace(TOY, read=lambda place: reads.append(place) or read(place))
    counted.load()["extra"] = IMAGES
    assert set(counted.load()) == {"test_images", "test_labels"}
    assert reads == [folder]
    with pytest.raises(ValueError, match="read-only"):
        counted.load()["test_images"][0] = 0


def test_given_folder_comes_before_the_cache(folder: Path, cache: Path) -> None:
    fill(cache)
    assert locate(TOY) == cache
    fill(folder)
    assert locate(TOY) == folder


def test_home_cache_without_xdg(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(folder.parent / "home"))
    fill(folder.parent / "home" / ".cache" / "repro")
    assert locate(TOY) == folder.parent / "home" / ".cache" / "repro"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_altered_byte_is_named_and_refused(folder: Path, name: str, packed: bool) -> None:
    fill(folder, packed=packed)
    path = folder / (name if packed else name.removesuffix(".gz"))
    altered = CONTENTS[name][:-1] + bytes([CONTENTS[name][-1] ^ 1])
    path.write_bytes(gzip.compress(altered) if packed else altered)
    text = refusal(TOY.load, IntegrityError)
    expected, got = TOY.files[name], hashlib.sha256(altered).hexdigest()
    assert text.startswith(f"{path}: expected content with sha256 {expected}, got {got}; remove this file")
    assert status(TOY) == DataStatus("toy", "Toy", str(folder), "altered", text)


@pytest.mark.parametrize("kept", [3, 30, -9, -1])
def test_truncated_archive_is_named_and_refused(folder: Path, kept: int) -> None:
    fill(folder)
    path = folder / NAMES[0]
    path.write_bytes(path.read_bytes()[:kept])
    text = refusal(TOY.load, IntegrityError)
    assert text.startswith(f"{path}: expected a whole gzip file, got {path.stat().st_size} bytes")
    assert "fetch it again" in text


def test_corrupt_archive_is_named_and_refused(folder: Path) -> None:
    fill(folder)
    path = folder / NAMES[0]
    content = bytearray(path.read_bytes())
    content[12] ^= 0xFF
    path.write_bytes(content)
    assert refusal(TOY.load, IntegrityError).startswith(f"{path}: expected")


def test_empty_file_is_refused(folder: Path) -> None:
    fill(folder)
    (folder / NAMES[0]).write_bytes(b"")
    assert str(folder / NAMES[0]) in refusal(TOY.load, IntegrityError)


def test_arrays_that_differ_from_the_pinned_content_are_refused(folder: Path) -> None:
    """Right files, but a reader that changed: only the content's hash can see it."""
    fill(folder)
    flipped = dataclasses.replace(TOY, read=lambda place: {**read(place), "test_images": IMAGES[::-1]})
    text = refusal(flipped.load, IntegrityError)
    assert f"expected arrays with content sha256 {TOY.content}, got " in text
    assert status(flipped).state == "altered"


def test_another_peak_is_another_content(folder: Path) -> None:
    fill(folder)
    assert "expected arrays with content" in refusal(dataclasses.replace(TOY, peak=16).load, IntegrityError)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (bytes((0, 0, 8, 1)) + idx(IMAGES)[4:], r"expected an IDX file that starts with 00000803, got 00000801"),
        (bytes((0, 0, 9, 3)) + idx(IMAGES)[4:], r"starts with 00000803, got 00000903"),
        (b"", r"starts with 00000803, got nothing"),
        (idx(IMAGES)[:10], r"starts with 00000803"),
        (idx(IMAGES)[:-1], r"expected 40 bytes for shape \(2, 3, 4\), got 39"),
        (idx(IMAGES) + b"\0", r"expected 40 bytes for shape \(2, 3, 4\), got 41"),
    ],
)
def test_idx_reader_checks_type_dimensions_and_size(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(IntegrityError, match=problem):
        read_idx(tmp_path, "images", dimensions=3)


def test_missing_data_say_where_they_were_sought_and_what_to_do(folder: Path, cache: Path) -> None:
    alone = dataclasses.replace(TOY, download=None)
    (folder / "toy").mkdir()
    (folder / NAMES[0]).write_bytes(gzip.compress(CONTENTS[NAMES[0]]))
    assert refusal(alone.load, InfrastructureError) == (
        f"no data set 'toy': looked in REPRO_DATA_DIR={folder} (lacks {NAMES[1]}), cache {cache} (no such folder); "
        f"set REPRO_DATA_DIR to a folder with {NAMES[0]} and 1 more"
    )
    assert status(alone).state == "absent"


def test_given_folder_that_does_not_exist_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRO_DATA_DIR", str(folder / "typo"))
    text = refusal(dataclasses.replace(TOY, download=None).load, InfrastructureError)
    assert f"REPRO_DATA_DIR={folder / 'typo'} (no such folder)" in text
    monkeypatch.delenv("REPRO_DATA_DIR")
    assert "REPRO_DATA_DIR (not set)" in refusal(dataclasses.replace(TOY, download=None).load, InfrastructureError)


@pytest.mark.parametrize(
    "error",
    [OSError("name not known"), RuntimeError("mirrors:\nname not known"), ImportError("no module, name not known")],
)
def test_offline_is_one_line_and_leaves_nothing(folder: Path, cache: Path, error: Exception) -> None:
    def offline(place: Path) -> None:
        fill(place)
        raise error

    text = refusal(dataclasses.replace(TOY, download=offline).load, InfrastructureError)
    assert "name not known" in text
    assert "run again with a network" in text
    assert str(folder) in text
    assert list(cache.iterdir()) == []


def test_a_fault_of_the_downloader_is_not_swallowed(folder: Path) -> None:
    def faulty(place: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        locate(dataclasses.replace(TOY, download=faulty))


@pytest.mark.parametrize("packed", [True, False])
def test_download_lands_verified_in_the_cache(
    folder: Path, cache: Path, capsys: pytest.CaptureFixture[str], packed: bool
) -> None:
    def download(place: Path) -> None:
        assert cache in place.parents
        assert not (cache / "toy").exists()
        print("progress")
        fill(place, packed=packed)

    downloaded = dataclasses.replace(TOY, download=download)
    np.testing.assert_array_equal(read_verified(downloaded)["test_labels"], LABELS)
    assert [path.name for path in cache.iterdir()] == ["toy"]
    assert locate(TOY) == cache  # found again: `never` would fail
    assert capsys.readouterr() == ("", "progress\n")


def test_altered_or_incomplete_download_is_refused_and_nothing_kept(folder: Path, cache: Path) -> None:
    def altered(place: Path) -> None:
        fill(place)
        (place / NAMES[1]).write_bytes(gzip.compress(b"altered"))

    def incomplete(place: Path) -> None:
        fill(place)
        (place / NAMES[1]).unlink()

    for download in (altered, incomplete):
        text = refusal(dataclasses.replace(TOY, download=download).load, IntegrityError)
        assert text.startswith("download of 'toy' refused, nothing kept: ")
        assert NAMES[1] in text
        assert list(cache.iterdir()) == []


def test_status_downloads_nothing(folder: Path, cache: Path) -> None:
    found = status(TOY)
    assert found.state == "absent"
    assert str(folder) in found.detail
    assert not cache.exists()


def test_verify_names_a_missing_file(folder: Path) -> None:
    assert f"{folder} lacks {NAMES[0]}" in refusal(lambda: verify(TOY, folder), IntegrityError)


def test_set_without_files_needs_no_folder(folder: Path) -> None:
    arrays = {"test_images": IMAGES}
    embedded = DataSet("embedded", "Embedded", content=content_hash(arrays), read=lambda place: dict(arrays))
    assert locate(embedded) is None
    assert status(embedded) == DataStatus("embedded", "Embedded", "installed package", "verified")


@pytest.mark.parametrize(
    "other",
    [
        {"a": IMAGES, "b": LABELS[::-1]},
        {"a": IMAGES, "c": LABELS},
        {"a": IMAGES.reshape(2, 4, 3), "b": LABELS},
        {"a": IMAGES, "b": LABELS.astype(np.int8)},
        {"a": IMAGES},
    ],
)
def test_content_hash_sees_values_names_shapes_and_types(other: dict[str, np.ndarray]) -> None:
    assert content_hash(other) != content_hash({"a": IMAGES, "b": LABELS})


def test_content_hash_ignores_order_and_layout() -> None:
    wide = IMAGES.astype(">i4")
    assert content_hash({"b": LABELS, "a": np.asfortranarray(wide)}) == content_hash(
        {"a": wide.astype("<i4"), "b": LABELS}
    )


def test_declaring_data_imports_no_numpy() -> None:
    code = "import sys, repro.data, repro.runs.provenance, repro.runs.fingerprint; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


MD5S = {name: f"md5:{hashlib.md5(content).hexdigest()}" for name, content in CONTENTS.items()}
BY_FILES = dataclasses.replace(TOY, files=MD5S, content=pinned_by_files(MD5S))


def test_a_set_may_be_pinned_by_its_files_and_their_md5(folder: Path) -> None:
    fill(folder)
    assert set(read_verified(BY_FILES)) == {"test_images", "test_labels"}
    assert status(BY_FILES).state == "verified"
    assert BY_FILES.pin == BY_FILES.content != TOY.pin == f"sha256 {TOY.content}"
    altered = CONTENTS[NAMES[1]][:-1] + b"\0"
    (folder / NAMES[1]).write_bytes(gzip.compress(altered))
    text = refusal(lambda: read_verified(BY_FILES), IntegrityError)
    wanted, got = MD5S[NAMES[1]].removeprefix("md5:"), hashlib.md5(altered).hexdigest()
    assert f"expected content with md5 {wanted}, got {got}; remove this file" in text


def test_rows_of_a_set_that_is_pinned_by_its_files_are_of_its_reader_and_its_peak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    found, stored = [], []
    for text in ("    return 1\n", "    # as one\n    return 1\n", "    return 7\n"):
        (tmp_path / "own_reader.py").write_text(f"def read(folder):\n{text}")
        monkeypatch.delitem(sys.modules, "own_reader", raising=False)
        reader = importlib.import_module("own_reader")
        monkeypatch.setitem(sys.modules, "own_reader", reader)
        found.append(dataclasses.replace(BY_FILES, read=reader.read))
        stored.append(stored_content(found[-1]))
    assert stored[0] == stored[1] != stored[2]
    assert stored_content(dataclasses.replace(BY_FILES, peak=1)) != stored_content(BY_FILES)
    assert stored_content(TOY) == TOY.content


def test_what_pins_a_set_by_its_files_follows_from_names_and_digests() -> None:
    backwards = dict(reversed(MD5S.items()))
    assert pinned_by_files(backwards) == pinned_by_files(MD5S)
    assert len({pinned_by_files(files) for files in (MD5S, TOY.files, {**MD5S, "more": "0" * 64}, {})}) == 4


@pytest.mark.parametrize(
    "changes", [{"files": TOY.files}, {"files": {}, "content": pinned_by_files({})}, {"generated": True}]
)
def test_other_files_none_or_a_generated_set_are_not_pinned_by_files(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"data set 'toy': content 'files:[0-9a-f]{64}' pins a set by its files"):
        dataclasses.replace(BY_FILES, **changes)


def test_data_of_a_package_that_is_not_installed_are_absent() -> None:
    """As where a study's own packages are not installed: every other thing can be listed still."""

    def unreadable(folder: Path | None) -> dict[str, np.ndarray]:
        raise ModuleNotFoundError("No module named 'PIL'")

    toy = DataSet("pictures", "Pictures", "00" * 32, unreadable)
    found = status(toy)
    assert (found.state, "No module named 'PIL'" in found.detail) == ("absent", True)
    with pytest.raises(InfrastructureError, match=r"data set 'pictures': No module named 'PIL'.*install"):
        read_verified(toy)
