"""What a store keeps of runs that cannot count: it never stands in the way of the next bless."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from repro.runs.table import read
from tests.repro.conftest import BLESS, RESULTS, Cli, commit, toy_source, write_study
from tests.repro.support import forked

FAILING = toy_source().replace(
    "    draw = random", "    if run.replicate == 3:\n        raise ValueError\n    draw = random"
)


def test_a_failed_run_of_older_code_is_set_aside_like_any_other(committed: Path, cli: Cli) -> None:
    write_study(committed, "montecarlo", FAILING)
    commit(committed)
    assert cli("run", "montecarlo", "--replicates", "4", "-q").returncode == 7
    write_study(committed, "montecarlo", toy_source())
    commit(committed)
    assert json.loads(cli("status", "--json").stdout)[0]["outdated"] == 24
    assert cli("run", "montecarlo", "--replicates", "10-19", "-q").returncode == 0
    assert {*read(committed / RESULTS)["replicate"].to_pylist()} == {*range(10, 20)}
    blessed = cli(*BLESS)
    assert blessed.returncode == 0, blessed.stderr


def test_code_that_git_ignores_is_named_where_a_bless_is_refused(committed: Path, cli: Cli) -> None:
    source = toy_source().replace("import random", "import random\nfrom studies.montecarlo.model import SIDES", 1)
    write_study(committed, "montecarlo", source.replace("2 * dimensions", "SIDES * dimensions"))
    (committed / "studies/montecarlo/model.py").write_text("SIDES = 2\n")
    (committed / ".gitignore").write_text("/results/\n__pycache__/\nmodel.py\n")
    commit(committed)
    assert cli("run", "montecarlo", "--replicates", "10", "-q").returncode == 0
    refused = cli(*BLESS)
    assert refused.returncode == 3
    assert "ignored by git: studies/montecarlo/model.py" in refused.stderr


def installed(folder: Path, rate: float, version: str) -> None:
    """Put a package on the path as an installer would."""
    (folder / "mylib.py").write_text(f"RATE = {rate}\n")
    for old in folder.glob("*.dist-info"):
        shutil.rmtree(old)
    described = folder / f"mylib-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mylib\nVersion: {version}\n")
    (described / "RECORD").write_text(f"mylib.py,,\n{described.name}/METADATA,,\n{described.name}/RECORD,,\n")


def test_rows_made_with_another_version_of_a_package_are_said_and_a_replay_sees_it(
    committed: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    installed(site, 0.0, "0.1")
    source = toy_source().replace("import random", "import random\nfrom mylib import RATE", 1)
    write_study(committed, "montecarlo", source.replace("2 * dimensions", "RATE + 2 * dimensions"))
    (committed / ".gitignore").write_text("/results/\n__pycache__/\n/site/\n")
    commit(committed)
    variables = {**os.environ, "PYTHONPATH": os.fspath(site), "PYTHONDONTWRITEBYTECODE": "1"}

    def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
        return forked.repro(arguments, committed, env=variables)

    for arguments in (
        ("run", "montecarlo", "--replicates", "10", "-q"),
        BLESS,
        ("run", "montecarlo", "--fresh", "1", "-q"),
    ):
        assert cli(*arguments).returncode == 0
    done = cli("check", "montecarlo")
    assert (done.returncode, "packages that are here" in done.stdout) == (0, False)
    installed(site, 1e-9, "0.2")
    done = cli("check", "montecarlo")
    assert done.returncode == 0
    assert "no fresh run was made with the packages that are here (mylib 0.1, here 0.2)" in done.stdout
    done = cli("check", "montecarlo", "--replay")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the same seed gives something else: replicate 0 has" in done.stdout
