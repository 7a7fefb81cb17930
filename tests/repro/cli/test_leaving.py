"""A process ends with its code, once what waits for the end has run, and nothing is taken down that need not be."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.sources import PROJECT

SCRIPT = """
import atexit, sys, threading, time, types
sys.path.insert(0, {root!r})
from repro.cli import ends

class Held:
    def __del__(self):
        sys.stderr.write("taken down")

atexit.register(print, "registered")
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
print("answer")
if {loaded!r}:
    sys.modules["torch"] = types.ModuleType("torch")
    sys.modules["torch"].held = Held()
ends.leave(3)
"""


@pytest.mark.parametrize("loaded", [True, False])
def test_everything_is_said_before_the_process_ends_with_its_code(loaded: bool) -> None:
    """With libraries that would be slow to leave, and without any."""
    script = SCRIPT.format(root=str(PROJECT), loaded=loaded)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "answer\nthread\nregistered\n", "")
