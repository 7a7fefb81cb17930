"""The log of blessings: a chain that shows any change of it, and of the goldens that it speaks of."""

import json
import multiprocessing
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.api import golden_of
from repro.audit import blessed as verdicts
from repro.audit.blessed import bless_audit, table_of
from repro.errors import CannotCompareError, IntegrityError, NothingSelectedError, ReproError, UsageError
from repro.golden import log as log_module
from repro.golden import stored
from repro.golden.bless import bless
from repro.golden.log import (
    FIELDS,
    FIRST,
    Entry,
    add,
    adding,
    entry_of,
    hashlib,
    hold,
    images_of,
    parse,
    path_of,
    read,
    state_of,
    there,
    verdicts_state,
    written,
)
from repro.golden.log import blessed as held_rows
from repro.machine import git
from repro.machine.git import COMMIT
from repro.runs.rows import digest
from tests.repro.support.synthetic import invented, rows_of, write
from tests.sources import PROJECT

WHO = "Test <test@example.invalid>"
ABOUT = {"when": "2026-01-01T00:00:00Z", "who": WHO, "reason": "first", "commits": ["0a" * 20], "images": [], "rows": 4}


def state(letter: str) -> dict[str, str]:
    return {"rows": letter * 64, "bands": letter * 64, "twin": letter * 64}


def log_of(root: Path, *whats: str) -> Path:
    for number, what in enumerate(whats):
        with adding(root) as entries:
            add(root, entries, {**ABOUT, "what": what}, before=None, after=state("abcdef"[number]))
    return path_of(root)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of three blessings, the first and the third of the same golden."""
    return log_of(tmp_path, "a/smoke", "b/smoke", "a/smoke")


def refusal(root: Path, what: str = "a/smoke", letter: str = "c") -> str:
    with pytest.raises(IntegrityError) as caught:
        hold(root, what, state(letter))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_newest_entry_counts(log: Path, tmp_path: Path) -> None:
    hold(tmp_path, "a/smoke", state("c"))
    hold(tmp_path, "b/smoke", state("b"))
    assert [entry["number"] for entry in read(log)] == [1, 2, 3]
    assert all(set(entry) == set(FIELDS) for entry in read(log))
    assert "its bands, rows, twin are not what was blessed in line 3" in refusal(tmp_path, letter="a")


@pytest.mark.parametrize("part", ["rows", "bands", "twin"])
def test_each_part_of_a_golden_is_held(log: Path, tmp_path: Path, part: str) -> None:
    with pytest.raises(IntegrityError, match=f"its {part} are not what was blessed in line 3"):
        hold(tmp_path, "a/smoke", {**state("c"), part: "0" * 64})


def test_verdicts_without_entry_are_blessed_by_their_own_verb(log: Path, tmp_path: Path) -> None:
    assert "no blessing of audit; restore the log, or bless again with `repro audit --bless`" in refusal(
        tmp_path, "audit"
    )


def test_a_golden_without_entry_is_refused(log: Path, tmp_path: Path) -> None:
    assert "no blessing of c/smoke; restore the log, or bless" in refusal(tmp_path, "c/smoke")


def test_a_log_that_is_gone_is_refused(log: Path, tmp_path: Path) -> None:
    log.unlink()
    assert "no blessing of a/smoke" in refusal(tmp_path)


MISTAKES = {
    "a changed reason": lambda lines: [lines[0].replace(b"first", b"other"), *lines[1:]],
    "a changed hash": lambda lines: [lines[0].replace(b"aaaa", b"aaab", 1), *lines[1:]],
    "a line removed": lambda lines: [lines[0], lines[2]],
    "the first line removed": lambda lines: lines[1:],
    "lines exchanged": lambda lines: [lines[1], lines[0], lines[2]],
    "a line twice": lambda lines: [lines[0], lines[0], *lines[1:]],
    "an empty line": lambda lines: [lines[0], b"", *lines[1:]],
    "no JSON": lambda lines: [lines[0], b"{", *lines[2:]],
    "no UTF-8": lambda lines: [lines[0], b"\xff", *lines[2:]],
    "another form of the same": lambda lines: [lines[0].replace(b'":', b'": ', 1), *lines[1:]],
    "a field more": lambda lines: [lines[0][:-1] + b',"z":1}', *lines[1:]],
    "a list": lambda lines: [b"[]", *lines[1:]],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_tampering_with_the_log_is_found(log: Path, tmp_path: Path, mistake: str) -> None:
    lines = log.read_bytes().splitlines()
    log.write_bytes(b"".join(line + b"\n" for line in MISTAKES[mistake](lines)))
    assert "restore it from version control" in refusal(tmp_path)


def test_a_line_cut_short_is_found(log: Path, tmp_path: Path) -> None:
    log.write_bytes(log.read_bytes()[:-1])
    assert ":3: the last line has no end" in refusal(tmp_path)


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_changed_bit_of_the_log_is_found(place: int, bit: int) -> None:
    """Any bit before the last line: what holds the last one is the golden's own hashes, and git."""
    entries: list[Entry] = []
    previous = FIRST
    for number in (1, 2):
        entry = {**ABOUT, "number": number, "previous": previous, "what": "a", "before": None, "after": state("a")}
        entries.append(entry)
        previous = hashlib.sha256(written(entry)).hexdigest()
    content = bytearray(b"".join(written(entry) + b"\n" for entry in entries))
    place %= len(written(entries[0])) + 1
    content[place] ^= 1 << bit
    with pytest.raises(IntegrityError):
        parse(bytes(content), "log")


