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
from repro.machine.foreign import guarded
from repro.study import Profile, Study

ENTRY_POINTS = "repro.studies"


def root() -> Path:
    """Return the project folder as seen from the working directory: the nearest one upwards that holds `studies/`."""
    if os.path.isdir("studies"):
        return Path(".")  # asked for thousands of times, and mostly so
    here = Path.cwd()
    found = next((folder for folder in (here, *here.parents) if (folder / "studies").is_dir()), here)
    return Path(os.path.relpath(found))


def names() -> list[str]:
    """Return the names of all studies: the packages below `studies/`, and the entry points of other packages."""
    return sorted({*_folders(), *_entry_points()})


def nowhere() -> str:
    """Say where studies were looked for, and where to go."""
    here = "neither the current folder nor one above it holds studies/NAME/__init__.py"
    return f"{here}, and no installed package offers one; go to the project's folder"


def _folders() -> list[str]:
    return sorted(path.parent.name for path in root().glob("studies/*/__init__.py") if path.parent.name != "common")


def _is_here(name: str) -> bool:
    """Say whether the project itself has a study of a name, as `_folders` lists them."""
    plain = name not in ("", "common") and os.path.basename(name) == name and "\0" not in name
    return plain and (root() / "studies" / name / "__init__.py").exists()


def _entry_points() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}


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
    """Return the folder that a study's declaration lies in, below the project's or where a package is installed."""
    point = None if _is_here(name) else _entry_points().get(name)
    if point is None:
        return root() / "studies" / name
    return Path(str(_spec(point).origin)).parent


def _spec(point: importlib.metadata.EntryPoint) -> ModuleSpec:
    """Return where an entry point's module is."""
    with guarded(f"entry point {point.value}: cannot be found"):
        spec = importlib.util.find_spec(point.module)
    if spec is None or spec.origin is None:
        raise UsageError(f"entry point {point.value}: there is no module '{point.module}'; install its package again")
    return spec


def put_on_path() -> None:
    """Let the project's own studies be imported, before any that are installed."""
    folder = os.fspath(root().resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)


def load(name: str) -> Study:
    """Import one study and check its declaration; an unknown name is answered with the nearest known one.

    Raise UsageError, too, for whatever the study's own code raises meanwhile.
    """
    if _is_here(name):
        put_on_path()
        where = f"studies/{name}/__init__.py"
        with guarded(f"{where}: cannot be imported"):
            study = getattr(importlib.import_module(f"studies.{name}"), "study", None)
    elif name in _entry_points():
        where = f"entry point {_entry_points()[name].value}"
        with guarded(f"{where}: cannot be imported"):
            study = _entry_points()[name].load()
    else:
        known = names()
        if not known:
            raise UsageError(f"no study '{name}': {nowhere()}")
        raise UsageError(f"no study '{name}'{did_you_mean(name, known)} (studies: {', '.join(known)})")
    if not isinstance(study, Study):
        raise UsageError(f"{where}: declares no `study`; assign repro.study.Study(...) to that name")
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
