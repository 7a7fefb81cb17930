"""Which modules code can reach: where they lie, which are code of somebody's own, and what could not be followed.

Own is whatever is part of no installed, versioned package: a working tree, an editable install, a file put on the path.
Modules are found by reading, never imported.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from repro.errors import UsageError
from repro.machine.syntax import EVERYTHING, Facts, Import, facts_of_module, text_of_module

HARNESS = __name__.partition(".")[0]
ARITHMETIC = frozenset({f"{HARNESS}.{name}" for name in ("seeds", "stats", "printed")})  # of it, what computes numbers
ABOVE = ""  # asks for a package because a module of it is imported, which is no reason to look at all of a home
SUFFIXES = (*importlib.machinery.EXTENSION_SUFFIXES, ".py")  # of modules, in the order in which Python looks for them
LIBRARY = tuple(f"{os.path.realpath(sysconfig.get_path(kind))}{os.sep}" for kind in ("stdlib", "platstdlib"))
SITES = ("site-packages", "dist-packages")  # where a package without a list of its files counts as installed

Edge = tuple[str, str]  # (module, name in it): one thing that an import asks for


@dataclass(frozen=True)
class Module:
    """Where a module lies. A folder is a package without a file; `distribution` is what an installed one is part of."""

    kind: Literal["source", "folder", "compiled", "installed", "absent"]
    path: Path | None = None
    distribution: str = ""


@dataclass
class Reached:
    """What was reached: own modules, the distributions installed beside them, and what could not be followed.

    `absent` names the top packages that are not here and without which the code does not go on.
    """

    edges: set[Edge] = field(default_factory=set)
    distributions: set[str] = field(default_factory=set)
    unfollowed: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)

    @property
    def modules(self) -> set[str]:
        """Return the names of the own modules."""
        return {module for module, _ in self.edges}

    def add(self, other: Reached, homes: Iterable[str]) -> None:
        """Add what was reached from elsewhere, but that a package of `homes` is above it."""
        self.edges |= other.edges - {(home, ABOVE) for home in homes}
        self.distributions |= other.distributions
        self.unfollowed |= other.unfollowed
        self.absent |= other.absent


class Modules:
    """Modules as they lie on the disk, each looked up once; those of the top package `home` count wherever they lie."""

    def __init__(self, home: str) -> None:
        self.home = home.partition(".")[0]
        self._found: dict[str, Module] = {}
        self._tops: dict[str, tuple[tuple[str, ...], str]] = {}
        self._asks: dict[str, Reached] = {}
        self._sources: dict[str, str] = {}

    def find(self, module: str) -> Module:
        """Return where a module lies."""
        if module not in self._found:
            self._found[module] = self._look(module)
        return self._found[module]

    def source(self, module: str) -> str:
        """Return the source of an own module, empty for a folder."""
        if module not in self._sources:
            found = self.find(module)
            own = found.kind == "source" and found.path is not None
            self._sources[module] = found.path.read_text("utf-8") if own and found.path else ""
        return self._sources[module]

    def files(self, names: Iterable[str]) -> frozenset[Path]:
        """Return the files of own modules."""
        found = (self.find(name).path for name in names if self.find(name).kind in ("source", "compiled"))
        return frozenset(path for path in found if path is not None)

    def texts(self, names: Iterable[str]) -> dict[str, str]:
        """Return the normal form, as JSON, of each module that has a source."""
        return {name: text_of_module(self.source(name)) for name in names if self.find(name).kind == "source"}

    def follow(
        self,
        start: Iterable[Edge],
        homes: Collection[str] = (),
        said: Callable[[str, set[str]], Sequence[Facts]] = lambda *_: (),
    ) -> Reached:
        """Return what the start reaches through imports, in turn.

        Of the modules `homes` only what `said` returns for one and the names asked of it is looked at. Raise UsageError
        where an own module imports one that is not there, unless it says what to do then.
        """
        reached = Reached(edges=set(start))
        seen: set[str] = set()
        told: dict[str, set[str]] = {}
        while True:
            wanted = {home: {name for module, name in reached.edges if module == home} for home in homes}
            fresh = sorted(reached.modules - seen - {*homes})
            if not fresh and wanted == told:
                return reached
            for module in fresh:
                reached.add(self._asked(module), homes)
            for home, names in wanted.items():
                for one in said(home, names) if names != told.get(home) else ():
                    reached.add(self._take(home, one), homes)
            seen.update(fresh)
            told = wanted

    def _asked(self, module: str) -> Reached:
        """Return what a whole module asks for, looked up once."""
        if module not in self._asks:
            self._asks[module] = self._take(module, facts_of_module(self.source(module)))
        return self._asks[module]

    def _take(self, module: str, facts: Facts) -> Reached:
        """Return what a module's statements ask for."""
        found = Reached()
        if self.find(module).kind == "compiled":
            found.unfollowed.add(f"{module} is compiled")
        found.unfollowed.update(f"{module} {text}" for text in facts.loads)
        for asked in facts.imports:
            found.edges.update(self._ask(asked, module, found))
        return found

    def _ask(self, asked: Import, by: str, reached: Reached) -> Iterator[Edge]:
        """Yield the module (or the submodule that the name is) and the packages above it, all of which run."""
        module, name = self.asked(asked, by)
        found = self.find(module)
        if found.kind == "absent":
            if self.find(module.partition(".")[0]).kind in ("source", "folder") and not asked.guarded:
                raise UsageError(
                    f"{by}: no Python source of {module}, which it imports; a change of it would go unseen"
                )
            reached.unfollowed.add(f"{by} imports {module}, which is not here")
            reached.absent |= {module.partition(".")[0]} if not asked.guarded else set()
        elif found.kind == "installed":
            reached.distributions |= {found.distribution} - {""}
        else:
            yield module, name
        for depth in range(1, module.count(".") + 1):
            package = module.rsplit(".", depth)[0]
            if self.find(package).kind == "source":
                yield package, ABOVE

    def asked(self, asked: Import, by: str) -> tuple[str, str]:
        """Return the module that an import asks for and the name in it, which is no module itself."""
        module, name = self._absolute(asked, by), asked.name
        if name != EVERYTHING and self.find(f"{module}.{name}").kind != "absent":
            return f"{module}.{name}", EVERYTHING
        return module, name

    def whose(self, asked: Import, by: str) -> str:
        """Say whether an import asks for "own" code that is there, an "installed" package's, or another's: ""."""
        module = self._absolute(asked, by)
        kinds = [self.find(f"{module}.{asked.name}").kind] if asked.name != EVERYTHING else []
        if {*kinds, self.find(module).kind} & {"source", "folder", "compiled"}:
            return "own"
        return "installed" if self.find(module).distribution else ""

    def _absolute(self, asked: Import, by: str) -> str:
        path = self.find(by).path
        up = asked.level - (path is not None and path.stem == "__init__")
        base = by.rsplit(".", up)[0] if up > 0 else by
        return ".".join(filter(None, (base, asked.module))) if asked.level else asked.module

    def _look(self, module: str) -> Module:
        top, *rest = module.split(".")
        if (top in sys.stdlib_module_names and not _hides_python_s(top)) or (
            top == HARNESS != self.home and module not in ARITHMETIC
        ):
            return Module("installed")
        if rest and top != self.home and self.find(top).distribution:
            return self.find(top)  # a package of its own folder is installed with all it holds
        if top not in self._tops:
            self._tops[top] = _hides_python_s(top) or _top(top)
        folders, file = self._tops[top]
        found = _below(folders, rest) if rest or not file else _of_file(file)
        if found.kind not in ("source", "compiled") or found.path is None or top == self.home:
            return found
        owner = _owner(found.path, top)
        return Module("installed", found.path, owner) if owner else found


