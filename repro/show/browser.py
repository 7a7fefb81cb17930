"""A picture of a page's first screen, taken by a headless browser that is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from repro.errors import InfrastructureError
from repro.machine import files

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SIZE = (1100, 800)  # of the window, in pixels
PATIENCE = 120  # seconds
FLAGS = ("headless=new", "disable-gpu", "disable-dev-shm-usage", "no-first-run", "hide-scrollbars")


def screenshot(page: Path, to: Path) -> None:
    """Write the first screen of a page as PNG. Raise InfrastructureError where no browser is, or it takes none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise InfrastructureError(f"{to}: no browser takes the picture ({', '.join(PROGRAMS)}); install Chromium")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "page.png"
        flags = [*FLAGS, f"user-data-dir={folder}/profile", f"window-size={SIZE[0]},{SIZE[1]}", f"screenshot={made}"]
        flags += ["no-sandbox"] if os.geteuid() == 0 else []  # which root cannot have
        command = [program, *(f"--{flag}" for flag in flags), page.resolve().as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as error:
            raise InfrastructureError(f"{to}: {program} took more than {PATIENCE} s; try again") from error
        if not made.exists():
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise InfrastructureError(f"{to}: {program} took no picture ({last[:200]}); run it by hand to see why")
        files.write(to, made.read_bytes())
