"""Damaged logs of every format: what is whole is read and called unfinished, or one error says what is so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from repro.errors import IntegrityError, NothingSelectedError, ReproError, UsageError
from repro.outside import formats, search
from repro.outside.logged import Log
from tests.repro.support import run_logs

EVERY = [(form, name) for form, files in run_logs.FILES.items() for name in files]
CUTS = 20
ENDLESS = ("lightning", "openml", "automlbenchmark", "hydra", "model-card")  # nothing at the end says that it is whole


def test_every_reader_of_logs_has_a_small_one() -> None:
    assert {*run_logs.FILES} <= {*formats.READERS}


@pytest.mark.parametrize("form", run_logs.FILES)
def test_a_whole_log_is_recognised_by_its_reader_alone_and_read(form: str, tmp_path: Path) -> None:
    folder = run_logs.write(tmp_path / "logs", form)
    assert formats.recognised(folder) == form
    found = formats.read(folder)
    assert found.tool == formats.module(form).TOOL
    assert any(curve.values.size for run in found.runs for curve in run.curves.values())
    assert all(run.file.exists() for run in found.runs)
    run_logs.by_name(found)


def read_or_refused(folder: Path, form: str) -> Log | None:
    """Return a log, or nothing where one clear line refuses it."""
    try:
        return formats.read(folder, form)
    except (IntegrityError, NothingSelectedError) as error:
        return None if "\n" not in str(error) else pytest.fail(str(error))


def honest(cut: Log, whole: Log) -> bool:
    """Say whether each run that a cut file leaves is what it was, or is said not to be finished."""
    before = run_logs.by_name(whole)
    return all(run.state != "finished" or run_logs.same(run, before[run.name]) for run in cut.runs)


@pytest.mark.parametrize(("form", "name"), EVERY)
def test_a_file_cut_anywhere_is_read_as_far_as_it_is_whole_or_refused(form: str, name: str, tmp_path: Path) -> None:
    folder = run_logs.write(tmp_path / "logs", form)
    whole, path = formats.read(folder, form), folder / name
    content = path.read_bytes()
    for size in np.linspace(1, len(content) - 1, CUTS).astype(int):
        path.write_bytes(content[:size])
        found = read_or_refused(folder, form)
        if found and not (form in ENDLESS and content[:size].endswith((b"\n", b"\r"))):
            assert honest(found, whole), (size, content[:size][-40:])


def test_a_run_that_lost_values_and_is_called_finished_is_seen(tmp_path: Path) -> None:
    folder = run_logs.write(tmp_path / "logs", "lightning")
    whole, path = formats.read(folder), folder / "version_0/metrics.csv"
    path.write_text("epoch,step,train_loss,val_acc\n0,1,0.5,\n0,1,,0.871\n")
    assert not honest(formats.read(folder), whole)


@pytest.mark.parametrize("form", run_logs.FILES)
def test_an_empty_folder_holds_nothing_of_a_format(form: str, tmp_path: Path) -> None:
    with pytest.raises(NothingSelectedError, match=f"^{tmp_path}: no "):
        formats.read(tmp_path, form)


def test_nothing_and_no_path_are_not_recognised(tmp_path: Path) -> None:
    with pytest.raises(ReproError):
        formats.recognised(tmp_path)
    with pytest.raises(UsageError, match="no such file or folder"):
        formats.recognised(tmp_path / "gone")


@pytest.mark.parametrize(("form", "name"), EVERY)
def test_bytes_that_are_no_text_are_refused_or_passed_over(form: str, name: str, tmp_path: Path) -> None:
    folder = run_logs.write(tmp_path / "logs", form)
    path = folder / name
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + b"\xe9\xff\x00" + content[half:])
    if form == "mlperf":
        assert [note for run in formats.read(folder, form).runs for note in run.notes if "damaged" in note]
    else:
        with pytest.raises(IntegrityError, match=path.name):
            formats.read(folder, form)


@pytest.mark.parametrize(
    "form", [form for form, files in run_logs.FILES.items() if any(".json" in one for one in files)]
)
@pytest.mark.parametrize("content", ["[" * 100_000, "7", "9" * 5000, ""])
def test_json_that_is_none_or_of_another_form_is_refused(form: str, content: str, tmp_path: Path) -> None:
    folder = run_logs.write(tmp_path / "logs", form)
    name = next(one for one in run_logs.FILES[form] if one.endswith(".json"))
    (folder / name).write_text(content)
    with pytest.raises(IntegrityError, match="copy it again"):
        formats.read(folder, form)


@pytest.mark.parametrize("form", ["trainer", "lm-eval", "asv"])
def test_a_mapping_of_another_kind_is_refused(form: str, tmp_path: Path) -> None:
    folder = run_logs.write(tmp_path / "logs", form)
    (folder / next(iter(run_logs.FILES[form]))).write_text('{"log_history": 7, "results": {"tiny": 7}}')
    with pytest.raises(IntegrityError, match=r"copy it again|asv update"):
        formats.read(folder, form)


@pytest.mark.parametrize("form", ["lightning", "trainer", "lm-eval", "sacred", "openml", "asv", "mlperf"])
def test_a_file_that_lost_all_is_not_absent(form: str, tmp_path: Path) -> None:
    """Beside a whole one, an empty file of a run is an unfinished run or an error."""
    run_logs.write(tmp_path / "a", form)
    folder = run_logs.write(tmp_path / "b", form)
    (folder / next(iter(run_logs.FILES[form]))).write_text("")
    found = read_or_refused(tmp_path, form)
    assert not found or [run.name for run in found.runs if run.state == "unfinished"] == ["b/version_0"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("form", ["trainer", "lm-eval", "asv", "sacred"])
def test_json_is_read_in_whichever_utf_it_is(form: str, encoding: str, tmp_path: Path) -> None:
    folder = run_logs.write(tmp_path / "logs", form)
    before = formats.read(folder, form)
    path = before.runs[0].file
    path.write_text(path.read_text(), encoding=encoding)
    start = path.with_name("run.json") if form == "sacred" else path
    assert {*map(len, (before.runs, formats.read(start, form).runs))} == {len(before.runs)}


class TestManyFiles:
    """To tell what a folder is costs a look at a few files, however many lie in it; here everything is smaller."""

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Bounds that a small folder reaches."""
        for name, bound in (("ENTRIES", 40), ("EACH", 20), ("OPENED", 2)):
            assert getattr(search, name) > bound
            monkeypatch.setattr(search, name, bound)

    def test_a_crowd_of_files_is_no_log(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        crowd(tmp_path)
        opened: list[Path] = []
        head = search.head
        monkeypatch.setattr(search, "head", lambda path: opened.append(path) or head(path))
        with pytest.raises(UsageError, match="no format knows it"):
            formats.recognised(tmp_path)
        assert len(opened) <= search.OPENED * len(formats.READERS)

    def test_it_is_listed_in_part(self, tmp_path: Path) -> None:
        crowd(tmp_path)
        assert len([*search.entries(tmp_path, search.ENTRIES)]) == search.EACH
        assert len([*search.entries(tmp_path)]) == 200
        crowd(tmp_path / "a")
        crowd(tmp_path / "b")
        assert len([*search.entries(tmp_path, 30)]) <= 30

    def test_a_sweep_of_many_jobs_is_known_by_the_first_of_them(self, tmp_path: Path) -> None:
        for number in range(search.ENTRIES + 1):
            (tmp_path / str(number) / ".hydra").mkdir(parents=True)
        assert formats.recognised(tmp_path) == "hydra"


def crowd(folder: Path) -> None:
    """Fill a folder with files that no tool wrote."""
    folder.mkdir(exist_ok=True)
    for number in range(200):
        (folder / f"note-{number}.{('json', 'md', 'txt', 'csv', 'arff')[number % 5]}").touch()
