"""Find studies by folder and by entry point, and refuse a declaration that contradicts itself."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

from repro.errors import UsageError, did_you_mean
from repro.faults import check_study
from repro.machine import root as roots
from repro.machine.foreign import guarded
from repro.machine.imported import Package
from repro.study import Profile, Study

_IMPORTED: dict[str, Package] = {}


def root() -> Path:
    """Return the project folder as seen from the working directory; `repro.machine.root` says how it is found."""
    return roots.find().folder


def names() -> list[str]:
    """Return the names of all studies: packages below `studies/`, and what this and other packages offer."""
    return sorted({*roots.studies_below(root()), *_entry_points()})


def nowhere() -> str:
    """Say where studies were looked for, and where to go."""
    found = roots.find()
    here = "neither the current folder nor one above it holds studies/NAME/__init__.py"
    if not found.guessed:
        here = (
            f"{found.folder.resolve()}, the root ({found.because}), holds no studies/NAME/__init__.py and offers none"
        )
    return f"{here}, and no installed package offers one; go to the project's folder, or name it by {roots.OPTION}"


def _is_here(name: str) -> bool:
    """Say whether the project itself has a study of a name below its `studies/`."""
    plain = name not in ("", roots.SHARED) and os.path.basename(name) == name and "\0" not in name
    return plain and (root() / "studies" / name / "__init__.py").exists()


def _entry_points() -> dict[str, importlib.metadata.EntryPoint]:
    """Return the studies that packages offer; a marked project's own come before those of installed packages."""
    offered, group = roots.find().offered, roots.ENTRY_POINTS
    if offered:
        put_on_path()
    own = [importlib.metadata.EntryPoint(name, value, group) for name, value in offered.items()]
    return {point.name: point for point in (*importlib.metadata.entry_points(group=group), *own)}


def package(name: str) -> str:
    """Return the dotted name of the package that a study's declaration lies in. Raise UsageError for one that is none.

    Of a study that another package offers, that is the package which its entry point names, or the one around it.
    """
    point = None if _is_here(name) else _entry_points().get(name)
    if point is None:
        return f"studies.{name}"
    spec = _spec(point)
    return spec.name if spec.submodule_search_locations else str(spec.parent)


def folder(name: str) -> Path:
    """Return the folder that a study's declaration lies in, below the root or where a package is installed."""
    point = None if _is_here(name) else _entry_points().get(name)
    if point is None:
        return root() / "studies" / name
    found, here = Path(str(_spec(point).origin)).parent, roots.find()
    ours = name in here.offered and found.is_relative_to(here.folder.resolve())
    return here.folder / found.relative_to(here.folder.resolve()) if ours else found


def _spec(point: importlib.metadata.EntryPoint) -> ModuleSpec:
    """Return where an entry point's module is."""
    with guarded(f"entry point {point.value}: cannot be found"):
        spec = importlib.util.find_spec(point.module)
    if spec is None or spec.origin is None:
        raise UsageError(f"entry point {point.value}: there is no module '{point.module}'; install its package again")
    return spec


def put_on_path() -> None:
    """Let the project's own studies be imported, before any that are installed."""
    folder = os.fspath(roots.find().path.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)


def load(name: str) -> Study:
    """Import one study and check its declaration; an unknown name is answered with the nearest known one.

    Raise UsageError, too, for whatever the study's own code raises meanwhile, and for a file of it that was edited
    since this process imported it: what is in memory would be taken for what lies there.
    """
    if _is_here(name):
        put_on_path()
        where, within = f"studies/{name}/__init__.py", f"studies.{name}"
        with guarded(f"{where}: cannot be imported"):
            study = getattr(importlib.import_module(within), "study", None)
    elif name in _entry_points():
        point = _entry_points()[name]
        where, within = f"entry point {point.value}", point.value.partition(":")[0]
        with guarded(f"{where}: cannot be imported"):
            study = point.load()
    else:
        known = names()
        if not known:
            raise UsageError(f"no study '{name}': {nowhere()}")
        raise UsageError(f"no study '{name}'{did_you_mean(name, known)} (studies: {', '.join(known)})")
    if not isinstance(study, Study):
        raise UsageError(f"{where}: declares no `study`; assign repro.study.Study(...) to that name")
    edited = _IMPORTED.setdefault(within, Package(within)).edited()
    if edited:
        raise UsageError(
            f"{edited}: written since this process imported it; begin a new one (in a notebook: restart the kernel)"
        )
    with guarded(f"{where}: cannot be held to its declaration"):  # which calls functions of the study's
        check_study(study, expected_name=name)
    return study


def profile(study: Study, name: str) -> Profile:
    """Return a profile of the study by name."""
    if name not in study.profiles:
        known = list(study.profiles)
        raise UsageError(
            f"study '{study.name}' has no profile '{name}'{did_you_mean(name, known)} (profiles: {', '.join(known)})"
        )
    return study.profiles[name]
