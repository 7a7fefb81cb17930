"""The documentation is true: its commands exist, its links lead somewhere, its study runs, its claims are checked."""

import ast
import importlib.util
import os
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from repro import errors, registry
from repro.cli.arguments import VERBS
from repro.cli.main import parser
from repro.show import figures
from repro.show.pages import blocks, rewritten, with_counts
from tests.sources import PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("containers/**/*.md")])
SITE = importlib.util.spec_from_file_location("conf", PROJECT / "docs/conf.py")
assert SITE is not None
assert SITE.loader is not None
conf = importlib.util.module_from_spec(SITE)
SITE.loader.exec_module(conf)
COMMAND = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*repro (.+)$")


def commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every `repro` command in the code blocks of a page."""
    for block in re.findall(r"```(?:console|sh|bash)\n(.*?)```", text, re.S):
        for line in block.splitlines():
            found = COMMAND.match(line.strip())
            if found and not found[1].startswith("-"):
                yield shlex.split(found[1].partition("  #")[0])


def broken_links(page: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead to no file."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    return [link for link in links if "://" not in link and not (page.parent / link).exists()]


def stale(page: Path, text: str) -> bool:
    """Say whether a table of a page is not what `repro figures STUDY --page` would write there now."""
    return rewritten(text, str(page.relative_to(PROJECT)), figures.blessed()) != text


def accepted(arguments: list[str]) -> bool:
    """Say whether the command line takes these arguments."""
    try:
        parser().parse_args(arguments)
    except SystemExit as ended:
        return ended.code == 0
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_commands_are_accepted_and_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    refused = [arguments for arguments in commands(text) if not accepted(arguments)]
    assert refused == []
    assert broken_links(page, text) == []


def test_a_wrong_command_and_a_dead_link_are_seen(tmp_path: Path) -> None:
    text = (
        "```console\n$ repro chekc rfnn\n$ REPRO_DATA_DIR=there repro run rfnn --profle smoke\n```\n[here](gone.md)\n"
    )
    assert [accepted(arguments) for arguments in commands(text)] == [False, False]
    assert broken_links(tmp_path / "page.md", text) == ["gone.md"]


def test_workflows_and_hooks_are_yaml_and_their_commands_exist() -> None:
    found = re.findall(r"```yaml\n(.*?)```", (PROJECT / "docs/ci.md").read_text(), re.S)
    workflow, github, gitlab, theirs, hooks = (yaml.safe_load(block) for block in found)
    inputs = yaml.safe_load((PROJECT / "action.yml").read_text())["inputs"]
    (given,) = [include["inputs"] for include in gitlab["include"]]
    assert github[-1]["with"] == given
    assert set(given) <= set(inputs)
    assert (PROJECT / gitlab["include"][0]["file"].lstrip("/")).is_file()
    offered = yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in theirs["repos"][0]["hooks"]] == [hook["id"] for hook in offered]
    steps = [step.get("run", "") for step in workflow["jobs"]["check"]["steps"]]
    (session,) = [step for step in steps if step.startswith("nox ")]
    assert accepted(["check", "rfnn", *session.partition(" -- ")[2].split()])
    (hook,) = hooks["repos"][0]["hooks"]
    assert hook["language"] == "system"
    script = shlex.split(hook["entry"])[2]
    verbs = [shlex.split(part)[1:] for part in script.split("&&")]
    assert [arguments[0] for arguments in verbs] == ["run", "check"]
    assert all(accepted(arguments) for arguments in verbs)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_tables_are_what_the_golden_rows_come_to(page: Path) -> None:
    """Where this fails after a bless: `repro figures STUDY --page FILE`, and read what the page says around it."""
    assert not stale(page, page.read_text())


def test_a_changed_digit_of_a_table_is_seen() -> None:
    page = PROJECT / "docs/study-rbf.md"
    text = page.read_text()
    for block in blocks(text, page.name):
        lines = text.split("\n")
        place = next(number for number in range(block.first + 3, block.last) if re.search(r"\d", lines[number]))
        lines[place] = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), lines[place], count=1)
        assert stale(page, "\n".join(lines))
    assert len(blocks(text, page.name)) >= 3


def test_the_figure_of_the_first_page_is_of_the_golden_rows() -> None:
    """Where this fails: `repro figures sesn table1 --out FOLDER`; its SVG is the page's."""
    study = registry.load("sesn")
    made = figures.make(study, "table1", figures.golden_table("sesn", "smoke").to_pylist())
    drawn = figures.pictures(made, "sesn/table1", ["svg"])["svg"]
    assert drawn == (PROJECT / "docs/published-table.svg").read_bytes()


def test_the_counts_of_verdicts_are_those_blessed() -> None:
    """Where this fails after a bless: `repro audit --page docs/documents.md`."""
    text = (PROJECT / "docs/documents.md").read_text()
    assert with_counts(text, PROJECT, "docs/documents.md") == text
    wrong = re.sub(r"(?m)^(\| all \| )(\d+)", lambda found: f"{found[1]}{int(found[2]) + 1}", text)
    assert wrong != text
    assert with_counts(wrong, PROJECT, "docs/documents.md") == text


