"""docs/judge.md and README.md show what `repro` prints: each command with its output, as it is now."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from repro.outside.formats import READERS
from tests.sources import PROJECT

SHOWN = re.compile(r"```console\n\$ repro (?P<command>(?:judge|audit) .*)\n```\n\n```text\n(?P<printed>(?:.*\n)*?)```")
SECONDS = re.compile(r"(?m)^(seconds +)\d+\.\d\d$")  # of a claim: how long its evidence took
PAGES = {"README.md": 2, "docs/judge.md": 6}


def printed_by(command: str) -> str:
    """Return what a command prints, its answer first and then its talk."""
    line = [sys.executable, "-m", "repro", *shlex.split(command)]
    done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1, 2, 4), done.stderr
    return SECONDS.sub(r"\g<1>0.00", done.stdout + done.stderr)


def changed(text: str) -> str:
    """Return a page with the output of its commands as it is now."""
    return SHOWN.sub(
        lambda found: found[0][: found.start("printed") - found.start()] + f"{printed_by(found[1])}```", text
    )


@pytest.mark.parametrize("page", PAGES)
def test_each_command_prints_what_the_page_says(page: str) -> None:
    text = (PROJECT / page).read_text()
    assert len(SHOWN.findall(text)) == PAGES[page] == len(re.findall(r"\$ repro (?:judge|audit)", text))
    assert changed(text) == text


def test_another_output_is_seen() -> None:
    text = (PROJECT / "README.md").read_text()
    assert changed(text.replace("reproduced\npublished", "not reproduced\npublished", 1)) == text


def test_the_pages_count_the_tools_that_are_read_and_name_each() -> None:
    formats = (PROJECT / "docs/formats.md").read_text().partition("\n## Findings")[0]
    listed = re.findall(r"(?m)^\| `([a-z-]+)` \|", formats)
    assert sorted(listed) == sorted(READERS)
    words = {14: "fourteen"}
    for page in ("README.md", "docs/your-study.md"):
        assert f"[the logs of {words[len(READERS)]} tools]" in (PROJECT / page).read_text()


if __name__ == "__main__":  # `python -m tests.test_judge_page` writes the pages anew; read what changed
    for name in PAGES:
        (PROJECT / name).write_text(changed((PROJECT / name).read_text()))
