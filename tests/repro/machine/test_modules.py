"""Modules are found where Python finds them, also where a name has been taken or a folder was left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from repro.machine.modules import Modules
from tests.sources import PROJECT

LAYOUTS = {  # files, the module that is asked for, and the file that Python reads
    "a folder of data beside a module": (["mine/model.py", "mine/model/weights.txt"], "mine.model", "mine/model.py"),
    "byte code of a package that is gone": (["mine/model.py", "mine/model/__pycache__/old.pyc"], "mine.model",
                                            "mine/model.py"),
    "a package beside a module": (["mine/model.py", "mine/model/__init__.py"], "mine.model", "mine/model/__init__.py"),
    "a name that Python has, too": (["code/__init__.py", "code/model.py"], "code.model", "code/model.py"),
    "a module called as one of Python's": (["queue.py"], "queue", "queue.py"),
    "a folder called as one of Python's": (["code/model.py"], "code", None),
    "what Python has built in": (["os.py"], "os", None),
}  # fmt: skip


@pytest.mark.parametrize("what", LAYOUTS)
def test_a_module_is_the_file_that_python_reads(what: str, tmp_path: Path) -> None:
    files, module, wanted = LAYOUTS[what]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "mine").mkdir(exist_ok=True)
    (tmp_path / "mine/__init__.py").touch()
    asked = f"import importlib, sys; print(getattr(importlib.import_module({module!r}), '__file__', None))"
    alone = [sys.executable, "-B", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {asked}"]
    read = subprocess.run(alone, capture_output=True, text=True, check=True).stdout.strip()
    assert (read == str(tmp_path / wanted)) if wanted else not read.startswith(str(tmp_path))
    ours = (
        "from repro.machine.modules import Modules; found = Modules('study').find"
        f"({module!r}); print(found.kind, found.path)"
    )
    path = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(PROJECT)!r}]"
    early = "import code, queue"  # which a process may have had before the project's folder was on its path
    for before in ("", early):
        line = [sys.executable, "-B", "-c", f"{before}\n{path}\n{ours}"]
        said = subprocess.run(line, capture_output=True, text=True, check=True).stdout.split()
        assert said == (["source", str(tmp_path / wanted)] if wanted else ["installed", "None"])


def test_a_folder_without_a_module_is_a_package_of_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("whole/__init__.py", "whole/parts/one.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    modules = Modules("study")
    assert [modules.find(f"whole{name}").kind for name in ("", ".parts", ".parts.one", ".none")] == [
        "source", "folder", "source", "absent",
    ]  # fmt: skip
