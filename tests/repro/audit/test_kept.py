"""What is kept of an audit: taken while nothing it follows from changed, made again as soon as anything did."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro.machine import cache
from tests.repro.conftest import Cli
from tests.repro.support.forked import command
from tests.sources import PROJECT

ENTRY = """[[claim]]
id = "{name}"
where = "p. 1"
kind = "count"
statement = "There are so many."
published = "{published}"
judge = "count"
compute = "claims.{package}.{name}"
"""
FAR = "THREE = 3\n"
NEAR = "from studies.montecarlo.far import THREE\n\n\ndef three():\n    return THREE\n"
NOTED = '''"""Functions of claims, which write down that they were asked."""

import os
from pathlib import Path

from repro.audit import evidence


def asked(name):
    with open(os.environ["ASKED"], "a") as file:
        file.write(name + "\\n")


'''
HELPED = f"""{NOTED}from studies.montecarlo.near import three


def helped():
    asked("helped")
    return three()
"""
OTHERS = f"""{NOTED}def rows():
    from studies.montecarlo import study

    asked("rows")
    case = study.experiments["estimate"].cases[0]
    return len(evidence.values("montecarlo", "smoke", "estimate", "pi", case).values)


def told():
    asked("told")
    return int(evidence.published("montecarlo", "helped")[0])


def data():
    asked("data")
    return len(Path(os.environ["LIES"]).read_text())


def wrong():
    asked("wrong")
    raise ValueError("never right")


def program():
    import subprocess

    asked("program")
    return int(subprocess.run(["echo", "3"], capture_output=True, check=True).stdout)
"""
CLAIMED = {"helped": ("helped", 3), "rows": ("others", 11), "told": ("others", 3), "data": ("others", 3)}


@pytest.fixture
def audited(blessed: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The blessed toy project with claims, and outside of it a data file and the list of what was asked."""
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.setenv("ASKED", str(outside / "asked.txt"))
    monkeypatch.setenv("LIES", str(outside / "data.txt"))
    (outside / "data.txt").write_text("abc")
    study = blessed / "studies" / "montecarlo"
    declared = (study / "__init__.py").read_text()
    assert "replicates=3, cannot" in declared
    (study / "__init__.py").write_text(declared.replace("replicates=3, cannot", "replicates=3, faithful=True, cannot"))
    (study / "claims").mkdir()
    sources = {"far.py": FAR, "near.py": NEAR, "claims/helped.py": HELPED, "claims/others.py": OTHERS}
    for name, source in sources.items():
        (study / name).write_text(source)
    claim(study, **CLAIMED)
    return blessed


def claim(study: Path, **claims: tuple[str, int]) -> None:
    """Write a study's claims: by name the module of the function, and what is published."""
    entries = [ENTRY.format(name=name, package=where, published=value) for name, (where, value) in claims.items()]
    (study / "claims.toml").write_text("\n".join(entries))


@pytest.fixture
def ask(audited: Path, cli: Cli) -> Callable[..., tuple[set[str], list[dict[str, Any]]]]:
    """Audit the project and return which functions were asked, and the records."""

    def call(*arguments: str) -> tuple[set[str], list[dict[str, Any]]]:
        said = Path(os.environ["ASKED"])
        said.unlink(missing_ok=True)
        done = cli("audit", "montecarlo", "--json", "-q", *arguments)
        assert done.returncode in (0, 2, 6), done.stderr
        return set(said.read_text().split()) if said.exists() else set(), json.loads(done.stdout)

    return call


Ask = Callable[..., tuple[set[str], list[dict[str, Any]]]]


def verdicts(records: list[dict[str, Any]]) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in records}


def test_what_did_not_change_is_not_asked_again(ask: Ask) -> None:
    first, found = ask()
    again, same = ask()
    assert first == set(CLAIMED)
    assert verdicts(found) == dict.fromkeys(CLAIMED, "reproduced")
    assert (again, same) == (set(), found)


