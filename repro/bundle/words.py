"""A stranger's words made fit to print: one line, nothing that a terminal obeys, of bounded length."""

from __future__ import annotations

WORD, LINE = 200, 2000  # characters of one thing that a bundle says, and of a line that is printed of it


def plain(text: object, limit: int = WORD) -> str:
    """Return a text with all that is not printable escaped, as line ends, and a lone surrogate, cut at `limit`."""
    cut = str(text)[: limit + 1]
    safe = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in cut)
    return safe if len(safe) <= limit else f"{safe[: limit - 3]}..."
