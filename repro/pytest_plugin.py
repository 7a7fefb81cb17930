"""A plugin of pytest: `--repro STUDY` makes each golden row a test, the fixture `repro_golden` checks a study in one.

Pytest loads this at every start of everybody's: nothing of the harness is imported before a study is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from repro.golden.findings import CheckResult, Finding

Cell = tuple[str, str, str]  # experiment, case, metric
Asked = tuple[str, str, int]  # study, profile, number of fresh replicates to run before, 0 for none
Held = Callable[..., "CheckResult"]
WHOLE = "the table"  # the test of what a check found that is no golden row's
WORD = "repro_verdict"  # a row's word among a report's properties, which JUnit files keep too
UNDERPOWERED = "underpowered"
SECTION = "Captured repro call"
FOLDER = pytest.StashKey[Path]()  # where the processes of pytest-xdist share their checks
CHECKED = pytest.StashKey[dict[Asked, "CheckResult | Exception"]]()
ROWS = pytest.StashKey[dict[Asked, Sequence[Cell]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the options."""
    group = parser.getgroup("repro", "studies held to their goldens")
    group.addoption("--repro", action="append", default=[], metavar="STUDY", help="test each golden row (repeatable)")
    group.addoption("--repro-profile", default="smoke", metavar="PROFILE", help="whose golden (default: smoke)")
    group.addoption("--repro-fresh", type=int, default=0, metavar="N", help="run N fresh replicates first (default: 0)")


def pytest_configure(config: pytest.Config) -> None:
    """Look up the goldens that were asked for. Raise pytest.UsageError, which ends in one line, where one is not."""
    config.addinivalue_line("markers", "repro: a golden row of a study, asked for by --repro STUDY")
    config.stash[CHECKED] = {}
    config.stash[ROWS] = {}
    worker: Mapping[str, Any] | None = getattr(config, "workerinput", None)
    if worker:
        config.stash[FOLDER] = Path(worker["repro"])
    options = config.option
    for study in dict.fromkeys(options.repro):
        from repro import api, registry
        from repro.errors import ReproError
        from repro.golden.bands import as_bands

        try:
            registry.profile(registry.load(study), options.repro_profile)
            bands = api.golden_of(study, options.repro_profile).bands
        except ReproError as error:
            raise pytest.UsageError(f"--repro {study}: {error}") from error
        asked = (study, options.repro_profile, options.repro_fresh)
        config.stash[ROWS][asked] = [band.cell for band in as_bands(bands)]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist where all of them share their checks."""
    stash = node.config.stash
    import tempfile

    if FOLDER not in stash:
        stash[FOLDER] = Path(tempfile.mkdtemp(prefix="repro-"))
    node.workerinput["repro"] = str(stash[FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the processes shared."""
    if FOLDER in config.stash and not hasattr(config, "workerinput"):
        import shutil

        shutil.rmtree(config.stash[FOLDER])


@pytest.hookimpl(tryfirst=True)  # so that -k, -m and the like choose among the rows as among all tests
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the rows to the tests, in the golden's order, which is the same for every process."""
    for asked, cells in session.config.stash[ROWS].items():
        items += GoldenTable.from_parent(session, name="/".join(asked[:2]), asked=asked, cells=cells).collect()


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show a row that passed and could have missed a useful change as what it is."""
    if report.when == "call" and report.passed and (WORD, UNDERPOWERED) in report.user_properties:
        return UNDERPOWERED, "u", UNDERPOWERED.upper()
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which rows could have missed a useful change, and why, where more than dots is wanted."""
    reports = terminalreporter.stats.get(UNDERPOWERED, [])
    if reports and terminalreporter.verbosity > 0:
        terminalreporter.section(UNDERPOWERED)
        for report in reports:
            told = dict(report.sections).get(SECTION, "").partition("\n")[0]
            terminalreporter.write_line(f"{report.nodeid}: {told}")


class GoldenTable(pytest.Collector):
    """A golden: its rows as tests, and one test more of what a check found that is no row's."""

    def __init__(self, *, asked: Asked, cells: Sequence[Cell], **options: Any) -> None:
        super().__init__(nodeid=f"golden/{asked[0]}/{asked[1]}", **options)
        self.asked = asked
        self.cells = cells

    def collect(self) -> list[pytest.Item]:
        """Return the tests."""
        from repro.machine.terminal import escape
        from repro.study import words_of

        words = words_of(case for _, case, _ in self.cells)
        named = {cell: escape(" ".join(filter(None, (cell[0], words[cell[1]], cell[2])))) for cell in self.cells}
        rows: list[pytest.Item] = [GoldenRow.from_parent(self, name=name, cell=cell) for cell, name in named.items()]
        return [GoldenRow.from_parent(self, name=WHOLE, cell=None), *rows]


