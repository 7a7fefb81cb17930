"""The command line: one line for a mistake, the documented exit code, quick listings, help with examples."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repro import __distribution__, __version__
from repro.cli import arguments as options
from repro.cli import main
from tests.repro.conftest import Cli, toy_source, write_study
from tests.sources import PROJECT

LISTINGS = [
    ["list"],
    ["list", "--json"],
    ["show", "montecarlo"],
    ["status"],
    ["plan", "montecarlo"],
    ["--help"],
    ["run", "-h"],
    ["figures", "montecarlo"],
]
HEAVY = ("torch", "scipy", "matplotlib", "sklearn", "jinja2")  # pyarrow takes up pandas by itself where it is installed
CPU_LIMIT_S = 0.25  # stated for a listing's start-up; measured in bench, here only held against gross growth

IMPORTS = (
    "import sys; sys.path.insert(0, {project!r}); from repro.cli.main import main\n"
    "try: main({arguments!r})\n"
    "except SystemExit: pass\n"
    "print('LOADED', *[name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
)


def loaded_by(folder: Path, arguments: list[str]) -> list[str]:
    script = IMPORTS.format(project=str(PROJECT), arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    line = next(line for line in done.stderr.splitlines() if line.startswith("LOADED"))
    return line.split()[1:]


@pytest.mark.parametrize("arguments", LISTINGS, ids=" ".join)
def test_listings_import_nothing_heavy(project: Path, arguments: list[str]) -> None:
    assert loaded_by(project, arguments) == []


def test_listings_of_the_real_studies_import_nothing_heavy() -> None:
    for arguments in (["list"], ["show", "rfnn"], ["plan", "rfnn"], ["check", "-h"]):
        assert loaded_by(PROJECT, arguments) == []


def test_a_study_that_imports_a_heavy_package_is_seen(project: Path) -> None:
    write_study(project, "montecarlo", "import scipy.stats\n" + toy_source())
    assert "scipy" in loaded_by(project, ["list"])


@pytest.mark.parametrize("verb", options.VERBS)
def test_every_verb_has_help_with_examples_and_exit_codes(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main([verb, "-h"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"repro {verb}" in text.partition("examples:")[2]
    assert "130 interrupted" in text


@pytest.mark.parametrize("verb", options.VERBS)
def test_every_example_of_the_help_can_be_parsed(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    import shlex

    with pytest.raises(SystemExit):
        main.main([verb, "-h"])
    examples = capsys.readouterr().out.partition("examples:\n")[2].partition("\n\n")[0].splitlines()
    assert examples
    for example in examples:
        program, *arguments = shlex.split(example)
        assert program == "repro"
        assert main.parser().parse_args(arguments).verb == verb


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "montecalro"], 2, "no study 'montecalro'; did you mean 'montecarlo'?"),
        (["run", "montecarlo", "--profile", "smok"], 2, "no profile 'smok'; did you mean 'smoke'?"),
        (["run", "montecarlo", "--experiment", "estimat"], 2, "did you mean 'estimate'?"),
        (["run", "montecarlo", "--where", "count"], 2, "wanted field=value"),
        (["run", "montecarlo", "--where", "count=7"], 5, "'count' has no such value"),
        (["run", "montecarlo", "--where", "shap=disc"], 5, "has a field 'shap'; did you mean 'shape'? (fields: "),
        (["run", "montecarlo", "--where", "shape=disk"], 5, "did you mean 'disc'? (shape: disc, sphere)"),
        (["run", "montecarlo", "--replicates", "x"], 2, "wanted a number of replicates"),
        (["run", "montecarlo", "--fresh", "0"], 2, "wanted at least one replicate"),
        (["run", "montecarlo", "--jobs", "0"], 2, "wanted at least one process"),
        (["check", "montecarlo"], 5, "no such table"),
        (["diff", "a.parquet", "b.parquet"], 5, "a.parquet: no such table"),
        (["data", "mnist"], 2, "no data set 'mnist'"),
        (["bless", "montecarlo", "--reason", "because"], 5, "no such table"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_one_line_and_the_documented_code(cli: Cli, arguments: list[str], code: int, said: str) -> None:
    done = cli(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "repro: the following arguments are required: VERB; `repro --help` says more"),
        (["run", "montecarlo", "--nope"], "repro run: unrecognized arguments: --nope; `repro run --help` says more"),
        (["chekc"], "repro: no verb 'chekc'; did you mean 'check'? (verbs: list, show, "),
        (["--json", "list"], "repro: --json: options stand behind the verb, as in `repro list --json`; `repro --help`"),
        (
            ["run", "montecarlo", "--profil", "smoke"],
            "repro run: unrecognized arguments: --profil smoke; did you mean ",
        ),
        (["frob\x1b[2J"], r"repro: no verb 'frob\x1b[2J' (verbs: "),
        (["bless", "montecarlo"], "repro bless: the following arguments are required: --reason; `repro bless --help`"),
        (["run", "montecarlo", "--xyz", "3"], "repro run: unrecognized arguments: --xyz 3; `repro run --help` says"),
        (
            ["run", "montecarlo", "--jobs", "x"],
            "repro run: argument --jobs: invalid int value: 'x'; `repro run --help`",
        ),
    ],
)
def test_a_missing_or_unknown_verb_or_option_is_one_line(cli: Cli, arguments: list[str], said: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1
    if "--json" in arguments:
        answered = json.loads(done.stdout)
        assert answered["exit_code"] == 2
        assert done.stderr.strip().endswith(answered["error"])
    else:
        assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments", [["chekc", "--json"], ["bless", "montecarlo", "--json"], ["show", "montecalro", "--json"]]
)
def test_under_json_a_mistake_is_json(cli: Cli, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert json.loads(done.stdout)["exit_code"] == done.returncode == 2
    assert done.stderr.strip().endswith(json.loads(done.stdout)["error"])


@pytest.mark.parametrize(("text", "word"), [("shap=disc", "field 'shap'"), ("shape=disk", "mean 'disc'?")])
def test_a_check_tells_a_strange_field_from_a_strange_value(blessed: Path, cli: Cli, text: str, word: str) -> None:
    done = cli("check", "montecarlo", "--where", text)
    assert (done.returncode, done.stdout) == (5, "")
    assert word in done.stderr


def test_the_version_names_the_command_and_the_distribution(cli: Cli) -> None:
    assert cli("--version").stdout == f"repro {__version__} (distribution {__distribution__})\n"


@pytest.mark.parametrize(("verb", "code"), [(["list"], 5), (["list", "--json"], 5), (["run", "montecarlo"], 2)])
def test_where_there_is_no_study_it_is_said_where_they_were_looked_for(
    verb: list[str], code: int, tmp_path: Path, cli: Cli
) -> None:
    """An empty list with exit code 0 reads as if all were well."""
    shutil.rmtree(tmp_path / "studies")
    done = cli(*verb)
    assert done.returncode == code
    assert json.loads(done.stdout)["exit_code"] == code if "--json" in verb else done.stdout == ""
    assert "neither the current folder nor one above it holds studies/NAME/__init__.py" in done.stderr


def test_json_is_json(cli: Cli, project: Path) -> None:
    listed = json.loads(cli("list", "--json").stdout)
    assert [entry["study"] for entry in listed] == ["montecarlo"]
    shown = json.loads(cli("show", "montecarlo", "--json").stdout)
    assert shown["experiments"][0]["fields"] == ["count", "shape"]
    assert json.loads(cli("status", "--json").stdout) == []
    assert json.loads(cli("data", "--json").stdout) == []
    run = cli("run", "montecarlo", "--json")
    assert json.loads(run.stdout)["finished"] == 18
    assert json.loads(cli("status", "--json").stdout)[0]["ok"] == 18
    doctor = json.loads(cli("doctor", "--json").stdout)
    assert set(doctor) >= {"python", "cpu", "packages", "lock", "data", "gpu"}
    assert set(doctor["containers"]) == {"podman", "docker"}
    assert all(doctor["containers"].values())


def test_quiet_is_quiet_and_no_colour_leaks_into_a_pipe(cli: Cli) -> None:
    done = cli("run", "montecarlo", "-q")
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_a_terminal_shows_colour_unless_no_color(project: Path) -> None:
    """Under a pseudo-terminal: bold names, a progress bar; with NO_COLOR neither escape codes for colour."""
    import pty

    def output(**extra: str) -> str:
        head, tail = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", **extra}
        environment.pop("NO_COLOR", None) if not extra else None
        script = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from repro.cli.main import main; sys.exit(main())"
        process = subprocess.Popen(
            [sys.executable, "-c", script, "show", "montecarlo"], cwd=project, stdout=tail, env=environment
        )
        process.wait(timeout=60)
        os.close(tail)
        text = os.read(head, 65536).decode()
        os.close(head)
        return text

    assert "\x1b[1m" in output()
    assert "\x1b[1m" not in output(NO_COLOR="1")


def test_the_smoke_profile_says_what_it_cannot_answer(cli: Cli) -> None:
    assert "Few points; `--profile paper` throws 100 times more." in cli("run", "montecarlo").stdout
