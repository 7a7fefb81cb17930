"""What every test shares: one thread, settled examples, and the folder of real data where there is one."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.sources import PROJECT

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Before a test imports torch, which reads them once.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A blessing is entered in the log under the name that git knows, and a new machine's git knows none.
for variable, value in (("GIT_COMMITTER_NAME", "Test"), ("GIT_COMMITTER_EMAIL", "test@example.invalid")):
    os.environ.setdefault(variable, value)

# Byte code is a source's by its size and the second it was written in: a test may edit a study within one. Whatever the
# shell says, it is the same for all that tests start: what an audit keeps is of one environment.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

# A shell lets what it starts in the background ignore Ctrl-C, and so would all that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure, and CI looks at the same examples every time.
hypothesis.settings.register_profile("project", deadline=None, derandomize="CI" in os.environ, print_blob=True)
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real data sets, or skip: it is not part of the project."""
    folder = Path(os.environ.get("REPRO_DATA_DIR") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder.name} is not a folder; set REPRO_DATA_DIR to one that holds mnist/")
    return folder


@pytest.fixture(scope="session")
def oracle(shared: Path) -> Mapping[str, NDArray[Any]]:
    """Return outputs of the original code of the second study on fixed inputs, or skip: they are not ours to keep."""
    import numpy as np

    path = shared.parent / "oracle" / "sesn-oracle.npz"
    if not path.is_file():
        pytest.skip(f"no outputs of the original code: {path.name} is not in {path.parent.name}/ beside the real data")
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)
