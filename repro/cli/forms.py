"""The forms that other tools read of a check or an audit: this run's answer, or that there is none; no earlier one."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from repro.cli.arguments import say
from repro.errors import ReproError, UsageError
from repro.machine import files, root

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from repro.show.exports import Item

NAMES = ("junit_xml", "sarif", "markdown")


def asked(arguments: Namespace) -> dict[str, Path]:
    """Return the files that are asked for by the name of their form, none for a verb that writes none."""
    found = {name: getattr(arguments, name, None) for name in NAMES}
    return {name: path for name, path in found.items() if path is not None}


def clear(arguments: Namespace) -> None:
    """Remove what an earlier run left where this one's answer is to stand: it may end without any, be it by a kill.

    Raise UsageError where two forms go to one file, InfrastructureError for a file that cannot be removed.
    """
    if twice := _twice(arguments):
        raise UsageError(f"{twice}: named for two forms; give each a file of its own")
    for path in asked(arguments).values():
        with files.refused(path):
            path.unlink(missing_ok=True)


def _twice(arguments: Namespace) -> str:
    """Return a file that two forms would go to, nothing where each has its own."""
    counts = Counter(path.resolve() for path in asked(arguments).values())
    return next((str(path) for path, count in counts.items() if count > 1), "")


def write(arguments: Namespace, tool: str, items: Sequence[Item], markdown: Callable[[], str]) -> None:
    """Write items in the forms that are asked for."""
    from repro.show import exports  # which costs as much as a tenth of a check

    makers = {"junit_xml": lambda: exports.junit(items), "sarif": lambda: exports.sarif(tool, items)}
    for name, path in asked(arguments).items():
        files.write(path, {**makers, "markdown": markdown}[name]())
        say(arguments, f"wrote {path}")


def unanswered(arguments: Namespace, code: int, text: str) -> None:
    """Write in the forms that are asked for that a verb was stopped by an error, with its exit code and what was said.

    Raise InfrastructureError where they cannot be written.
    """
    if not asked(arguments) or _twice(arguments):
        return
    from repro.show import exports

    suite, path = arguments.study or "all studies", Path("golden/audit.md")
    if arguments.verb == "check":
        suite, path = f"{suite}/{arguments.profile}", Path("golden", arguments.study, f"{arguments.profile}.md")
    try:
        with root.named(arguments.root):
            uri = exports.place(root.find().folder / path)
    except ReproError:  # which may be why there is no answer
        uri = path.as_posix()
    item = exports.of_no_answer(suite, uri, code, text)
    write(arguments, f"repro {arguments.verb}", [item], lambda: exports.no_answer_markdown(item))