@functools.cache
def _hides_python_s(name: str) -> tuple[tuple[str, ...], str] | None:
    """Return the folders and the file of a top module of one's own that stands before Python's of the same name.

    None for any other. A new process, as a worker is, imports it, whatever this one has imported.
    """
    built_in = name in sys.builtin_module_names or importlib.machinery.FrozenImporter.find_spec(name)
    if name not in sys.stdlib_module_names or built_in:
        return None
    spec = importlib.machinery.PathFinder.find_spec(name)
    if spec is None or not spec.has_location or os.path.realpath(str(spec.origin)).startswith(LIBRARY):
        return None
    return tuple(spec.submodule_search_locations or ()), str(spec.origin)


def _top(name: str) -> tuple[tuple[str, ...], str]:
    """Return the folders of a top package, or the file of a top module; nothing imports it that has not."""
    module = sys.modules.get(name)
    if module is not None:
        return tuple(getattr(module, "__path__", ())), str(getattr(module, "__file__", None) or "")
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # a module that was made by hand
        spec = None
    if spec is None:
        return (), ""
    return tuple(spec.submodule_search_locations or ()), spec.origin or "" if spec.has_location else ""


def _below(folders: Iterable[str], rest: Sequence[str]) -> Module:
    """Return what lies below a package's folders under a name's parts: a folder without a file where nothing else is.

    In the order of Python, which takes a package before a file and a compiled one before a source.
    """
    bare: Module | None = None
    for folder in folders:
        name = os.path.join(folder, *rest)  # thousands are asked for, and a Path costs as much as the asking
        is_folder = os.path.isdir(name)
        for stem in ([os.path.join(name, "__init__")] if is_folder else []) + ([name] if rest else []):
            for suffix in SUFFIXES:
                if os.path.isfile(f"{stem}{suffix}"):
                    return _of_file(f"{stem}{suffix}")
        bare = bare or (Module("folder", Path(name)) if is_folder else None)
    return bare or Module("absent")


