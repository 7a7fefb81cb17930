"""Small packages laid out in a folder, with one text changed, to be imported anew."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest


def lay(root: Path, files: Mapping[str, str], change: Sequence[str] = ()) -> None:
    """Write texts by path below a folder; `change` is a path, and what of its text becomes what, if it is any."""
    texts = dict(files)
    if change:
        path, old, new = change
        assert old in texts[path]
        texts[path] = texts[path].replace(old, new)
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def forget(patch: pytest.MonkeyPatch, *packages: str) -> None:
    """Let the next import of these packages read them again."""
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        patch.delitem(sys.modules, name)