def test_a_module_two_imports_away_is_part_of_the_evidence(ask: Ask, audited: Path) -> None:
    ask()
    (audited / "studies/montecarlo/far.py").write_text(FAR.replace("= 3", "= 4"))
    asked, found = ask()
    assert asked == {"helped"}
    assert verdicts(found)["helped"] == "erratum"


def test_a_change_that_keeps_time_and_size_is_seen(ask: Ask, audited: Path) -> None:
    ask()
    path = audited / "studies/montecarlo/far.py"
    before = path.stat()
    path.write_text(FAR.replace("= 3", "= 4"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for code in (audited / "studies/montecarlo/__pycache__").glob("far.*"):
        code.unlink()
    assert ask()[0] == {"helped"}


def test_a_file_that_stands_before_a_module_is_seen(ask: Ask, audited: Path) -> None:
    """A package is imported before a module of its name."""
    ask()
    (audited / "studies/montecarlo/far").mkdir()
    (audited / "studies/montecarlo/far/__init__.py").write_text("THREE = 5\n")
    asked, found = ask()
    assert "helped" in asked
    assert verdicts(found)["helped"] == "erratum"


@pytest.mark.parametrize("name", ["helped", "others"])
def test_a_function_of_a_claim_that_changes_is_asked_again(name: str, ask: Ask, audited: Path) -> None:
    ask()
    path = audited / "studies/montecarlo/claims" / f"{name}.py"
    path.write_text(f"{path.read_text()}\nFURTHER = 1\n")
    assert ask()[0] == {one for one, (where, _) in CLAIMED.items() if where == name}


def test_a_result_is_part_of_the_evidence(ask: Ask, cli: Cli, audited: Path) -> None:
    ask()
    assert cli("run", "montecarlo", "--fresh", "2", "-q").returncode == 0
    asked, found = ask()
    assert {"rows"} <= asked <= {"rows", "told", "data"}  # which were asked after it, and could remember
    assert verdicts(found)["rows"] == "erratum"


def test_a_golden_that_is_not_what_was_blessed_is_refused_as_ever(ask: Ask, audited: Path) -> None:
    ask()
    path = audited / "golden/montecarlo/smoke.md"
    path.write_text(f"{path.read_text()}Changed.\n")
    assert {one["id"]: one["exit_code"] for one in ask()[1]}["rows"] == 6


def test_a_published_value_is_part_of_who_asked_for_it(ask: Ask, audited: Path) -> None:
    ask()
    claim(audited / "studies/montecarlo", **{**CLAIMED, "helped": ("helped", 4)})
    asked, found = ask()
    assert {"helped", "told"} <= asked <= {"helped", "told", "data"}
    assert {name: verdicts(found)[name] for name in ("helped", "told")} == {"helped": "erratum", "told": "erratum"}


def test_words_of_a_claim_change_no_other_claim(ask: Ask, audited: Path) -> None:
    ask()
    path = audited / "studies/montecarlo/claims.toml"
    path.write_text(path.read_text().replace("There are so many.", "So many there are.", 1))
    assert ask()[0] == {"helped"}


def test_a_file_that_is_opened_is_part_of_the_evidence(ask: Ask) -> None:
    ask()
    Path(os.environ["LIES"]).write_text("abcd")
    asked, found = ask()
    assert asked == {"data"}
    assert verdicts(found)["data"] == "erratum"


def test_a_variable_of_the_libraries_is_part_of_the_evidence(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    ask()
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert ask()[0] == set(CLAIMED)


def test_a_package_that_is_installed_beside_is_seen(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("installed")
    monkeypatch.setenv("PYTHONPATH", str(place))
    ask()
    (place / "further-1.0.dist-info").mkdir()
    assert ask()[0] == set(CLAIMED)


@pytest.mark.parametrize("name", ["wrong", "program"])
def test_an_error_and_what_a_program_said_are_not_kept(name: str, ask: Ask, audited: Path) -> None:
    claim(audited / "studies/montecarlo", helped=("helped", 3), **{name: ("others", 3)})
    ask()
    assert ask()[0] == {name}


@pytest.mark.parametrize(
    ("before", "after"), [('"reproduced"', '"erratum"'), ("studies.montecarlo", "studies.montecarla"), ("}", "")]
)
def test_a_file_that_was_changed_is_refused(before: str, after: str, ask: Ask, audited: Path, cli: Cli) -> None:
    ask()
    path = audited / "results/kept/montecarlo.json"
    path.write_text(path.read_text().replace(before, after, 1))
    done = cli("audit", "montecarlo")
    assert done.returncode == 6
    assert "results/kept/montecarlo.json: what it says is not what was kept in it; remove it" in done.stderr
    path.unlink()
    assert cli("audit", "montecarlo").returncode == 0


def test_all_is_made_anew_where_that_is_asked_for_and_held_to_what_is_kept(ask: Ask, audited: Path, cli: Cli) -> None:
    ask()
    assert ask("--anew")[0] == set(CLAIMED)
    path = audited / "results/kept/montecarlo.json"
    held = cache.read_sealed(path, "")
    held["made"]["helped"][2]["of"]["verdict"] = "erratum"  # by somebody who knows how it is sealed
    cache.write_sealed(path, held)
    done = cli("audit", "montecarlo", "--anew")
    assert done.returncode == 6
    assert "'helped' was kept as" in done.stderr


def test_a_bless_takes_nothing_that_is_kept(ask: Ask, audited: Path) -> None:
    ask()
    said = Path(os.environ["ASKED"])
    said.unlink()
    done = subprocess.run(
        command("audit", "montecarlo", "-q", "--bless", "first"), cwd=audited, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(said.read_text().split()) == set(CLAIMED)


def test_nothing_heavy_is_imported_for_what_is_kept(ask: Ask, audited: Path) -> None:
    ask()
    code = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from repro.cli.main import main; "
        "code = main(sys.argv[1:]); "
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "audit", "-q"], cwd=audited, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"torch", "numpy", "scipy", "pyarrow", "studies"}.isdisjoint(done.stderr.split())


def test_two_audits_at_once_leave_one_whole_file(audited: Path, ask: Ask) -> None:
    both = [subprocess.Popen(command("audit", "-q"), cwd=audited, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    assert ask()[0] == set()


def _write_and_die(path: str) -> None:
    """Write a part of a file's content, and be killed."""
    from repro.machine import files

    with files.replacing(Path(path)) as stream:
        stream.write(b"{")
        stream.flush()
        os._exit(9)


def test_a_writer_that_is_killed_leaves_the_file_as_it_was(ask: Ask, audited: Path) -> None:
    ask()
    path = audited / "results/kept/montecarlo.json"
    before = path.read_bytes()
    killed = multiprocessing.get_context("fork").Process(target=_write_and_die, args=(str(path),))
    killed.start()
    killed.join()
    assert (killed.exitcode, path.read_bytes()) == (9, before)
    assert ask()[0] == set()
    Path(os.environ["LIES"]).write_text("abcd")
    ask()
    left = [one.name for one in path.parent.iterdir() if one.name.startswith(".montecarlo.json.")]
    assert left == [".montecarlo.json.lock"]


def test_code_that_was_imported_before_keeps_nothing(ask: Ask, audited: Path) -> None:
    """Nobody knows from which files a long process has it."""
    code = (
        f"import sys; sys.path[:0] = [{str(PROJECT)!r}, '.']; import studies.montecarlo; "
        "from repro.cli.main import main; sys.exit(main(['audit', '-q']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=audited, capture_output=True, text=True, check=False)
    assert (done.returncode, (audited / "results/kept/montecarlo.json").exists()) == (0, False), done.stderr


HIDDEN = {
    "code put on the path": "sys.path.insert(0, os.environ['LIB'])\n"
    "    import outer_{name}\n"
    "    return outer_{name}.THREE",
    "data beside code": "sys.path.insert(0, os.environ['LIB'])\n"
    "    import pkgutil\n"
    "    return len(pkgutil.get_data('lib_{name}', 'n.txt'))",
    "files of threads": "from concurrent.futures import ThreadPoolExecutor\n"
    "    paths = sorted(Path(os.environ['LIB']).glob('many/*.txt'))\n"
    "    return sum(map(len, ThreadPoolExecutor(4).map(Path.read_text, paths)))",
    "names in a folder": "return len(list(Path(os.environ['LIB']).glob('many/*.txt')))",
    "a variable": "return int(os.environ['MY_N'])",
}


@pytest.mark.parametrize("how", HIDDEN)
def test_what_evidence_reads_on_a_side_way_is_seen(
    how: str, ask: Ask, audited: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, lib = "side" + str(list(HIDDEN).index(how)), tmp_path_factory.mktemp("lib")
    (lib / f"lib_{name}").mkdir()
    (lib / "many").mkdir()
    changes: dict[Path, tuple[str, str]] = {
        lib / f"outer_{name}.py": ("THREE = 3\n", "THREE = 4\n"),
        lib / f"lib_{name}/__init__.py": ("", ""),
        lib / f"lib_{name}/n.txt": ("abc", "abcd"),
        lib / "many/0.txt": ("a", "ab"),
        lib / "many/1.txt": ("b", "b"),
        lib / "many/2.txt": ("c", "c"),
    }
    for path, (before, _) in changes.items():
        path.write_text(before)
    monkeypatch.setenv("LIB", str(lib))
    monkeypatch.setenv("MY_N", "3")
    study = audited / "studies/montecarlo"
    source = f"{NOTED}import sys\n\n\ndef helped():\n    asked('helped')\n    {HIDDEN[how].format(name=name)}\n"
    (study / "claims/helped.py").write_text(source)
    claim(study, helped=CLAIMED["helped"])
    assert verdicts(ask()[1]) == {"helped": "reproduced"}
    for path, (_, after) in changes.items():
        path.write_text(after)
    (lib / "many/3.txt").write_text("")
    monkeypatch.setenv("MY_N", "4")
    assert verdicts(ask()[1]) == {"helped": "erratum"}


def test_what_a_library_of_two_studies_remembers_is_evidence_of_both(
    ask: Ask, audited: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second to ask it reads nothing any more."""
    shared = "import functools\n\nfrom repro.audit import evidence\n\n\n@functools.cache\ndef said():\n"
    (audited / "shared_said.py").write_text(f"{shared}    return int(evidence.published('montecarlo', 'helped')[0])\n")
    for name in ("aone", "btwo"):
        source = (audited / "studies/montecarlo/__init__.py").read_text().replace('"montecarlo"', f'"{name}"')
        folder = audited / "studies" / name
        folder.mkdir()
        (folder / "__init__.py").write_text(source)
        (folder / "claims.py").write_text("import shared_said\n\n\ndef told():\n    return shared_said.said()\n")
        entry = ENTRY.format(name="told", package="x", published=3).replace("claims.x.told", "claims.told")
        (folder / "claims.toml").write_text(entry)
    first = json.loads(cli("audit", "--json", "-q").stdout)
    assert [one["verdict"] for one in first if one["id"] == "told" and one["study"] != "montecarlo"] == [
        "reproduced"
    ] * 2
    claim(audited / "studies/montecarlo", **{**CLAIMED, "helped": ("helped", 4)})
    after = json.loads(cli("audit", "--json", "-q").stdout)
    assert [one["verdict"] for one in after if one["id"] == "told" and one["study"] != "montecarlo"] == ["erratum"] * 2
