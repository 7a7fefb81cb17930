"""What pre-commit calls: `python -m repro.cli.hooks FILE...` reads claims as the audit reads them, and runs nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from repro.cli import ends
from repro.errors import PASS, ReproError
from repro.machine.terminal import answer, say


def main(paths: Sequence[str]) -> int:
    """Read files of claims and return the exit code of the first that is none; each mistake is a line of its own."""
    return ends.end("hook", lambda: read(paths))


def read(paths: Sequence[str]) -> int:
    """Read files of claims, wherever they lie: their study need not be installed."""
    from repro.audit import claims
    from repro.audit.judges import JUDGES

    code = PASS
    for name in paths:
        path = Path(name)
        try:
            answer(f"{name} {len(claims.load(path, path.absolute().parent.name, JUDGES))} claims")
        except ReproError as error:
            say(str(error))
            code = code or error.exit_code
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
