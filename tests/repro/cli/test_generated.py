"""Data that take time to make are made once, kept by content, verified at each load, and removed on request."""

import dataclasses
import functools
import importlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from repro.data import DataSet, content_hash, kept_at, read_verified, remove, status
from repro.errors import InfrastructureError, IntegrityError
from repro.machine import cache
from repro.runs import table
from tests.repro.conftest import Cli, write_study
from tests.repro.test_data import CONTENTS, NAMES, TOY, fill, refusal
from tests.sources import PROJECT

SQUARES = {
    "test_images": np.arange(16, dtype=np.uint8).reshape(4, 2, 2) ** 2,
    "test_labels": np.array([1, 0], np.int64),
}


def squares(place: Path | None) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in SQUARES.items()}


def never(place: Path | None) -> dict[str, np.ndarray]:
    raise AssertionError("nothing should be made")


MADE = DataSet("squares", "Squares", content=content_hash(SQUARES), read=squares, generated=True)
KEPT = dataclasses.replace(MADE, read=never)  # the same set where it must come from the cache


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, which does not exist yet; no data folder is named."""
    monkeypatch.delenv("REPRO_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "repro"


@pytest.fixture
def made(home: Path) -> Path:
    """The kept file of the squares."""
    read_verified(MADE)
    (path,) = (home / "generated").glob(f"squares-{MADE.content[:16]}-*.npz")
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_made_once_and_then_read_from_the_cache(home: Path, made: Path) -> None:
    assert kept_at(MADE) == made
    assert files(home) == [made.name]
    arrays = read_verified(KEPT)
    assert {name: array.tolist() for name, array in arrays.items()} == {
        name: array.tolist() for name, array in SQUARES.items()
    }
    with pytest.raises(ValueError, match="read-only"):
        KEPT.load()["test_labels"][0] = 3


def test_other_sets_are_not_kept(home: Path) -> None:
    plain = dataclasses.replace(MADE, generated=False)
    read_verified(plain)
    assert kept_at(plain) is None
    assert not home.exists()


def test_status_makes_nothing_and_verifies_what_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(KEPT).state == "not made yet"
    assert not home.exists()
    read_verified(MADE)
    found = status(KEPT)
    assert (found.state, found.where) == ("verified", str(kept_at(MADE)))


def test_a_set_whose_sources_are_nowhere_is_absent_unless_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRO_DATA_DIR", str(home.parent / "data"))
    copied = dataclasses.replace(TOY, generated=True)
    assert status(copied).state == "absent"
    fill(home.parent / "data")
    assert status(copied).state == "not made yet"
    read_verified(copied)
    monkeypatch.delenv("REPRO_DATA_DIR")
    assert status(copied).state == "verified"
    assert len(read_verified(copied)) == 2


def test_altered_sources_make_no_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRO_DATA_DIR", str(home.parent / "data"))
    fill(home.parent / "data", packed=False)
    (home.parent / "data" / NAMES[0].removesuffix(".gz")).write_bytes(CONTENTS[NAMES[0]][:-1] + b"\0")
    text = refusal(lambda: read_verified(dataclasses.replace(TOY, generated=True)), IntegrityError)
    assert "remove this file" in text
    assert files(home) == []


def test_a_generator_that_changed_is_refused_and_nothing_kept(home: Path) -> None:
    other = dataclasses.replace(MADE, read=lambda place: squares(place) | {"test_labels": np.array([1, 1])})
    assert f"expected arrays with content sha256 {MADE.content}" in refusal(
        lambda: read_verified(other), IntegrityError
    )
    assert files(home) == []


def test_a_generator_that_changed_is_seen_where_the_cache_is_warm(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(home.parent.parent)
    path = home.parent.parent / "lone_generator.py"
    source = "import numpy as np\ndef read(place):\n    return {'a': np.full(3, 1)}\n"
    path.write_text(source)
    lone = importlib.import_module("lone_generator")
    monkeypatch.setitem(sys.modules, "lone_generator", lone)
    made = DataSet("lone", "Lone", content=content_hash(lone.read(None)), read=lone.read, generated=True)
    read_verified(made)
    path.write_text(f"# other words\n{source}")
    assert status(made).state == "verified"
    path.write_text(source.replace("np.full(3, 1)", "np.full(3, 2)"))
    assert status(made).state == "not made yet"
    changed = dataclasses.replace(made, read=functools.partial(lambda place: {"a": np.full(3, 2)}))
    assert f"expected arrays with content sha256 {made.content}" in refusal(
        lambda: read_verified(changed), IntegrityError
    )
    assert len(remove(changed)) == 1


def test_what_was_kept_before_names_had_code_is_removed_too(home: Path, made: Path) -> None:
    old = made.with_name(f"squares-{MADE.content[:16]}.npz")
    old.write_bytes(made.read_bytes())
    assert set(remove(MADE)) == {old, made}


def one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(bytes(SQUARES["test_images"][1].ravel()))] ^= 1
    path.write_bytes(content)


def shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def pickled(path: Path) -> None:
    np.savez(path, test_images=np.array([{}], dtype=object))


@pytest.mark.parametrize("damage", [one_byte, shorter, empty, pickled])
def test_a_damaged_file_is_named_and_refused(made: Path, damage: Callable[[Path], None]) -> None:
    damage(made)
    text = refusal(lambda: read_verified(KEPT), IntegrityError)
    assert text.startswith(f"{made}: expected arrays with content sha256 {MADE.content}, got a file of ")
    assert "that does not read (" in text
    assert text.endswith("; `repro data squares --remove`, to have it made anew")
    assert (status(KEPT).state, status(KEPT).detail) == ("altered", text)


def test_other_arrays_under_the_name_are_refused_with_both_hashes(made: Path) -> None:
    other = SQUARES | {"test_labels": np.array([9, 9])}
    np.savez(made, **other)
    text = refusal(lambda: read_verified(KEPT), IntegrityError)
    assert text == (
        f"{made}: expected arrays with content sha256 {MADE.content}, got {content_hash(other)}; "
        "`repro data squares --remove`, to have it made anew"
    )


def test_another_content_is_another_file(home: Path, made: Path) -> None:
    """A generator that was changed on purpose finds the old arrays under another name, and does not read them."""
    twice = {name: array * 2 for name, array in SQUARES.items()}
    newer = dataclasses.replace(MADE, content=content_hash(twice), read=lambda place: dict(twice))
    assert read_verified(newer)["test_labels"].tolist() == [2, 0]
    assert len(files(home)) == 2


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "folder", lambda: None)
    assert kept_at(MADE) is None
    assert set(read_verified(MADE)) == set(SQUARES)
    assert status(MADE).state == "not made yet"
    assert remove(MADE) == ()


def test_a_cache_that_cannot_be_written_is_no_hindrance(home: Path) -> None:
    home.parent.write_text("a file where the cache's folder should be")
    assert set(read_verified(MADE)) == set(SQUARES)


def test_a_full_disk_is_one_line_and_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(stream: object, **arrays: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert "cannot be kept" in (text := refusal(lambda: read_verified(MADE), InfrastructureError))
    assert "No space left on device" in text
    assert files(home) == []


def test_processes_that_want_it_at_once_make_it_once(home: Path) -> None:
    program = textwrap.dedent(
        f"""
        import sys, time; sys.path.insert(0, {str(PROJECT)!r})
        from dataclasses import replace
        from tests.repro.cli.test_generated import MADE, squares
        from repro.data import read_verified
        def slow(place):
            print("made", flush=True)
            time.sleep(0.5)
            return squares(place)
        read_verified(replace(MADE, read=slow))
        """
    )
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert "".join(said) == "made\n"
    assert len(files(home)) == 1


@given(
    st.dictionaries(
        st.text("abc_", min_size=1, max_size=4),
        arrays_of.arrays(
            st.sampled_from([np.uint8, np.int64, np.float32]),
            arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0),
        ),
        max_size=3,
    )
)
def test_arrays_come_out_of_the_cache_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray]
) -> None:
    """Names, types, shapes and bits survive: the content's hash is the same."""
    path = tmp_path_factory.mktemp("kept") / "arrays.npz"
    cache.save(path, arrays)
    assert content_hash(cache.read(path)) == content_hash(arrays)


