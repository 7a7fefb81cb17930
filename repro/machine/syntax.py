"""What a piece of Python says: its form without layout, what it imports, and what it loads past all reading."""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SKIPPED_FIELDS = frozenset({"ctx", "type_comment", "kind", "type_params", "type_ignores"})
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # fields that hold statements, or what holds them
EVERYTHING = "*"
# Calls that bring in what no reading follows: by their own name, as methods or functions of a module, of some modules.
CODE = {
    "exec", "eval", "__import__", "import_module", "run_path", "run_module", "spec_from_file_location", "CDLL",
    "load_library", "LoadLibrary", "load_inline", "iter_modules", "walk_packages", "entry_points",
}  # fmt: skip
BY_NAME = {"open", "exec", "eval", "__import__"}
BY_EITHER = CODE - BY_NAME | {
    "read_csv", "read_parquet", "read_excel", "read_json", "read_pickle", "read_table", "read_feather", "read_hdf",
    "read_orc", "read_fwf", "read_sql", "scan_csv", "scan_parquet", "scan_ndjson", "load_dataset", "load_from_disk",
    "loadtxt", "genfromtxt", "fromfile", "memmap", "imread", "loadmat", "load_file", "safe_open", "get_data",
    "ConfigParser", "RawConfigParser", "ZipFile", "getenv",
}  # fmt: skip
BY_ATTRIBUTE = {"open", "read_text", "read_bytes", "from_pretrained"}
LOADING = {
    "np", "numpy", "torch", "pickle", "json", "yaml", "tomllib", "joblib", "scipy", "toml", "tomli", "omegaconf", "jax",
    "keras", "tensorflow", "cloudpickle", "dill", "onnx", "safetensors", "soundfile", "librosa", "torchaudio",
}  # whose `load` does, wherever it lies in them  # fmt: skip
OF_MODULES = {
    "h5py": {"File"}, "sqlite3": {"connect"}, "os": {"system", "popen"},
    "subprocess": {"run", "Popen", "call", "check_call", "check_output", "getoutput"},
}  # fmt: skip
PROGRAMS = OF_MODULES["subprocess"] | OF_MODULES["os"]
VARIABLES = {"environ", "getenv"}
WORDS = BY_NAME | BY_EITHER | BY_ATTRIBUTE | VARIABLES | OF_MODULES["os"] | (OF_MODULES.keys() - {"os"}) | {"load"}
LOADER = re.compile(rf"\b({'|'.join(sorted(WORDS))})\b")  # one of these stands in every module with such a call
IMPORTING = frozenset({"import_module", "__import__"})


@dataclass(frozen=True)
class Import:
    """One name that an import statement asks for. `guarded` says that the code goes on where no such module is."""

    module: str
    name: str = EVERYTHING
    level: int = 0
    guarded: bool = False


@dataclass(frozen=True)
class Facts:
    """What statements ask for: their imports, and in words what they load by other means."""

    imports: tuple[Import, ...]
    loads: tuple[str, ...]


@functools.cache
def tree_of(source: str) -> ast.Module:
    """Return the parsed source; callers only read it."""
    return ast.parse(source)


@functools.cache
def text_of_module(source: str) -> str:
    """Return the normal form of a module as JSON."""
    return normal_form(tree_of(source))


@functools.cache
def facts_of_module(source: str) -> Facts:
    """Return what a module asks for, in functions too."""
    body = tree_of(source).body
    # Looking at every expression costs as much as parsing: done only where a word could be such a call.
    if not LOADER.search(source):
        return Facts(tuple(dict.fromkeys(_imports(body, guarded=False))), ())
    return facts(body, origins(source))


@functools.cache
def origins(source: str) -> Mapping[str, str]:
    """Return what the imports of a module, in functions too, bind its names to, as `np` to numpy."""
    found = {}
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Import):
            found.update({one.asname: one.name for one in node.names if one.asname})
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.update({one.asname or one.name: f"{node.module}.{one.name}" for one in node.names})
    return found


@functools.cache
def _kept_fields(kind: str) -> tuple[str, ...]:
    return tuple(sorted(set(getattr(ast, kind)._fields) - SKIPPED_FIELDS))


