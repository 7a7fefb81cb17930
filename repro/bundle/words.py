"""A stranger's words made fit to print: one line, nothing that a terminal obeys, of bounded length."""

from __future__ import annotations

from repro.machine.terminal import escape

WORD, LINE = 200, 2000  # characters of one thing that a bundle says, and of a line that is printed of it


def plain(text: object, limit: int = WORD) -> str:
    """Return a text with all that is not printable escaped, as line ends, and a lone surrogate, cut at `limit`."""
    safe = escape(str(text)[: limit + 1])
    return safe if len(safe) <= limit else f"{safe[: limit - 3]}..."