class TestRemove:
    """Removing takes what the user's cache holds of one set, and nothing else."""

    def test_what_was_made_and_earlier_contents_of_it(self, home: Path, made: Path) -> None:
        earlier = made.with_name(f"squares-{'0' * 16}.npz")
        others = [made.with_name(name) for name in (f"squares-small-{'0' * 16}.npz", f"more-squares-{'0' * 16}.npz")]
        for path in (earlier, *others):
            path.write_bytes(b"")
        assert set(remove(MADE)) == {made, earlier}
        assert files(home) == sorted(path.name for path in others)
        assert not cache.lock_of(made).exists()
        assert remove(MADE) == ()

    def test_not_the_sources_of_a_generated_set(self, home: Path) -> None:
        fill(home)
        copied = dataclasses.replace(TOY, generated=True)
        read_verified(copied)
        assert remove(copied) == (kept_at(copied),)
        assert len(files(home)) == len(NAMES)

    @pytest.mark.parametrize("packed", [True, False])
    def test_downloaded_files(self, home: Path, packed: bool) -> None:
        fill(home, packed=packed)
        assert len(remove(TOY)) == len(NAMES)
        assert files(home) == []

    def test_never_in_the_data_folder(self, home: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(home)
        for named in (home, home / "..", home / "toy"):
            monkeypatch.setenv("REPRO_DATA_DIR", os.fspath(named))
            assert remove(TOY) == ()
        assert len(files(home)) == len(NAMES) + 1


STUDY = """
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from repro.data import DataSet, content_hash
from repro.study import Profile, Study, grid

@dataclass(frozen=True)
class Case:
    part: int

def arrays(part):
    return {{"numbers": np.arange(4) + part}}

SETS = [
    DataSet(f"part-{{part}}", "", content_hash(arrays(part)), lambda place, part=part: arrays(part), generated=True)
    for part in range(3)
]
study = Study("parts", data=SETS[2:], smoke=Profile(None, lambda case: {choice}, cannot_answer="x"))

@study.experiment(grid(Case, part=(0, 1)), metrics=("total",), deterministic=True)
def add(case, run):
    \"\"\"Add up a case's own numbers.\"\"\"
    return {{"total": float(run.data.load()["numbers"].sum()) if run.data else -1.0}}
"""


@pytest.fixture
def parts(project: Path, home: Path) -> Path:
    """A project with a study of two cases, each with data of its own, that offers a third set."""
    write_study(project, "parts", STUDY.format(choice="SETS[case.part]"))
    return project


def test_the_verb_lists_makes_verifies_and_removes(parts: Path, cli: Cli, home: Path) -> None:
    assert [line.split()[:4] for line in cli("data").stdout.splitlines()[1:]] == [
        [f"part-{part}", "not", "made", "yet"] for part in range(3)
    ]
    assert not home.exists()
    assert "part-2: verified, content sha256 " in cli("data", "part-2").stdout
    assert [line.split()[1] for line in cli("data").stdout.splitlines()[1:]] == ["not", "not", "verified"]
    gone = cli("data", "part-2", "--remove")
    assert gone.stdout.startswith(f"removed {home}/generated/part-2-")
    nothing = cli("data", "part-2", "--remove")
    assert (nothing.returncode, nothing.stdout) == (0, "part-2: the cache holds nothing of it to remove\n")
    refused = cli("data", "--remove")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "which data set?" in refused.stderr
    one_byte_less = cli("data", "part-0").stdout and next(home.rglob("part-0-*.npz"))
    one_byte_less.write_bytes(one_byte_less.read_bytes()[:-1])
    damaged = cli("data", "part-0")
    assert (damaged.returncode, len(damaged.stderr.splitlines())) == (6, 1)
    assert "altered" in cli("data").stdout
    assert cli("data", "part-0", "--remove").returncode == cli("data", "part-0").returncode == 0


def totals(project: Path) -> dict[str, tuple[float, str]]:
    rows = table.read(project / "results/parts/smoke.parquet").to_pylist()
    return {row["case"]: (row["value"], row["data"]) for row in rows}


def test_each_case_runs_on_data_of_its_own_and_says_so(parts: Path, cli: Cli) -> None:
    assert cli("run", "parts").returncode == 0
    contents = [content_hash({"numbers": np.arange(4) + part}) for part in (0, 1)]
    assert totals(parts) == {'{"part":0}': (6.0, contents[0]), '{"part":1}': (10.0, contents[1])}
    records = table.environments(table.read(parts / "results/parts/smoke.parquet"))
    assert [record["data"] for record in records.values()] == [dict(zip(("part-0", "part-1"), contents, strict=True))]
    assert "0 runs made, 2 were there already" in cli("run", "parts").stdout
    assert "part-0, part-1  cpu" in cli("show", "parts").stdout


def test_of_many_data_sets_the_listing_names_the_first(parts: Path, cli: Cli) -> None:
    write_study(parts, "parts", STUDY.format(choice="SETS[case.part]").replace("part=(0, 1)", "part=(2, 1, 0)"))
    assert "  part-2 and 2 more  " in cli("show", "parts").stdout
    assert json.loads(cli("show", "parts", "--json").stdout)["profiles"][0]["data"] == "part-2, part-1, part-0"


@pytest.mark.parametrize(
    ("choice", "made_again", "found"),
    [
        ("SETS[0]", 1, [6.0, 6.0]),
        ("SETS[1] if case.part else None", 1, [-1.0, 10.0]),
        ("SETS[1 + case.part]", 2, [10.0, 14.0]),
    ],
)
def test_only_cases_whose_own_data_changed_are_run_again(
    parts: Path, cli: Cli, choice: str, made_again: int, found: list[float]
) -> None:
    assert cli("run", "parts").returncode == 0
    write_study(parts, "parts", STUDY.format(choice=choice))
    assert json.loads(cli("status", "--json").stdout)[0]["outdated"] == made_again
    assert f"{made_again} runs made, {2 - made_again} were there already" in cli("run", "parts").stdout
    assert [value for value, _ in totals(parts).values()] == found
