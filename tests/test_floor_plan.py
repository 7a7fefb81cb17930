"""The floor plan that all studies share: which rooms there are, and what each of them may import.

Every check is a function from a study's sources to the places that break its rule, and is shown planted mistakes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.sources import PROJECT, STUDIES, STUDY_CODE, circles, imports, name_of, package_of

Sources = Mapping[str, str]  # texts of one study by their paths below studies/

DECLARATION = "__init__"
# From the top down: a room imports from lower floors only, and rooms of one floor are strangers to one another. What a
# profile sets is thereby in no fingerprint of what is measured, and what is drawn decides no claim.
FLOORS = (
    (DECLARATION,),
    ("figures", "claims"),
    ("profiles", "measured"),
    ("training",),
    ("model",),
    ("data",),
    ("cases", "published"),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
QUICK = {"profiles", "data", "cases", "published"}  # read with every listing, so without torch
COMPUTING = {"measured", "training", "model"}
NAMED = {"compute": {"claims", "measured"}, "happens": {"figures"}}  # where the functions stand that claims.toml names
DATA = {"claims.toml", "protocol.toml"}  # what the document says, and how it did what a faithful profile does again
DOORS = tuple(
    f"repro.{door}" for door in ("errors", "study", "checkpoint", "data", "stats", "printed", "audit.evidence")
)


def sources_of(study: str) -> dict[str, str]:
    """Return the files of a study as they lie on disk; of its data only that they are there."""
    files = sorted(path for path in (PROJECT / "studies" / study).rglob("*") if path.is_file())
    return {
        path.relative_to(PROJECT / "studies").as_posix(): path.read_text() if path.suffix in (".py", ".toml") else ""
        for path in files
        if "__pycache__" not in path.parts
    }


def toy() -> dict[str, str]:
    """Return the files of the study that docs/adding-a-study.md shows, by its listings."""
    page = (PROJECT / "docs/adding-a-study.md").read_text()
    listings = {kind: re.findall(rf"```{kind}\n(.*?)```", page, re.S) for kind in ("python", "toml")}
    assert all(listings.values()), "docs/adding-a-study.md shows no study, or no claim"
    return {
        "montecarlo/__init__.py": "\n\n".join(listings["python"]),
        "montecarlo/claims.toml": "\n".join(listings["toml"]),
    }


PLANNED = {**{study: sources_of(study) for study in STUDIES}, "montecarlo": toy()}
every_study = pytest.mark.parametrize("study", PLANNED)


# Reading a study


def inside(path: str) -> str:
    """Return a path inside its study's folder."""
    return path.partition("/")[2]


def room_of(path: str) -> str:
    """Return the room that a file stands in, as it is named in the plan."""
    return inside(path).partition("/")[0].removesuffix(".py")


def own_imports(files: Sources, *, functions: bool = True) -> Iterator[tuple[str, int, str]]:
    """Yield each import from the study itself, as file, line and room; its package's own names are the declaration's.

    What only a type checker reads counts too: it says as much about who knows whom.
    """
    for path, source in files.items():
        if path.endswith(".py"):
            package = ["studies", *Path(path).parent.parts]
            for name, line in imports(source, ".".join(package), typing=True, functions=functions):
                top, study, room, *_ = *name.split("."), "", ""
                if [top, study] == package[:2]:
                    yield path, line, room if room in FLOOR_OF else DECLARATION


# The checks


def strange_things(files: Sources) -> list[str]:
    """Find what is no room of the plan, rooms that stand there twice, and folders that are no packages."""
    first = {inside(path).partition("/")[0] for path in files}
    modules, folders = {f"{room}.py" for room in FLOOR_OF}, {*FLOOR_OF} - {DECLARATION}
    packages = {room for room in folders if any(inside(path) == f"{room}/__init__.py" for path in files)}
    found = [f"{name}: no room of the plan" for name in first - modules - folders - DATA]
    found += [f"{room}: a module and a folder" for room in folders if {room, f"{room}.py"} <= first]
    return sorted(found + [f"{room}/: no package" for room in first & folders - packages])


