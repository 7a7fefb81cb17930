"""The tree in CONTRIBUTING.md is the tree on disk: nothing is missing, nothing is left over, each with a few words."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection

import pytest

from tests.sources import PROJECT

PAGE = (PROJECT / "CONTRIBUTING.md").read_text()
LINE = re.compile(r"(?P<indent> *)(?P<name>\S+)(?: +(?P<words>\S.*))?")
STUDY = "studies/STUDY/"  # stands for each study
NOT_OURS = (".git", ".git/", "node_modules/", ".idea/", ".vscode/")
WORDS = 10  # at most, so that the tree is read at a glance


def block(page: str) -> str:
    """Return the tree of a page."""
    found = re.search(r"## The tree\n.*?```text\n(.*?)```", page, re.S)
    assert found, "no tree below '## The tree'"
    return found[1]


def drawn(tree: str) -> dict[str, str]:
    """Return the entries of a tree as paths with their words; a folder ends in a slash."""
    above: list[str] = []
    entries: dict[str, str] = {}
    for line in tree.splitlines():
        found = LINE.fullmatch(line)
        assert found, f"no line of a tree: {line!r}"
        above = [*above[: len(found["indent"]) // 2], found["name"]]
        path = "".join(above)
        assert path not in entries, f"{path} stands twice"
        entries[path] = found["words"] or ""
    return entries


def ignored() -> tuple[str, ...]:
    """Return what .gitignore names, and what is no file of the project."""
    lines = (PROJECT / ".gitignore").read_text().split()
    return (*(line.lstrip("/") for line in lines), *NOT_OURS)


def on_disk(folder: str) -> list[str]:
    """Return the entries of a folder of the project, without what is generated; a folder ends in a slash."""
    names = [path.name + "/" * path.is_dir() for path in (PROJECT / folder).iterdir()]
    return sorted(name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored()))


def below(entries: Collection[str], folder: str) -> list[str]:
    """Return the names that stand directly below a folder of a tree."""
    inside = [path.removeprefix(folder) for path in entries if path.startswith(folder) and path != folder]
    return [name for name in inside if "/" not in name.rstrip("/")]


def compared(where: str, shown: Collection[str], there: Collection[str]) -> list[str]:
    """Return a line for each name that is there and not shown, or shown and not there; a shown `*` stands for any."""
    missing = [name for name in sorted(there) if not any(fnmatch.fnmatchcase(name, one) for one in shown)]
    extra = [one for one in shown if not any(fnmatch.fnmatchcase(name, one) for name in there)]
    return [f"missing: {where}{name}" for name in missing] + [f"extra: {where}{name}" for name in extra]


def to_show(folder: str) -> set[str]:
    """Return what a tree has to show of a folder: of studies/ one study for all, of that the rooms that any has."""
    studies = sorted(path.parent.name for path in (PROJECT / "studies").glob("*/__init__.py"))
    studies.remove("common")
    if folder == STUDY:
        return {name.rstrip("/").removesuffix(".py") for study in studies for name in on_disk(f"studies/{study}")}
    names = {*on_disk(folder)}
    if folder == "studies/":
        return {name for name in names if name.rstrip("/") not in studies} | {STUDY.removeprefix(folder)}
    return names if folder == "repro/" else names - {"__init__.py"}  # a package that only says what it is


def differences(entries: Collection[str]) -> list[str]:
    """Return where a tree is not the one on disk: a folder that it opens has to be whole."""
    opened = ["", *(path for path in entries if path.endswith("/") and below(entries, path))]
    return [line for folder in opened for line in compared(folder, below(entries, folder), to_show(folder))]


def test_the_tree_is_the_one_on_disk() -> None:
    assert differences(drawn(block(PAGE))) == []


def test_every_wing_is_opened_and_every_entry_has_its_few_words() -> None:
    entries = drawn(block(PAGE))
    wings = [path.parent.name for path in PROJECT.glob("repro/*/__init__.py")]
    assert len(wings) == 9
    assert [wing for wing in wings if not below(entries, f"repro/{wing}/")] == []
    parents = {path for path in entries if path.endswith("/") and below(entries, path)}
    assert [path for path, words in entries.items() if not words and path not in parents] == []
    assert [path for path, words in entries.items() if len(words.split()) > WORDS] == []


@pytest.mark.parametrize(
    "line",
    [
        "CHANGELOG.md              what changed, for users; every bless with its reason\n",
        "    weigh.py              what results say about each golden row\n",
        "  seeds.py                one seed for each run\n",
        "  property/               laws, by hypothesis\n",
        "    training              how they are trained\n",
    ],
)
def test_a_line_that_is_missing_is_seen(line: str) -> None:
    tree = block(PAGE)
    assert tree.count(line) == 1
    (found,) = differences(drawn(tree.replace(line, "")))
    assert found.startswith("missing: ")
    assert found.endswith(line.split()[0])


@pytest.mark.parametrize(
    ("above", "line", "said"),
    [
        ("noxfile.py", "Makefile       what nobody has", "extra: Makefile"),
        ("    weigh.py", "    wiegh.py       what results weigh", "extra: repro/golden/wiegh.py"),
        ("    training", "    serving        how they are served", "extra: studies/STUDY/serving"),
        ("  lock/", "  keys/          none are kept", "extra: containers/keys/"),
    ],
)
def test_a_line_too_many_is_seen(above: str, line: str, said: str) -> None:
    tree = block(PAGE)
    (place,) = [one for one in tree.splitlines() if one.startswith(f"{above} ")]
    assert differences(drawn(tree.replace(place, f"{place}\n{line}"))) == [said]


def test_what_is_generated_is_left_out() -> None:
    assert not {"results/", ".git", ".git/", ".pytest_cache/", "__pycache__/"} & {*on_disk("."), *on_disk("repro")}
