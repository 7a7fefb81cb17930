"""Errors a user can act on: what, where, got, next step, and the exit code that goes with it."""

from __future__ import annotations

SOFTWARE = 70  # an error that nobody foresaw, of a study's code or of ours (EX_SOFTWARE): no verdict at all


class ReproError(Exception):
    """Stop with one clear line; `exit_code` is the process's exit status."""

    exit_code = SOFTWARE


class UsageError(ReproError):
    """The request or a declaration is wrong (exit 2)."""

    exit_code = 2


class CannotCompareError(ReproError):
    """Two things were to be compared and cannot be (exit 3)."""

    exit_code = 3


class NothingSelectedError(ReproError):
    """A selection matched nothing (exit 5)."""

    exit_code = 5


class IntegrityError(ReproError):
    """A file is not what it should be: hash, schema or content (exit 6)."""

    exit_code = 6


class InfrastructureError(ReproError):
    """The machine cannot do it now: no GPU, no memory, no time, no data (exit 7)."""

    exit_code = 7


PASS = 0
DEVIATION = 1
USAGE = UsageError.exit_code
CANNOT_COMPARE = CannotCompareError.exit_code
UNDERPOWERED = 4  # asked to be sure that a check could have seen what matters, and it could not
NOTHING_SELECTED = NothingSelectedError.exit_code
INTEGRITY = IntegrityError.exit_code
INFRASTRUCTURE = InfrastructureError.exit_code
INTERRUPTED = 130


def did_you_mean(word: str, known: list[str]) -> str:
    """Return '; did you mean ...?' for the nearest known word, or an empty string."""
    import difflib  # here, since every start of the command line passes this module

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""