def _of_file(name: str) -> Module:
    return Module("source" if name.endswith(".py") else "compiled", Path(name))


@functools.cache
def _installations(folder: str) -> tuple[Path, ...]:
    """Return where a folder's distributions are described, in the order of their names."""
    return tuple(sorted(path for end in ("dist", "egg") for path in Path(folder).glob(f"*.{end}-info")))


@functools.cache
def _record(described: Path) -> str:
    """Return the list of a distribution's files, in lines that begin with a path; empty where there is none."""
    path = described / "RECORD"
    return f"\n{path.read_text('utf-8')}" if path.is_file() else ""


def _owner(path: Path, top: str) -> str:
    """Return the installed, versioned distribution that a module's file is part of, empty where there is none."""
    parts = path.parts
    places = [place for place in range(1, len(parts)) if parts[place] == top or place == len(parts) - 1]
    found = (_listed(str(Path(*parts[:place])), Path(*parts[place:]).as_posix(), top) for place in places)
    return next(filter(None, found), "")


@functools.cache
def _listed(folder: str, file: str, top: str) -> str:
    """Return the distribution in a folder that lists a file as its own and was not installed from a working tree."""
    site = Path(folder).name in SITES
    # A distribution mostly has the name of its package: the others' lists, of some megabytes, are seldom read.
    for described in sorted(_installations(folder), key=lambda path: not path.name.lower().startswith(top.lower())):
        record, one = _record(described), importlib.metadata.Distribution.at(described)
        unlisted = not record and site and top in (one.read_text("top_level.txt") or "").split()
        if unlisted or f"\n{file}," in record:
            return "" if "dir_info" in json.loads(one.read_text("direct_url.json") or "{}") else one.name
    return ""


def digest_parts(texts: dict[str, str]) -> str:
    """Return the JSON object of values that are JSON already, in the order of their names."""
    return "{" + ", ".join(f"{json.dumps(name)}: {texts[name]}" for name in sorted(texts)) + "}"


def code_of_module(name: str) -> str:
    """Return the SHA-256 of a module's code and of what it reaches, empty where its source is not to be had."""
    if name not in sys.modules:
        return ""
    modules = Modules(name)
    if modules.find(name).kind != "source":
        return ""
    texts = modules.texts(modules.follow([(name, EVERYTHING)]).modules)
    return hashlib.sha256(digest_parts(texts).encode()).hexdigest()
