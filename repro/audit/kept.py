"""What was made from all that is here is kept beside what it follows from, and taken again while that is unchanged.

Below `results/kept/`, a file a study: its judgements, and its figures in another. A value is taken only where what was
asked, the code it reaches, the harness, the environment, and every table and file that was read for it are what they
were. A file holds the digest of what it says: one that was changed is refused, and says which to remove. Errors are not
kept, nor what followed from another program's answer.
"""

from __future__ import annotations

import dataclasses
import json
import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import registry
from repro.audit import claims, plain
from repro.audit.claims import Claim
from repro.audit.judges import JUDGES
from repro.audit.verdicts import ERROR, Judgement
from repro.errors import InfrastructureError, IntegrityError
from repro.machine import cache, terminal
from repro.machine.reads import Reads, recorded
from repro.runs import unchanged

FOLDER = Path("results", "kept")
REMEDY = "remove it, and what it kept is made again"
VERDICTS = "verdicts"  # what is kept of the blessed ones; no study has a dot in its name

Things = dict[str, str]  # contents by name, as `repro.runs.unchanged` has them


def published(study: str) -> str:
    """Return the digest of what a study's claims publish, empty where they cannot be read."""
    path = claims.claims_file(study)
    if not path.is_file():
        return ""
    found = claims.load(path, study, JUDGES)
    return unchanged.digest([[one.id, list(one.published)] for one in found])


@dataclass(frozen=True)
class One:
    """A value, what was asked for it, and the things that it follows from beside the harness and the environment."""

    things: Things
    asked: Any
    value: Any


class Kept:
    """What is kept of studies, for one command, and what it read so far: a study may remember that.

    With `anew` everything is made again and held to what is kept. Where code of the studies was imported before, nobody
    knows from which files, so nothing is taken or kept.
    """

    def __init__(self, *, anew: bool = False) -> None:
        self.anew = anew
        self.folder = registry.root() / FOLDER
        self.names = registry.names()
        tops = {registry.package(name).partition(".")[0] for name in self.names}  # which may import packages above
        self.early = not tops.isdisjoint(name.partition(".")[0] for name in sys.modules)
        self.about = {"harness": unchanged.harness(), "environment": unchanged.environment()}
        self.now = unchanged.Now({"published": published})
        self.reads = Reads(self.now.of, unchanged.covered(), self.now.follows)

    @contextmanager
    def shelf(self, name: str, study: str = "") -> Iterator[Shelf]:
        """Yield what is kept under a name, of a study or of none, and keep what was made when this ends well."""
        shelf = Shelf(self, self.folder / f"{name}.json", f"code:{registry.package(study)}" if study else "")
        yield shelf
        shelf.write()


class Shelf:
    """What is kept under one name: plain values by key, each beside what was asked and the things it follows from."""

    def __init__(self, kept: Kept, path: Path, code: str) -> None:
        self._kept, self._path, self._code = kept, path, code
        self._held: dict[str, One] = {}
        self._made: dict[str, One] = {}
        self._fresh = False
        if not kept.early:
            found = cache.read_sealed(path, REMEDY)
            if found.get("about") == kept.about:
                kept.now.learn(found["walks"])
                there = [things if kept.now.holds(things) else None for things in found["things"]]
                entries = ((key, there[place], rest) for key, (place, *rest) in found["made"].items())
                self._held = {key: One(things, *rest) for key, things, rest in entries if things is not None}
        if code:
            kept.now.of(code)  # before any of it is imported

    def made(
        self,
        key: str,
        asked: Any,
        make: Callable[[], Any],
        *,
        code: str = "",
        same: Callable[[Any, Any], bool] = operator.eq,
    ) -> Any:
        """Return the plain value that is kept under a key for what is asked, or the one that `make` makes now.

        `code` names a module that it follows from, beside the study's own; `make` returns None for what is not kept.
        Raise IntegrityError where everything is made anew and a value is not the `same` as the one that is kept.
        """
        kept, old = self._kept, self._held.get(key)
        taken = old if old is not None and old.asked == asked else None
        if taken is not None and not kept.anew:
            self._made[key] = taken
            return taken.value
        base = {name: kept.now.of(name) for name in filter(None, (self._code, f"code:{code}" if code else ""))}
        with recorded(kept.reads):
            value = make()
        if kept.early or value is None:
            return value
        if taken is not None and not same(taken.value, value):
            before, after = _short(taken.value), _short(value)
            raise IntegrityError(f"{self._path}: '{key}' was kept as {before}, and made anew it is {after}; {REMEDY}")
        if all(base.values()) and not kept.reads.strange and not kept.reads.spawned:
            self._made[key] = One(base | kept.reads.told | kept.reads.opened, asked, value)
            self._fresh = True
        return value

    def write(self) -> None:
        """Keep what was made, unless nothing is new; what changed while it was made is left out."""
        if not self._fresh or not cache.can_write(self._path.parent):
            return
        after = unchanged.Now({"published": published})
        after.learn(self._kept.now.walks)
        alike: dict[frozenset[tuple[str, str]], list[tuple[str, One]]] = {}  # claims that read the same
        for key, one in self._made.items():
            alike.setdefault(frozenset(one.things.items()), []).append((key, one))
        groups = [group for group in alike.values() if after.holds(group[0][1].things)]
        places = {key: place for place, group in enumerate(groups) for key, _ in group}
        made = {key: [places[key], one.asked, one.value] for key, one in self._made.items() if key in places}
        things = [dict(sorted(group[0][1].things.items())) for group in groups]
        used = {name.partition(":")[2] for group in things for name in group if name.startswith("code:")}
        walks = {name: walk for name, walk in after.walks.items() if name in used}
        content = {"about": self._kept.about, "walks": walks, "things": things, "made": made}
        try:
            cache.write_sealed(self._path, content)
        except (InfrastructureError, OSError) as error:  # no room, say: what was found is answered all the same
            terminal.say(f"note: {error}; nothing is kept for the next time")


def judgement(shelf: Shelf, claim: Claim, judge: Callable[[], Judgement], module: str) -> Judgement:
    """Return what is said of a claim, as it is kept or as it is judged now; `module` holds its function, if any."""
    said: list[Judgement] = []

    def make() -> Any:
        said.append(judge())
        return None if said[0].verdict == ERROR else plain.written(said[0])

    found = shelf.made(claim.id, _asked(claim), make, code=module, same=_same_verdict)
    if said:
        return said[0]
    kept: Judgement = plain.again(found)
    return kept


def _same_verdict(one: Any, other: Any) -> bool:
    """Say whether two judgements agree in what a bless holds them to; words of evidence may tell rounding errors."""
    return bool(plain.again(one).verdict == plain.again(other).verdict)


def _asked(claim: Claim) -> Any:
    """Return a claim as it is kept: all of it but its place in the file."""
    return unchanged.digest(repr(dataclasses.replace(claim, line=0)))


def blessed_verdicts(kept: Kept) -> list[dict[str, str]]:
    """Return the verdicts that were blessed, as they are kept or as they are read now."""

    def make() -> Any:
        from repro.audit import blessed

        return blessed.held(kept.folder.parent.parent)

    with kept.shelf(f"blessed.{VERDICTS}") as shelf:
        found: list[dict[str, str]] = shelf.made(VERDICTS, "", make)
    return found


def _short(value: Any) -> str:
    said = value["of"].get("verdict") if isinstance(value, dict) and isinstance(value.get("of"), dict) else None
    text = said or json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