class GoldenRow(pytest.Item):
    """A golden row, or with no cell all that is no row's.

    What a check cannot answer is an error, found by `setup`; what it answers in the negative a failure.
    """

    def __init__(self, *, cell: Cell | None, **options: Any) -> None:
        super().__init__(**options)
        self.cell = cell
        self.add_marker("repro")
        self.found: list[Finding] = []

    def setup(self) -> None:
        """Take the findings from the check, which is made once, and stop for what is none."""
        from repro.errors import DEVIATION, PASS, ReproError

        assert isinstance(self.parent, GoldenTable)
        try:
            result = checked(self.config, self.parent.asked)
        except ReproError as error:
            pytest.fail(f"{error} (exit code {error.exit_code})", pytrace=False)
        known = set(self.parent.cells)
        place = [(one.experiment, one.case, one.metric) for one in result.findings]
        mine = [cell == self.cell if self.cell else cell not in known for cell in place]
        self.found = [one for one, own in zip(result.findings, mine, strict=True) if own]
        if not self.found and self.cell:
            pytest.fail(f"the check says nothing of this row; '{WHOLE}' says why", pytrace=False)
        self.user_properties += [(WORD, one.word) for one in self.found[:1]]  # the gravest stands first
        if any(one.code not in (PASS, DEVIATION) for one in self.found):
            pytest.fail(self.told(), pytrace=False)

    def runtest(self) -> None:
        """Fail for what deviates; skip what is suspicious, as that is undecided."""
        from repro.errors import PASS
        from repro.golden.findings import SUSPICIOUS

        if any(one.code != PASS for one in self.found):
            pytest.fail(self.told(), pytrace=False)
        if any(one.word == SUSPICIOUS for one in self.found):
            pytest.skip(self.told())
        if self.found and self.found[0].word == UNDERPOWERED:
            self.add_report_section("call", "repro", self.told())  # under the name SECTION

    def told(self) -> str:
        """Return the findings in words."""
        assert isinstance(self.parent, GoldenTable)
        return "\n".join([*map(words, self.found), command(self.parent.asked)])

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the golden's twin as text, where a reader finds the row, and the row's name."""
        assert isinstance(self.parent, GoldenTable)
        return Path(f"{self.parent.nodeid}.md"), None, f"{self.parent.nodeid} {self.name}"


def words(finding: Finding) -> str:
    """Return a finding as a test's message: the verdict, why, and the numbers it rests on."""
    from repro.golden.findings import HEADERS, cells, names_of
    from repro.machine.terminal import escape

    named = dict(zip(HEADERS, cells(finding, names_of([finding])), strict=True))
    where = " ".join(filter(None, (named["experiment"], named["case"], named["metric"])))
    numbers = [f"{name} {named[name]}" for name in HEADERS[3:9] if named[name]]
    lines = [f"{finding.word}: {named['why']}", where, ", ".join(numbers)]
    return "\n  ".join(escape(line) for line in lines if line)


def command(asked: Asked) -> str:
    """Return where to read on."""
    profile = "" if asked[1] == "smoke" else f" --profile {asked[1]}"
    return f"  `repro check {asked[0]}{profile}` shows it beside all rows"


def checked(config: pytest.Config, asked: Asked) -> CheckResult:
    """Return a study's check, made once in a session: by the first that asks, the others wait. Raise what it raised."""
    kept = config.stash[CHECKED]
    if asked not in kept:
        kept[asked] = _shared(config.stash[FOLDER], asked) if FOLDER in config.stash else _made(asked)
    found = kept[asked]
    if isinstance(found, Exception):
        raise found
    return found


def _shared(folder: Path, asked: Asked) -> CheckResult | Exception:
    """Return a check that several processes ask for, made by the one that has the lock first."""
    import fcntl
    import pickle

    path = folder / "-".join(map(str, asked))
    with path.with_name(f"{path.name}.lock").open("wb") as lock:  # free when it is closed, or its process killed
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_bytes(pickle.dumps(_made(asked)))
    found: CheckResult | Exception = pickle.loads(path.read_bytes())  # written just now, into a folder of our own
    return found


def _made(asked: Asked) -> CheckResult | Exception:
    from repro import api
    from repro.errors import InfrastructureError, ReproError

    study, profile, fresh = asked
    try:
        failed = api.run(study, profile=profile, fresh=fresh).summary.failed if fresh else ()
        if failed:
            raise InfrastructureError(f"a fresh run failed ({failed[0]}); mend it, then check")
        return api.check(study, profile=profile)
    except ReproError as error:
        return error


@pytest.fixture(scope="session")
def repro_golden(pytestconfig: pytest.Config) -> Held:
    """Hold a study to its golden: `repro_golden("study", profile="smoke", fresh=0)` returns the repro.CheckResult.

    The test fails, in the judge's words, where the check does not pass. `fresh` replicates are run first.
    """

    def held(study: str, *, profile: str = "smoke", fresh: int = 0) -> CheckResult:
        from repro.errors import PASS, ReproError
        from repro.golden.findings import summary

        asked = (study, profile, fresh)
        try:
            result = checked(pytestconfig, asked)
        except ReproError as error:
            pytest.fail(f"{error} (exit code {error.exit_code})", pytrace=False)
        if result.exit_code != PASS:
            odd = [words(one) for one in result.findings if one.code != PASS]
            pytest.fail("\n".join([f"{study}/{profile}: {summary(result)}", *odd, command(asked)]), pytrace=False)
        return result

    return held
