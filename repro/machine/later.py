"""Modules that evidence imports and hardly uses: they stand in the import system by name, and are loaded when used.

An optimiser, and the shape rules of tensors without memory, import all of torch's compiler to tell it to leave them
alone, and so does torchvision for an operator that may be compiled; scipy's signals import all of its statistics.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
SHAPES = "torch.fx.experimental.symbolic_shapes"


class StandIn(ModuleType):
    """Answer for a module what needs none of it; anything else loads the module and is asked of that."""

    def __init__(self, name: str, answers: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        self.__dict__.update(answers)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # who looks through all modules, for a file say, wants none of this one
            raise AttributeError(f"module '{self.__name__}' is not loaded, so it has no '{name}'")
        return getattr(load(self.__name__), name)


class _Below:
    """Find what lies below a module that is stood in for, once that is loaded."""

    @staticmethod
    def find_spec(name: str, *_: object) -> Any:
        """Return how to take a module that is there after its parents were loaded; None for others and without one."""
        parents = [one for one in STOOD_FOR if name.startswith(f"{one}.") and isinstance(sys.modules.get(one), StandIn)]
        if not parents:
            return None
        for parent in parents:
            load(parent)
        importlib.import_module(name)
        return importlib.machinery.ModuleSpec(name, _There(name))  # type: ignore[arg-type]


class _There:
    """Take a module that is imported already."""

    def __init__(self, name: str) -> None:
        self._module = sys.modules[name]
        self._spec = self._module.__spec__

    def create_module(self, _: object) -> ModuleType:
        """Return the module."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module as it is, its own way of being found included."""
        module.__spec__ = self._spec


def load(name: str) -> ModuleType:
    """Return a module itself, imported now where another stands in for it; so are those above and below it."""
    for one in STOOD_FOR:
        akin = f"{one}.".startswith(f"{name}.") or f"{name}.".startswith(f"{one}.")
        if akin and isinstance(sys.modules.get(one), StandIn):
            del sys.modules[one]
    return importlib.import_module(name)


def _left_alone(function: Callable[..., Any] | None = None, *given: Any, **named: Any) -> Callable[..., Any]:
    """Return a function that the compiler, once it is loaded, leaves alone as it was told; until then itself."""
    if function is None:
        told: Callable[..., Any] = load(COMPILER).disable(*given, **named)
        return told

    def alone(*arguments: Any, **options: Any) -> Any:
        compiler = sys.modules.get(COMPILER)
        if compiler is None or isinstance(compiler, StandIn):
            return function(*arguments, **options)
        return compiler.disable(function, *given, **named)(*arguments, **options)

    return alone


def _compiles(*given: Any, **named: Any) -> Any:
    return load(f"{COMPILER}.utils").is_compile_supported(*given, **named)


def _is_known(size: Any) -> bool:
    return type(size) in (bool, int) or (isinstance(size, tuple | list) and all(map(_is_known, size)))


def _plain(size: Any) -> Any:
    return list(map(_plain, size)) if isinstance(size, tuple | list) else size


def _of_numbers(name: str, answer: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    """Return one of the functions on sizes and what they are held to: of numbers by `answer`, else the module's own."""

    def said(*given: Any, **named: Any) -> Any:
        if named or not all(map(_is_known, given)):
            return getattr(load(SHAPES), name)(*given, **named)
        return answer(list(given))

    return said


TRUE_WHERE_ALL_ARE = (
    "expect_true", "guard_or_false", "guard_or_true", "guard_size_oblivious", "statically_known_true", "sym_and",
)  # fmt: skip
NUMBERED: dict[str, Callable[[list[Any]], Any]] = {
    **dict.fromkeys(TRUE_WHERE_ALL_ARE, all),
    "sym_or": any,
    "sym_eq": lambda given: _plain(given[0]) == _plain(given[1]),
    "is_nested_int": lambda _: False,
    "has_guarding_hint": lambda _: True,
    "guarding_hint_or_throw": lambda given: given[0],
}
# In each, what is asked for where nothing is compiled: that nothing is, and that sizes are numbers.
STOOD_FOR: dict[str, dict[str, Any]] = {
    COMPILER: {"disable": _left_alone, "graph_break": lambda *_, **__: None},
    f"{COMPILER}.utils": {"is_compile_supported": _compiles},
    SHAPES: {name: _of_numbers(name, answer) for name, answer in NUMBERED.items()},
    "sympy": {"Basic": type("Basic", (), {})},  # of which there is none before it is loaded
    "scipy.signal": {},
    "scipy.stats": {},
}


@contextmanager
def when_used() -> Iterator[None]:
    """Let the modules of this table be loaded when something of them is used; those that are loaded stay."""
    standing = {name: StandIn(name, STOOD_FOR[name]) for name in STOOD_FOR if name not in sys.modules}
    finder = _Below()
    sys.modules.update(standing)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, one in standing.items():
            if sys.modules.get(name) is one:
                del sys.modules[name]