def test_every_page_is_in_the_list_of_pages() -> None:
    """The site's build says so too; this needs none."""
    listed = [name for _, name in conf.ROW.findall((PROJECT / "docs/README.md").read_text())]
    pages = {path.relative_to(PROJECT).as_posix() for path in PAGES if path.parent.name != "decisions"}
    there = {os.path.relpath(PROJECT / "docs" / f"{name}.md", PROJECT) for name in listed}
    assert there - {"docs/decisions/README.md"} == pages - {"docs/README.md"}
    assert len(listed) == len(set(listed))


def test_the_site_s_list_is_made_of_each_section_s_table() -> None:
    table = "| page | what |\n| --- | --- |\n| [One](a/one.md) | x |"
    page = f"# Pages\n\n[one](gone.md)\n\n## Some\n\n{table}\n\n## None\n\nText.\n"
    made = conf.with_lists(page)
    assert made.count("{toctree}") == 1
    assert "```{toctree}\n:hidden:\n:caption: Some\n\nOne <a/one>\n```\n\n## None" in made


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("page.html", '<script src="https://cdn.example/x.js"></script>', ["https://cdn.example/x.js"]),
        ("page.html", '<link rel="stylesheet" href="//fonts.example/f.css">', ["//fonts.example/f.css"]),
        ("page.html", '<link rel="canonical" href="https://example/"><a href="https://example/">x</a>', []),
        ("page.html", '<img src="../_images/report.png"><script src="_static/x.js"></script>', []),
        ("style.css", "@font-face { src: url('https://fonts.example/f.woff2') }", ["https://fonts.example/f.woff2"]),
        ("style.css", "a { background: url(data:image/svg+xml;base64,AAAA) }", []),
    ],
)
def test_what_a_reader_s_browser_would_fetch_is_seen(name: str, text: str, found: list[str]) -> None:
    assert conf.from_elsewhere(name, text) == found


def test_every_verb_and_exit_code_is_documented() -> None:
    pages = "\n".join(page.read_text() for page in PAGES)
    assert [verb for verb in VERBS if f"repro {verb}" not in pages] == []
    glossary = (PROJECT / "docs/glossary.md").read_text()
    codes = (errors.PASS, errors.DEVIATION, errors.USAGE, errors.CANNOT_COMPARE, errors.NOTHING_SELECTED)
    codes += (errors.INTEGRITY, errors.INFRASTRUCTURE, errors.INTERRUPTED)
    assert [code for code in codes if not re.search(rf"^\W*{code}\b", glossary, re.M)] == []


def test_every_decision_is_listed() -> None:
    index = (PROJECT / "docs/decisions/README.md").read_text()
    pages = [page.name for page in PROJECT.glob("docs/decisions/0*.md")]
    assert pages
    assert [name for name in pages if f"({name})" not in index] == []


# One word, one meaning


def classes_of(source: str) -> list[str]:
    """Return the public classes that a module defines."""
    return [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef) and node.name[0] != "_"]


def twice(sources: Mapping[str, str]) -> list[str]:
    """Return a line for each class name that stands in several places; `sources` are texts by file."""
    places: dict[str, list[str]] = defaultdict(list)
    for name, source in sources.items():
        for found in classes_of(source):
            places[found].append(name)
    return [f"{word}: {', '.join(where)}" for word, where in sorted(places.items()) if len(where) > 1]


def harness() -> dict[str, str]:
    return {str(path.relative_to(PROJECT)): path.read_text() for path in sorted(PROJECT.glob("repro/**/*.py"))}


def test_no_two_classes_of_the_harness_have_one_name() -> None:
    assert len([name for source in harness().values() for name in classes_of(source)]) > 40
    assert twice(harness()) == []


def test_a_second_class_of_a_name_is_seen() -> None:
    planted = "def f():\n    class Verdict: ...\nclass Finding: ...\nclass _Band: ...\n"
    assert twice({"newcomer.py": planted, **harness()}) == ["Finding: newcomer.py, repro/golden/findings.py"]
    assert twice({"one.py": planted, "other.py": "class Verdict: ..."}) == ["Verdict: one.py, other.py"]


def words_of(page: str) -> list[list[str]]:
    """Return the lines of the glossary's first table, cell by cell, its heading left out."""
    table = page.partition("| word | meaning | elsewhere called |\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]


def test_each_word_of_the_glossary_has_one_meaning_and_its_class_exists() -> None:
    page = (PROJECT / "docs/glossary.md").read_text()
    lines = words_of(page)
    assert len(lines) > 40
    assert [line for line in lines if len(line) != 3] == []
    words = [word for line in lines for word in line[0].split(", ")]
    assert [word for word in words if words.count(word) > 1] == []
    named = set(re.findall(r"`([A-Z][A-Za-z]*[a-z][A-Za-z]*)`", page))
    text = "\n".join(harness().values())
    assert {"Ruling", "Dossier", "Judgement", "Weighed", "RunKey"} <= named
    assert [name for name in sorted(named) if not re.search(rf"^(class {name}\b|{name} = )", text, re.M)] == []


@pytest.mark.parametrize(
    "term",
    [
        "minimum detectable effect",
        "smallest effect size of interest",
        "prediction interval",
        "limma",
        "stratum",
        "proxy data set",
        "hyperparameters",
        "global tests",
        "bitwise reproducible",
        "equivalence margin",
        "repeatability",
        "reproducibility",
        "replicability",
    ],
)
def test_the_field_s_own_words_are_in_the_glossary(term: str) -> None:
    assert term in (PROJECT / "docs/glossary.md").read_text()
