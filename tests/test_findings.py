"""Each finding about a tool says what it is, installs exactly what it runs, and tidies up; running it is no test."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.sources import PROJECT

FOLDER = PROJECT / "findings"
SCRIPTS = sorted(FOLDER.iterdir())
WORDS = ("# One would expect: ", "# What is so: ", "# Why it matters: ")
STARTS = (
    "#!/usr/bin/env bash\n",
    *WORDS,
    "set -euo pipefail\n",
    "work=$(mktemp -d)\n",
    "trap 'rm -rf \"$work\"' EXIT\n",
)
LINES = 64  # a finding is read at a glance


def faults(script: str) -> list[str]:
    """Return what a finding lacks."""
    places = [re.search(f"^{re.escape(start)}", script, re.M) for start in STARTS]
    found = [f"no {start.strip()}" for start, place in zip(STARTS, places, strict=True) if place is None]
    where = [place.start() for place in places if place]
    found += ["out of order"] * (where != sorted(where))
    asked = re.findall(r"pip install (.*)", script.replace("\\\n", " "))
    packages = [word for one in asked for word in one.split() if not word.startswith("--")]
    found += ["nothing is installed"] * (not packages)
    found += [f"not pinned: {one}" for one in packages if not re.fullmatch(r'"[\w.-]+==[\w.]+"', one)]
    found += [
        f"a path of a machine: {one}" for one in re.findall(r"(?<![\w$}])/(?:home|root|tmp|work|Users|opt)\b", script)
    ]
    found += ["no way to fail"] * (not re.search(r"^ +(?:sys\.exit\(|exit 1$)", script, re.M))
    found += ["our code"] * bool(re.search(r"\bimport repro\b|\bfrom repro\b|\brepro ", script))
    return found + ["too long"] * (len(script.splitlines()) > LINES)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_finding_is_whole(path: Path) -> None:
    assert path.suffix == ".sh"
    assert os.access(path, os.X_OK)
    assert faults(path.read_text()) == []
    assert max(map(len, path.read_text().splitlines())) <= 120


def test_the_page_lists_each_finding() -> None:
    """One had landed without a line there."""
    listed = re.findall(r"^\| `([\w-]+)` \|.*\|$", (FOLDER.parent / "docs/formats.md").read_text(), re.M)
    assert [one for one in listed if (FOLDER / f"{one}.sh").exists()] == [path.stem for path in SCRIPTS]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# Why it matters: ", "# ", "no # Why it matters:"),
        ("optuna==5.0.0", "optuna", 'not pinned: "optuna"'),
        ('"optuna==5.0.0"', "optuna==5.*", "not pinned: optuna==5.*"),
        ("set -euo pipefail", "set -e", "no set -euo pipefail"),
        ('cd "$work"', "cd /home/someone", "a path of a machine: /home"),
        ("sys.exit(", "print(", "no way to fail"),
        ("import optuna", "import repro", "our code"),
        ("import optuna\n", "import optuna\n" * 30, "too long"),
    ],
)
def test_what_a_finding_lacks_is_seen(old: str, new: str, said: str) -> None:
    script = (FOLDER / "optuna-pruned-value.sh").read_text()
    assert old in script
    assert faults(script.replace(old, new)) == [said]
