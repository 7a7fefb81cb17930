"""Where in a document a claim stands: its lines, and a digest that tells whether they still say what they said.

No sentence of a document is kept; whoever has the document can hold the claims to it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.audit.claims import Claim
from repro.errors import UsageError
from repro.machine import files

DIGITS = 16  # of the digest that are kept
NUMBER = re.compile(r"[0-9]+")
MARK = "\ufeff"  # that some editors write before the first character to say how a file is encoded


@dataclass(frozen=True)
class Text:
    """A document as lines, the first of which is line 1."""

    path: Path
    lines: Sequence[str]

    def passage(self, claim: Claim) -> str:
        """Return the text of a claim's lines, "" for one that names none. Raise UsageError where it is not there."""
        if not claim.lines:
            return ""
        if max(int(number) for number in NUMBER.findall(claim.lines)) > len(self.lines):
            raise UsageError(f"lines {claim.lines}: {self.path} has {len(self.lines)} lines; name those of the passage")
        text = normal(self.lines[number - 1] for number in numbers_of(claim.lines))
        if not text:
            raise UsageError(f"lines {claim.lines} of {self.path} are blank; name the lines that hold the passage")
        if (found := digest(text)) != claim.digest:
            named = f"its digest {claim.digest}" if claim.digest else "no digest yet"
            raise UsageError(
                f"lines {claim.lines} of {self.path} are not the passage by {named}; name the lines that hold it, or "
                f'write digest = "{found}" where these do: {text!r:.120}'
            )
        return text


def read(path: Path) -> Text:
    """Read a document. Raise UsageError where there is none, IntegrityError where it is no text."""
    if not files.there(path):
        raise UsageError(f"{path}: no such document; name the text that the claims are of")
    text = files.read_text(path, "document", "give it as text").removeprefix(MARK)
    return Text(path, text.split("\n"))


def numbers_of(lines: str) -> list[int]:
    """Return the numbers of lines such as "12-14, 20", in order."""
    found: set[int] = set()
    for part in lines.split(", "):
        first, _, last = part.partition("-")
        if int(last or first) < int(first):
            raise UsageError(f"lines {lines!r}: the first comes before the last")
        found |= set(range(int(first), int(last or first) + 1))
    return sorted(found)


def normal(lines: Iterable[str]) -> str:
    """Return lines as one text in which spaces, line ends and forms of one character make no difference."""
    return " ".join(unicodedata.normalize("NFKC", "\n".join(lines)).split())


def digest(text: str) -> str:
    """Return the first sixteen hexadecimal digits of the SHA-256 of a normal text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:DIGITS]