def missing_rooms(files: Sources) -> list[str]:
    """Find what a study needs: the declaration; beside what computes, cases and profiles; for claims, both lists."""
    rooms = {room_of(path) for path in files}
    needed = {DECLARATION}
    if rooms & COMPUTING:
        needed |= {"cases", "profiles"}
    if "claims" in rooms:
        needed |= DATA
    return sorted(f"{room}: missing" for room in needed - rooms)


def upward_imports(files: Sources) -> list[str]:
    """Find imports from a higher room, from another of the same floor, and of the declaration from anywhere."""
    found = []
    for path, line, there in own_imports(files):
        here = room_of(path)
        if here in FLOOR_OF and here != there and FLOOR_OF[there] <= FLOOR_OF[here]:
            found.append(f"{path}:{line}: {here} imports {there}")
        elif here == "profiles" and there in COMPUTING:
            found.append(f"{path}:{line}: profiles import {there}, and with it torch")
    return found


def hasty_imports(files: Sources) -> list[str]:
    """Find what the declaration imports at its top and should import in functions: rooms that need torch, or draw."""
    return [
        f"{path}:{line}: imports {there} at the top"
        for path, line, there in own_imports(files, functions=False)
        if room_of(path) == DECLARATION and there not in {*QUICK, DECLARATION}
    ]


def own_circles(files: Sources) -> list[str]:
    """Find modules of a study that import one another in a circle."""
    modules = {path.removesuffix(".py"): source for path, source in files.items() if path.endswith(".py")}
    return circles({f"studies/{path}".replace("/", "."): source for path, source in modules.items()})


def misplaced_functions(files: Sources) -> list[str]:
    """Find functions that claims.toml names in rooms where no such function should stand."""
    return [
        f"{path}: claim '{claim['id']}' has {key} = {claim[key]}"
        for path, text in files.items()
        if inside(path) == "claims.toml"
        for claim in tomllib.loads(text)["claim"]
        for key, rooms in NAMED.items()
        if key in claim and claim[key].partition(".")[0] not in rooms
    ]


def beyond_the_door(source: str, package: str) -> list[str]:
    """Find what a study imports of the harness beside the front door and the one door of its claims."""
    return [
        f"line {line}: imports {name}"
        for name, line in imports(source, package, typing=True)
        if (name == "repro" or name.startswith("repro."))
        and not any(name == door or name.startswith(f"{door}.") for door in DOORS)
    ]


# The studies hold to them


@every_study
@pytest.mark.parametrize(
    "check", [strange_things, missing_rooms, upward_imports, hasty_imports, own_circles, misplaced_functions]
)
def test_every_study_has_the_floor_plan(study: str, check: Callable[[Sources], list[str]]) -> None:
    assert check(PLANNED[study]) == []


@pytest.mark.parametrize("path", STUDY_CODE, ids=name_of)
def test_studies_enter_by_the_front_door(path: Path) -> None:
    assert beyond_the_door(path.read_text(), package_of(path)) == []


def test_every_room_is_some_study_s() -> None:
    """A plan with a room that nobody has would be a guess."""
    assert set(FLOOR_OF) == {room_of(path) for files in PLANNED.values() for path in files} - DATA


def test_nothing_but_studies_and_what_they_share_lies_in_studies() -> None:
    found = {path.name for path in (PROJECT / "studies").iterdir() if path.name != "__pycache__"}
    assert found == {*STUDIES, "common"}


# The checks can fail