def normal_form(node: Any) -> str:
    """Return a syntax tree as JSON: class names and fields that hold something; no positions, no docstrings.

    Empty fields go because each Python version adds some, and adjacent texts inside an f-string are joined because
    3.12 splits them elsewhere than 3.11.
    """
    if isinstance(node, list):
        return f"[{', '.join([normal_form(item) for item in node if not is_text(item)])}]"
    kind = type(node).__name__
    if not isinstance(node, ast.AST):
        return f'["{kind}", {json.dumps(repr(node))}]'
    form = [f'"{kind}"']
    for name in _kept_fields(kind):
        value = getattr(node, name, None)
        if name == "values" and isinstance(node, ast.JoinedStr):
            value = _joined(node.values)
        elif name == "format_spec" and isinstance(value, ast.JoinedStr) and not _joined(value.values):
            value = None
        if value is not None and value != []:
            form.append(f'["{name}", {normal_form(value)}]')
    return f"[{', '.join(form)}]"


def is_text(node: Any) -> bool:
    """Return whether a node is a docstring, or any other text that stands alone as a statement and does nothing."""
    return isinstance(node, ast.Expr) and _text(node.value) is not None


def _joined(values: Iterable[ast.expr]) -> list[ast.expr]:
    """Return an f-string's parts with adjacent texts joined and empty ones dropped."""
    joined: list[ast.expr] = []
    for value in values:
        text, last = _text(value), _text(joined[-1]) if joined else None
        if text is not None and last is not None:
            joined[-1] = ast.Constant(last + text)
        elif text != "":
            joined.append(value)
    return joined


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def facts(statements: Sequence[ast.AST], known: Mapping[str, str] | None = None) -> Facts:
    """Return what statements ask for, in functions and blocks too; `known` are their module's `origins`."""
    imports = [*_imports(statements, guarded=False)]
    loads: dict[str, None] = {}
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Call):
            name = _loader(node.func, known or {})
            last = name.rpartition(".")[2]
            named = _text(node.args[0]) if node.args else None
            if last in IMPORTING and named and not named.startswith("."):
                imports.append(Import(named, guarded=True))
            elif name and not _writes(name, node):
                loads[f"{_doing(name)} by {name}()"] = None
        elif isinstance(node, ast.Attribute | ast.Name) and _origin(node, known or {}) == "os.environ":
            loads["reads variables by os.environ"] = None
    return Facts(tuple(dict.fromkeys(imports)), tuple(loads))


def _doing(name: str) -> str:
    """Return in words what a call of this name does."""
    last = name.rpartition(".")[2]
    if last in CODE:
        return "loads code"
    return "runs a program" if last in PROGRAMS else "reads variables" if last in VARIABLES else "reads a file"


def _imports(statements: Iterable[ast.AST], *, guarded: bool) -> Iterator[Import]:
    """Yield the imports below statements; only what can hold statements is looked into."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, guarded=guarded) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (Import(node.module or "", alias.name, node.level, guarded) for alias in node.names)
        else:
            inside = guarded or (isinstance(node, ast.Try) and bool(node.handlers))
            for name in BLOCKS:
                yield from _imports(getattr(node, name, None) or (), guarded=inside) if _holds(node, name) else ()


def _holds(node: ast.AST, name: str) -> bool:
    """Say whether a field is a list of statements: a lambda's body is none."""
    return isinstance(getattr(node, name, None), list)


def _loader(function: ast.expr, known: Mapping[str, str]) -> str:
    """Return the name of a called function that brings in what is not followed, an empty text for any other."""
    if not isinstance(function, ast.Name | ast.Attribute):
        return ""
    origin, written = _origin(function, known), dotted(function)
    last = origin.rpartition(".")[2] if origin else function.attr if isinstance(function, ast.Attribute) else ""
    top = origin.partition(".")[0]
    if "." in origin and ((last == "load" and top in LOADING) or last in OF_MODULES.get(top, ())):
        return written
    if isinstance(function, ast.Name):
        return last if last in BY_NAME | BY_EITHER else ""
    return last if last in BY_ATTRIBUTE | BY_EITHER else ""


def _origin(node: ast.expr, known: Mapping[str, str]) -> str:
    """Return what a name with its attributes is called where it comes from; empty for any other expression."""
    first, dot, rest = dotted(node).partition(".")
    return f"{known.get(first, first)}{dot}{rest}"


def dotted(node: ast.AST) -> str:
    """Return a name with its attributes, as `a.b`; empty for any other expression."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def _writes(name: str, call: ast.Call) -> bool:
    """Say whether an `open` is seen to write: the mode is written down and has none of r and +."""
    given = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    modes = [text for text in map(_text, given) if text and set(text) <= set("rwaxbt+")]
    return name == "open" and bool(modes) and not set(modes[-1]) & set("r+") and bool(set(modes[-1]) & set("wax"))
