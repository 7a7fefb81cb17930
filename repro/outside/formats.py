"""The formats that can be read, and which one a path has."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

from repro.errors import NothingSelectedError, UsageError, did_you_mean
from repro.outside.logged import Log
from repro.outside.rows import form_of

READERS: tuple[str, ...] = (  # modules below readers/, in the order in which they are asked
    "lightning",
    "trainer",
    "model-card",
    "hydra",
    "lm-eval",
    "sacred",
    "openml",
    "automlbenchmark",
    "asv",
    "mlperf",
    "tensorboard",
    "mlflow",
    "wandb",
    "optuna",
)
TABLES = ("csv", "tsv", "json", "jsonl", "parquet")  # known by their names' ends, and asked last: readers/tables.py


def module(name: str) -> ModuleType:
    """Return the reader of a tool's format. Raise UsageError for an unknown one."""
    if name not in READERS:
        raise unknown(name)
    return importlib.import_module(f"repro.outside.readers.{name.replace('-', '_')}")


def unknown(name: str) -> UsageError:
    """Return the error of a format that is none."""
    known = [*READERS, *TABLES]
    return UsageError(f"--format {name}: no such format{did_you_mean(name, known)} (formats: {', '.join(known)})")


def recognised(path: Path) -> str:
    """Return the format of a file or folder.

    Raise UsageError where there is none, and where no reader or more than one knows it.
    """
    if not os.path.exists(path):  # be it because no disk could hold such a name
        raise UsageError(f"{path}: no such file or folder; name one that holds results")
    if not path.is_dir() and not path.is_file():
        raise UsageError(f"{path}: a pipe or a device, which might not end; write it to a file first")
    if path.is_dir() and not any(path.iterdir()):
        raise NothingSelectedError(f"{path}: an empty folder; name one that holds results")
    known = [name for name in READERS if module(name).recognises(path)]
    if not known and form_of(path):
        return form_of(path)
    if len(known) != 1:
        what = f"several formats know it ({', '.join(known)})" if known else "no format knows it"
        raise UsageError(f"{path}: {what}; name one by --format (formats: {', '.join((*READERS, *TABLES))})")
    return known[0]


def read(path: Path, form: str = "") -> Log:
    """Return what a tool kept in a file or folder, of a format that is named or recognised.

    A table is read by what is asked of it alone: `repro.outside.ask`.
    """
    found: Log = module(form or recognised(path)).read(path)
    return found
