"""Tables, grids and colours for a terminal; nothing here computes a result."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType

from repro.errors import INFRASTRUCTURE, PASS

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any, TextIO

COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}
OWN = re.compile(r"(\x1b\[(?:0|1|31|32|33)m)")  # what `paint` writes, and nothing else that a terminal obeys
OBEYED = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}  # control, format, half a pair, no character, ends of lines
COMMAND = re.compile(r"(\s*)(::|##\[)")  # begins a line that GitHub's runner takes for a command


class Output:
    """Standard output while a verb has it: what the verb answers goes there, and nothing that foreign code prints.

    A reader that goes away, or a stream that was closed before, changes nothing else: the rest is dropped. Any other
    fault is kept, for `ended` to say.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.fault: OSError | None = None
        self.used = False  # something was answered

    def write(self, text: str) -> None:
        """Write a text and its end of line, now: what foreign code writes by itself comes after it."""
        self.used = True
        if self.stream is None:
            return
        try:
            self.stream.write(f"{text}\n")
            self.stream.flush()
        except BrokenPipeError:
            self.stream = None
        except OSError as error:
            self.stream, self.fault = None, error

    def ended(self, code: int) -> int:
        """Return the code that the verb came to, or 7 for a pass of which not all could be written."""
        if self.fault is None:
            return code
        say(f"standard output cannot be written ({self.fault.strerror}); make room, or name another file")
        return code or INFRASTRUCTURE


_held: list[Output] = []  # the one of the verb that runs, where one does


@contextlib.contextmanager
def held_output() -> Iterator[Output]:
    """Keep standard output for `answer`, and send to standard error what else this process and its children print."""
    if _held:  # a verb within a verb
        yield _held[-1]
        return
    _fill_gaps()
    before = sys.stdout
    with contextlib.ExitStack() as stack:
        errors = sys.stderr or stack.enter_context(open(os.devnull, "w"))
        own = _moved(before, stack)
        stack.enter_context(contextlib.redirect_stdout(errors))
        output = Output(own)
        _held.append(output)
        stack.callback(_held.pop)
        yield output
    flush()


def _fill_gaps() -> None:
    """Open nothing's device for a standard stream that is closed, lest the next file opened take its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _moved(before: TextIO | None, stack: contextlib.ExitStack) -> TextIO | None:
    """Return a stream of its own for standard output, whose number is standard error's until the stack ends."""
    try:
        numbered = before is not None and before.fileno() == 1
    except (OSError, ValueError):  # a test's stream, which has no number
        numbered = False
    if before is None or not numbered:
        return before
    before.flush()
    kept = os.dup(1)
    os.dup2(2, 1)

    def back() -> None:
        os.dup2(kept, 1)
        os.close(kept)

    stack.callback(back)
    own = open(  # noqa: SIM115 - a number is no path; closed with the stack
        os.dup(kept), "w", encoding=before.encoding, errors="backslashreplace"
    )
    stack.callback(_close, own)
    return own


def _close(stream: TextIO) -> None:
    with contextlib.suppress(OSError):
        stream.close()


def flush() -> None:
    """Write what standard output still holds, or nowhere: at its end the interpreter would fail where a reader left."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def answer(text: str = "", *, command: bool = False) -> None:
    """Print on standard output: lines of ours, whose texts of others can move no cursor and, but by `command`, none."""
    whole = "\n".join(line if command else plain_line(line) for line in text.split("\n"))
    (_held[-1] if _held else Output(sys.stdout)).write(whole)


def say(text: str, *, quiet: bool = False) -> None:
    """Print one line of talk on standard error, unless asked to be quiet."""
    if quiet or sys.stderr is None:
        return
    with contextlib.suppress(OSError):  # nobody listens, which changes no outcome
        print(plain_line(text.replace("\n", r"\n")), file=sys.stderr, flush=True)


def escape(text: str) -> str:
    """Return a text on one line of which a terminal, XML or a reviewer's eye takes nothing for more than a character.

    What cannot be seen is written as Python writes it: \\x1b, \\n, \\u202e.
    """
    if text.isprintable():
        return text
    return "".join(
        sign.encode("unicode_escape").decode("ascii") if unicodedata.category(sign) in OBEYED else sign for sign in text
    )


def plain_line(line: str) -> str:
    """Return a line to be printed, escaped but for our own colours, which begins no command of a runner."""
    parts = OWN.split(line) if coloured() else [line]
    whole = "".join(part if OWN.fullmatch(part) and coloured() else escape(part) for part in parts)
    begins = COMMAND.match(whole)
    return f"{begins[1]}\\x{ord(begins[2][0]):x}{whole[begins.end(1) + 1 :]}" if begins else whole


def print_json(value: Any) -> int:
    """Print a value as JSON on standard output and return the exit code of a pass."""
    import json

    answer(json.dumps(value, indent=2, default=str))
    return PASS


def coloured() -> bool:
    """Say whether standard output is a terminal and NO_COLOR is not set."""
    stream = _held[-1].stream if _held else sys.stdout
    return not os.environ.get("NO_COLOR") and stream is not None and stream.isatty()


class Painted(str):
    """A text that is escaped and has its colour."""

    __slots__ = ()


def paint(text: str, colour: str) -> str:
    """Return the text, escaped, in a colour where standard output is a terminal and NO_COLOR is not set."""
    plain = escape(text)
    return Painted(f"\x1b[{COLOURS[colour]}m{plain}\x1b[0m" if coloured() else plain)


def columns(headers: Sequence[str], rows: Sequence[Sequence[Any]], *, show: Callable[[Any], str] = str) -> str:
    """Return rows under headers, numbers to the right and words to the left; `show` gives the text of a cell."""
    texts = [[cell if isinstance(cell, Painted) else escape(show(cell)) for cell in row] for row in rows]
    headers = [escape(header) for header in headers]
    widths = [max(len(cell) for cell in column) for column in zip(headers, *texts, strict=True)]
    numeric = numbers(headers, rows)

    def line(cells: Sequence[str]) -> str:
        parts = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        ]
        return "  ".join(parts).rstrip()

    return "\n".join(line(cells) for cells in (headers, *texts))


def numbers(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[bool]:
    """Say of each column whether it holds numbers, and at most gaps (None) between them."""
    kinds = [{type(cell) for cell in column} for column in zip(*rows, strict=True)] or [set() for _ in headers]
    return [
        bool(found - {NoneType}) and all(issubclass(kind, int | float | NoneType) for kind in found) for found in kinds
    ]


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> list[str]:
    """Return the lines of a Markdown table, the columns said to be `right` set to that side."""
    sides = ["--:" if one else "---" for one in right] or ["---"] * len(headers)
    return [markdown_line(line) for line in (headers, sides, *rows)]


def markdown_line(cells: Sequence[str]) -> str:
    """Return one line of a Markdown table; a bar or a line's end inside a cell does not end the cell."""
    return f"| {' | '.join(escape(' '.join(cell.split())).replace('|', chr(92) + '|') for cell in cells)} |"


def duration(seconds: float | None) -> str:
    """Return seconds as a reader would say them: 42 s, 12 min, 3.5 h."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def counted(counts: Mapping[str, int]) -> str:
    """Return counts in words, without those of nothing: '2 deviates, 48 agrees'."""
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
