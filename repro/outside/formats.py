"""The formats that can be read, and which one a path has."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from repro.errors import InfrastructureError, UsageError, did_you_mean
from repro.outside.logged import Log

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


def module(name: str) -> ModuleType:
    """Return the reader of a format. Raise UsageError for an unknown one."""
    if name not in READERS:
        raise UsageError(
            f"--format {name}: no such format{did_you_mean(name, [*READERS])} (formats: {', '.join(READERS)})"
        )
    return importlib.import_module(f"repro.outside.readers.{name.replace('-', '_')}")


def recognised(path: Path) -> str:
    """Return the format of a file or folder.

    Raise InfrastructureError where there is none, UsageError where no reader or more than one knows it.
    """
    if not path.exists():
        raise InfrastructureError(f"{path}: no such file or folder")
    known = [name for name in READERS if module(name).recognises(path)]
    if len(known) != 1:
        what = f"several formats know it ({', '.join(known)})" if known else "no format knows it"
        raise UsageError(f"{path}: {what}; name one by --format (formats: {', '.join(READERS)})")
    return known[0]


def read(path: Path, form: str = "") -> Log:
    """Return what a file or folder holds, of a format that is named or recognised."""
    found: Log = module(form or recognised(path)).read(path)
    return found
