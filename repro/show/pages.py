"""Pages of the documentation that hold tables: blocks between two comments, whose content is computed, never typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.audit import blessed, claims
from repro.audit.claims import Claim
from repro.audit.judges import JUDGES
from repro.audit.verdicts import IMPORTED, VERDICTS
from repro.errors import InfrastructureError, IntegrityError, UsageError
from repro.machine.terminal import markdown
from repro.show.telling import tally

START = re.compile(r"\s*<!--\s*table:(?P<words>.*?)-->\s*")
END = re.compile(r"\s*<!--\s*/table\s*-->\s*")
FENCE = re.compile(r"\s*(?:```|~~~)")
WORDS = ("STUDY", "PROFILE", "FIGURE")
EXAMPLE = f"<!-- table: {' '.join(WORDS)} --> ... <!-- /table -->"


@dataclass(frozen=True)
class Block:
    """A table's place on a page, and what belongs there; lines count from 1, `first` and `last` are the comments."""

    page: str
    first: int
    last: int
    study: str
    profile: str
    figure: str

    @property
    def where(self) -> str:
        """Return page and line, as an error names them."""
        return f"{self.page}, line {self.first}"


def read(path: Path) -> str:
    """Return a page's text. Raise UsageError where there is none, IntegrityError where it is no text."""
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageError(f"{path}: no such page; wanted a Markdown file with blocks {EXAMPLE}") from error
    except OSError as error:
        raise InfrastructureError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from error
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path}: not UTF-8 at byte {error.start}; restore the page") from error


def blocks(text: str, page: str) -> list[Block]:
    """Return the blocks of a page in order; what stands in a fenced listing is none.

    Raise UsageError, with the line, for a block that is not closed, never began, or does not name three things.
    """
    found: list[Block] = []
    opened: tuple[int, list[str]] | None = None
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        fenced ^= bool(FENCE.match(line))
        if fenced:
            continue
        start, end = START.fullmatch(line), END.fullmatch(line)
        if start and opened:
            raise UsageError(
                f"{page}, line {number}: a table begins before the one of line {opened[0]} ends; "
                "put <!-- /table --> between them"
            )
        if start:
            words = start["words"].split()
            if len(words) != len(WORDS):
                raise UsageError(
                    f"{page}, line {number}: a table names {' '.join(WORDS)}, got {' '.join(words) or 'nothing'!r}; "
                    f"write {EXAMPLE}"
                )
            opened = (number, words)
        if end and not opened:
            raise UsageError(f"{page}, line {number}: a table ends here and none began; write {EXAMPLE}")
        if end and opened:
            found.append(Block(page, opened[0], number, *opened[1]))
            opened = None
    if opened:
        raise UsageError(
            f"{page}, line {opened[0]}: the table '{' '.join(opened[1])}' does not end; put <!-- /table --> below it"
        )
    return found


def rewritten(text: str, page: str, content: Callable[[Block], str | None]) -> str:
    """Return a page with the content of every block computed anew; None leaves a block as it is."""
    lines = text.split("\n")
    for block in reversed(blocks(text, page)):
        made = content(block)
        if made is not None:
            lines[block.first : block.last - 1] = ["", *made.split("\n"), ""]
    return "\n".join(lines)


BLOCK = ("<!-- verdicts -->", "<!-- /verdicts -->")  # a page's place for the counts of blessed verdicts


def counts(root: Path) -> list[str]:
    """Return how many blessed distinct claims each document has of each verdict, as the lines of a Markdown table.

    What imported runs gave is counted apart, as "imported". Beside them those that restate another or hold by
    definition, which are not counted. Raise UsageError where a blessed verdict is of a claim that is not there.
    """
    held = blessed.held(root)
    found = {study: _paired(study, held) for study in sorted({row["study"] for row in held})}
    found["all"] = [pair for pairs in found.values() for pair in pairs]
    brought = any(row["verdict"].endswith(IMPORTED) for row in held)
    lines = []
    for name, pairs in found.items():
        made = tally(pairs)
        own = [made.by.get(word, 0) for word in VERDICTS]
        numbers = [made.distinct, *own, *[made.imported] * brought, made.restating, made.by_definition]
        lines.append((name, *map(str, numbers)))
    headers = ("document", "distinct claims", *VERDICTS, *["imported"] * brought, "restating", "by definition")
    return markdown(headers, lines, [name != "document" for name in headers])


def _paired(study: str, held: Sequence[Mapping[str, str]]) -> list[tuple[Claim, str]]:
    """Return a study's claims with their blessed verdicts."""
    path = claims.claims_file(study)
    known = {claim.id: claim for claim in claims.load(path, study, JUDGES)}
    mine = {row["id"]: row["verdict"] for row in held if row["study"] == study}
    gone = sorted(mine.keys() - known.keys())
    if gone:
        raise UsageError(
            f"{path}: no claim '{gone[0]}', of which a verdict is blessed; bless the verdicts of now first"
        )
    return [(known[name], verdict) for name, verdict in mine.items()]


def with_counts(text: str, root: Path, page: str) -> str:
    """Return a page's text with its block of verdicts made anew. Raise UsageError for a page without exactly one."""
    start, end = BLOCK
    if text.count(start) != 1 or text.count(end) != 1 or text.index(end) < text.index(start):
        raise UsageError(
            f"{page}: wanted one block {start} ... {end}, each on a line of its own; write it where it belongs"
        )
    before, _, rest = text.partition(start)
    return before + start + "\n" + "\n".join(counts(root)) + "\n" + end + rest.partition(end)[2]
