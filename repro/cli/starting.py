"""The verb that starts: new."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from repro.cli import arguments as options
from repro.cli.arguments import Verbs, say, verb
from repro.errors import PASS
from repro.machine.terminal import answer, print_json


def arguments(verbs: Verbs) -> None:
    """Add the verb and its options."""
    made = verb(verbs, "new", new, "repro new my_paper", "repro new my_paper --path ~/studies-of-mine/my_paper")
    made.add_argument("name", metavar="NAME", help="the study's and its package's name: small letters, digits and _")
    made.add_argument("--path", type=Path, metavar="FOLDER", help="where it goes (default: a new folder NAME here)")
    options.json(made)


def new(arguments: Namespace) -> int:
    """Make a study of one's own in a folder that is not there yet, and say what to do in it."""
    from repro.scaffold.begin import begin

    name = arguments.name
    folder = arguments.path or Path(name)
    made = begin(name, folder)
    if arguments.json:
        return print_json({"study": name, "folder": str(folder), "files": [str(path) for path in made]})
    answer(f"made {folder}: {len(made)} files")
    judged = f"`repro run {name} --profile paper` and `repro audit {name}`"
    say(arguments, f"go there; {judged} judge its document, and its README.md says more")
    return PASS
