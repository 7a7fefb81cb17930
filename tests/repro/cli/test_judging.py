"""What the verb audit is asked for, and what it says of its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repro.conftest import Cli, commit

CLAIM = """[[claim]]
id = "a"
where = "p. 1"
kind = "bound"
statement = "It is more."
published = "> 3"
reason = "opinion"
"""


@pytest.fixture
def claimed(project: Path) -> Path:
    """A project whose study says one thing that nobody judges."""
    (project / "studies/montecarlo/claims.toml").write_text(CLAIM)
    return project


@pytest.mark.usefixtures("claimed")
@pytest.mark.parametrize(("word", "near"), [("wrong", ""), ("not-reproduced", "; did you mean 'not reproduced'?")])
def test_a_verdict_that_is_none_is_refused(word: str, near: str, cli: Cli) -> None:
    """An empty table reads as if there were no such claims."""
    done = cli("audit", "montecarlo", "--verdict", "erratum", "--verdict", word)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--verdict {word}: no such verdict{near} (verdicts: reproduced, not reproduced, " in done.stderr


def test_what_makes_it_end_with_1_is_said_to_who_wants_quiet(claimed: Path, cli: Cli) -> None:
    commit(claimed)
    assert cli("audit", "montecarlo", "--bless", "first").returncode == 0
    path = claimed / "studies/montecarlo/claims.toml"
    path.write_text("\n".join([CLAIM, CLAIM.replace('"a"', '"b"')]))
    done = cli("audit", "montecarlo", "-q")
    assert (done.returncode, done.stderr.split()[:3]) == (1, ["new", "montecarlo", "b:"])
