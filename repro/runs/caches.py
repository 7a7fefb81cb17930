"""What a library keeps of what a study's code made before: a run of other code must not be given it."""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Packages whose cache knows imported functions by their names alone, each with its own function that turns it off:
# findings/datasets-map-keeps-old-code.sh.
OFF = {"datasets": "disable_caching"}


def keep_out() -> None:
    """Turn such caches off in this process: now where the package is there, else as soon as it is imported.

    What is fetched or converted is kept as ever. A study that knows better can turn the cache on again.
    """
    for name in OFF.keys() & sys.modules.keys():
        _turn_off(sys.modules[name])
    sys.meta_path.insert(0, _Watch())


class _Watch(MetaPathFinder):
    """Leaves it to the others to find a module, and sees to its cache once it was executed."""

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """Return what the others find of a package with such a cache, and nothing of all others."""
        if fullname not in OFF:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_without(module: ModuleType) -> None:
                execute(module)
                _turn_off(module)

            spec.loader.exec_module = execute_without  # type: ignore[method-assign]
        return spec


def _turn_off(package: ModuleType) -> None:
    off = getattr(package, OFF[package.__name__], None)
    if callable(off):  # else it is another one of that name
        off()