WHOLE = {
    "a/__init__.py": "from studies.a.cases import Case\n\ndef f():\n    from studies.a.measured import x\n",
    "a/cases.py": "",
    "a/profiles.py": "from studies.a.cases import Case\nfrom studies.a.data import sets\n",
    "a/data.py": "from studies.a.published import TABLE\n",
    "a/published.py": "",
    "a/model/__init__.py": "",
    "a/model/layers.py": "from studies.a.data import sets\n",
    "a/model/network.py": "from studies.a.model.layers import Layer\n",
    "a/training.py": "from studies.a.model import network\n",
    "a/measured.py": "from studies.a import training\nfrom studies.common import hermite\n",
    "a/figures.py": "from studies.a.measured import x\nfrom studies.a.profiles import SMOKE\n",
    "a/claims.py": "from studies.a.measured import x\nfrom repro.audit.evidence import Missing\n",
    "a/protocol.toml": "",
    "a/claims.toml": "[[claim]]\nid = 'it'\ncompute = 'claims.f'\nhappens = 'figures.g'\n",
}


@pytest.mark.parametrize(
    ("check", "planted"),
    [
        (strange_things, {"a/statements.py": ""}),
        (strange_things, {"a/README.md": ""}),
        (strange_things, {"a/helpers/__init__.py": ""}),
        (strange_things, {"a/cases.csv": ""}),
        (strange_things, {"a/model.py": ""}),
        (strange_things, {"a/published.py": None, "a/published/table.py": ""}),
        (missing_rooms, {"a/__init__.py": None}),
        (missing_rooms, {"a/cases.py": None}),
        (missing_rooms, {"a/profiles.py": None}),
        (missing_rooms, {"a/claims.toml": None}),
        (missing_rooms, {"a/protocol.toml": None}),
        (upward_imports, {"a/model/layers.py": "def f():\n    from studies.a.training import train\n"}),
        (upward_imports, {"a/measured.py": "from studies.a.profiles import PAPER\n"}),
        (upward_imports, {"a/claims.py": "from studies.a.figures import rates\n"}),
        (upward_imports, {"a/figures.py": "from studies.a import claims\n"}),
        (upward_imports, {"a/claims.py": "from studies.a import study\n"}),
        (upward_imports, {"a/model/layers.py": "from .. import SCALES\n"}),
        (upward_imports, {"a/measured.py": "import studies.a\n"}),
        (upward_imports, {"a/cases.py": "from .published import TABLE\n"}),
        (upward_imports, {"a/data.py": "if TYPE_CHECKING:\n    from studies.a.model import network\n"}),
        (upward_imports, {"a/profiles.py": "from studies.a.training import RATE\n"}),
        (hasty_imports, {"a/__init__.py": "from studies.a.measured import x\n"}),
        (hasty_imports, {"a/__init__.py": "from .figures import rates\n"}),
        (own_circles, {"a/model/layers.py": "def f():\n    from studies.a.model import network\n"}),
        (misplaced_functions, {"a/claims.toml": "[[claim]]\nid = 'it'\ncompute = 'areas.covered'\n"}),
        (misplaced_functions, {"a/claims.toml": "[[claim]]\nid = 'it'\nhappens = 'claims.covered'\n"}),
    ],
)
def test_checks_find_what_is_planted(check: Callable[[Sources], list[str]], planted: dict[str, str | None]) -> None:
    changed = {path: source for path, source in {**WHOLE, **planted}.items() if source is not None}
    assert len(check(changed)) == 1
    assert check(WHOLE) == []


@pytest.mark.parametrize(
    ("planted", "sound"),
    [
        (
            "def f():\n    from repro.runs import table\n",
            "from repro.audit.evidence import Missing\nfrom repro import stats\n",
        ),
        ("from repro import registry\n", "from repro.errors import did_you_mean\n"),
        ("from repro.audit import document\n", "from repro.audit import evidence\n"),
        ("import repro\n", "import reproduction\n"),
    ],
)
def test_another_door_is_found(planted: str, sound: str) -> None:
    assert len(beyond_the_door(planted, "studies.a")) == 1
    assert beyond_the_door(sound, "studies.a") == []