def commit_all(root: Path) -> None:
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)


def test_lines_dropped_from_the_end_are_found_where_they_are_committed(log: Path, tmp_path: Path) -> None:
    commit_all(tmp_path)
    hold(tmp_path, "a/smoke", state("c"))
    log_of(tmp_path, "b/smoke")
    hold(tmp_path, "a/smoke", state("c"))
    log.write_bytes(b"".join(line + b"\n" for line in log.read_bytes().splitlines()[:2]))
    assert "does not continue the committed log" in refusal(tmp_path, letter="a")
    with pytest.raises(IntegrityError, match="does not continue the committed log"), adding(tmp_path):
        raise AssertionError("a broken log was opened for writing")


def test_nothing_is_added_to_a_broken_log(log: Path, tmp_path: Path) -> None:
    log.write_bytes(log.read_bytes()[:-1])
    with pytest.raises(IntegrityError), adding(tmp_path):
        raise AssertionError("a broken log was opened for writing")


def bless_many(root: Path, count: int) -> None:
    for _ in range(count):
        with adding(root) as entries:
            add(root, entries, {**ABOUT, "what": "a/smoke"}, before=None, after=state("a"))


def test_two_blessings_at_once_make_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    makers = [context.Process(target=bless_many, args=(tmp_path, 10)) for _ in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert [entry["number"] for entry in read(path_of(tmp_path))] == list(range(1, 21))


def blessed(root: Path, reason: str = "first", *, dry_run: bool = False) -> Path:
    study = invented()
    results = write(root / "results.parquet", rows_of(study, range(10)))
    golden = stored.path_of(root, study.name, "smoke")
    bless(results, golden, study, "smoke", reason=reason, root=root, dry_run=dry_run)
    return golden


def test_a_blessing_says_who_why_and_from_what(tmp_path: Path) -> None:
    golden = blessed(tmp_path)
    blessed(tmp_path, "again")
    one, other = read(path_of(tmp_path))
    assert (one["who"], one["reason"], one["what"], one["images"]) == (WHO, "first", "invented/smoke", [])
    assert one["before"] is None
    assert (other["before"], other["reason"]) == (one["after"], "again")
    assert other["after"]["rows"] == one["after"]["rows"] == digest(stored.load(golden).rows)
    hold(tmp_path, "invented/smoke", state_of(golden))


def test_the_images_of_the_rows_are_named() -> None:
    records = {"1": {"image": None}, "2": {"image": {"tree": "b"}}, "3": {"image": {"tree": "a", "id": "x"}}, "4": {}}
    assert images_of(records) == ["a", "b"]


def test_a_blessing_cut_short_is_found_and_mended_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = blessed(tmp_path)
    with monkeypatch.context() as patch:

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(log_module, "add", die)
        with pytest.raises(KeyboardInterrupt):
            blessed(tmp_path, "cut short")
    with pytest.raises(
        IntegrityError, match=r"twin are not what was blessed in line 1 .*or bless again if a bless was cut"
    ):
        hold(tmp_path, "invented/smoke", state_of(golden))
    blessed(tmp_path, "mended")
    hold(tmp_path, "invented/smoke", state_of(golden))


def test_a_first_blessing_cut_short_is_made_again(tmp_path: Path) -> None:
    """Rows without bands are left by one, whatever else is in log and repository."""
    commit_all(log_of(tmp_path, "b/smoke").parents[1])
    golden = halved(tmp_path)
    with pytest.raises(IntegrityError, match=r"missing half of a golden; .* or bless again if its first bless was cut"):
        held_rows(tmp_path, "invented", "smoke")
    blessed(tmp_path, "made again")
    entry = read(path_of(tmp_path))[-1]
    assert (entry["reason"], entry["before"], entry["after"]) == ("made again", None, state_of(golden))
    held_rows(tmp_path, "invented", "smoke")


@pytest.mark.parametrize("half", ["rows", "bands"])
@pytest.mark.parametrize("known", ["to the log", "to git", "to git alone"])
def test_half_of_a_golden_that_was_whole_is_not_blessed_over(tmp_path: Path, half: str, known: str) -> None:
    """Who removes one file of it, by mistake or not, makes it no first golden: the blessing would name none before."""
    golden = blessed(tmp_path)
    if known != "to the log":
        if known == "to git alone":
            path_of(tmp_path).unlink()
        commit_all(tmp_path)
    (golden if half == "rows" else stored.bands_path(golden)).unlink()
    there = {path: path.read_bytes() for path in golden.parents[1].rglob("*") if path.is_file()}
    for dry_run in (True, False):
        with pytest.raises(IntegrityError, match=r"missing half of a golden, which was blessed before; restore it"):
            blessed(tmp_path, "over it", dry_run=dry_run)
    assert {path: path.read_bytes() for path in there} == there


def all_of(golden: Path) -> list[Path]:
    return [golden, stored.bands_path(golden), stored.twin_path(golden)]


def test_a_golden_that_is_gone_is_none_that_was_never_there(tmp_path: Path) -> None:
    """Whoever asked was told that `repro bless` makes one, and a bless that it is the first."""
    golden = blessed(tmp_path)
    commit_all(tmp_path)
    for gone in (all_of(golden), [*all_of(golden), path_of(tmp_path)]):
        for path in gone:
            path.unlink()
        what = "no such golden, and one was blessed before" if len(gone) == 3 else "does not continue the committed log"
        for ask in (there, held_rows):
            with pytest.raises(IntegrityError, match=f"{what}.*; restore it from version control"):
                ask(tmp_path, "invented", "smoke")
        with pytest.raises(IntegrityError, match=what):
            blessed(tmp_path, "over it")
        assert not golden.exists()
        subprocess.run(["git", "checkout", "-q", "golden"], cwd=tmp_path, check=True)
    assert there(tmp_path, "invented", "smoke")
    assert not there(tmp_path, "invented", "paper")


def test_a_golden_that_a_commit_took_out_is_retired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log keeps its lines; who asks is told of the last, and so is who blesses another."""
    golden = blessed(tmp_path)
    commit_all(tmp_path)
    for path in all_of(golden):
        path.unlink()
    commit_all(tmp_path)
    assert not there(tmp_path, "invented", "smoke")
    with pytest.raises(CannotCompareError, match="no such golden"):
        held_rows(tmp_path, "invented", "smoke")
    monkeypatch.setattr("repro.registry.root", lambda: tmp_path)
    with pytest.raises(NothingSelectedError, match=r"has no golden \(that of line 1 of .*log.jsonl was taken out\)"):
        golden_of("invented", "smoke")
    results, study = tmp_path / "results.parquet", invented()
    made = bless(results, golden, study, "smoke", reason="again", root=tmp_path)
    assert "the golden of line 1 of the log was taken out, so that this one is compared with nothing" in made.changes
    for path in all_of(golden):
        path.unlink()
    with pytest.raises(
        IntegrityError, match=r"line 2 of the log, which is not committed, .*; set golden/ back to what"
    ):
        there(tmp_path, "invented", "smoke")


def test_without_a_commit_nothing_is_said_of_a_golden_that_the_log_names(tmp_path: Path) -> None:
    """As of a log that does not continue the committed one: in a container, or in a copy without its repository."""
    for path in all_of(blessed(tmp_path)):
        path.unlink()
    assert not there(tmp_path, "invented", "smoke")


def halved(root: Path) -> Path:
    """Leave what a first blessing leaves that ends before it has written the bands."""
    (root / "other").mkdir()
    golden = blessed(root / "other")
    made = stored.path_of(root, "invented", "smoke")
    made.parent.mkdir(parents=True)
    made.write_bytes(golden.read_bytes())
    return made


def test_who_blesses_the_same_rows_once_more_and_is_cut_short_is_told_both_ways_out(tmp_path: Path) -> None:
    """Rows and bands are those of before, and so is the twin; what the new rows say of themselves is not."""
    golden = blessed(tmp_path)
    (tmp_path / "other").mkdir()
    golden.write_bytes(blessed(tmp_path / "other", "second").read_bytes())
    with pytest.raises(IntegrityError, match=r"says of itself .*; restore it from version control, or bless again if"):
        held_rows(tmp_path, "invented", "smoke")
    blessed(tmp_path, "second")
    held_rows(tmp_path, "invented", "smoke")


def test_an_older_golden_put_back_is_found(tmp_path: Path) -> None:
    golden = blessed(tmp_path)
    old = {path: path.read_bytes() for path in golden.parent.iterdir()}
    blessed(tmp_path, "newer")
    for path, content in old.items():
        path.write_bytes(content)
    with pytest.raises(IntegrityError, match="twin are not what was blessed in line 2"):
        hold(tmp_path, "invented/smoke", state_of(golden))


def test_nobody_blesses_unnamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "committer", lambda root: "")
    with pytest.raises(UsageError, match=r"git knows nobody to enter in the log; set user\.name and user\.email"):
        blessed(tmp_path)
    assert not stored.path_of(tmp_path, "invented", "smoke").exists()


@pytest.mark.parametrize("log_too", [False, True])
def test_verdicts_that_are_gone_are_refused(tmp_path: Path, log_too: bool) -> None:
    """Without the log, too, they were verdicts that nobody had blessed yet."""
    record = {"study": "toy", "id": "c", "published": ["3"], "verdict": "reproduced"}
    bless_audit(tmp_path, [record], reason="first", studies=["toy"])
    commit_all(tmp_path)
    gone = sorted((tmp_path / "golden").glob("*" if log_too else "audit.*"))
    for path in gone:
        path.unlink()
    for ask in (verdicts.held, lambda root: bless_audit(root, [record], reason="x", studies=["toy"])):
        with pytest.raises(IntegrityError, match="restore it from version control"):
            ask(tmp_path)
    assert not verdicts.path_of(tmp_path).exists()


def test_verdicts_are_logged_and_held(tmp_path: Path) -> None:
    record = {"study": "toy", "id": "c", "published": ["3"], "verdict": "reproduced"}
    bless_audit(tmp_path, [record], reason="first", studies=["toy"])
    path = verdicts.path_of(tmp_path)
    hold(tmp_path, "audit", verdicts_state(path, table_of(path)))
    path.with_suffix(".md").write_text("other")
    with pytest.raises(IntegrityError, match="golden of audit: its twin are not"):
        hold(tmp_path, "audit", verdicts_state(path, table_of(path)))


def test_verdicts_are_logged_with_the_commit_that_judged(log: Path, tmp_path: Path) -> None:
    commit_all(tmp_path)
    record = {"study": "toy", "id": "c", "published": ["3"], "verdict": "reproduced"}
    bless_audit(tmp_path, [record], reason="first", studies=["toy"])
    (commit,) = read(log)[-1]["commits"]
    assert COMMIT.fullmatch(commit)
    assert "dirty" not in commit


def test_an_entry_is_read_as_it_was_written() -> None:
    entry = {**dict.fromkeys(FIELDS, "ü"), "number": 1}
    assert entry_of(written(entry)) == entry
    assert json.loads(written(entry)) == entry


def test_the_committed_goldens_are_those_of_the_committed_log() -> None:
    entries = read(path_of(PROJECT))
    goldens = sorted(PROJECT.glob("golden/*/*.parquet"))
    whole = [path for path in goldens if not path.name.endswith(".bands.parquet")]
    assert whole
    for path in whole:
        rows = digest(stored.load(path).rows)
        hold(PROJECT, f"{path.parent.name}/{path.stem}", {**state_of(path), "rows": rows})
    audit = verdicts.path_of(PROJECT)
    hold(PROJECT, "audit", verdicts_state(audit, table_of(audit)))
    assert len(entries) >= len(whole) + 1
    assert issubclass(IntegrityError, ReproError)
