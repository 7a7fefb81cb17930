"""Between which two outcomes something changed, and what was not the same then: environment, code, settings or data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from repro.golden.outcomes import Dated, Repeated

Facts = Mapping[str, tuple[str, ...]]
Both = tuple[Repeated, Repeated]  # a run as it was and as it is

# Facts of a record that move no number by themselves: what is installed from where, and what a table is written with.
IDLE = ("lock", "image", "engine", "data", "unfollowed")
IDLE_PACKAGES = ("packages.repro", "packages.pyarrow")
NOTHING = "nothing that is recorded"


@dataclass(frozen=True)
class Step:
    """What changed from one outcome to the next that has the same runs.

    `number` is the later one's place in the log; `before` and `after` say when they were, `shared` how many runs both
    have. `changed` are those whose bits are others, `causes` what of the records differs for them, or for all where
    none changed: one cause alone did it, several cannot be told apart. `unexplained` are changed runs for which nothing
    differs.
    """

    number: int
    before: str
    after: str
    shared: int
    changed: tuple[Repeated, ...]
    causes: tuple[str, ...]
    unexplained: tuple[Repeated, ...]

    @property
    def text(self) -> str:
        """Return in one line what changed, and by what."""
        why = "; ".join(self.causes) or NOTHING
        if not self.changed:
            return f"no bit changed, though {why}" if self.causes else ""
        one_of = "one or more of: " if len(self.causes) > 1 else ""
        return f"{len(self.changed)} of {self.shared} runs by {one_of}{why}"


def steps(outcomes: Sequence[Dated]) -> list[Step]:
    """Return the steps of a log, oldest first: each run is held to the last outcome before that has it."""
    last: dict[tuple[str, str, int], tuple[int, Repeated]] = {}
    found = []
    for number, now in enumerate(outcomes):
        pairs: dict[int, list[Both]] = defaultdict(list)
        for run in now.runs:
            if run.key in last:
                before, old = last[run.key]
                pairs[before].append((old, run))
        found += [step(outcomes[before], now, both, number) for before, both in sorted(pairs.items())]
        last |= {run.key: (number, run) for run in now.runs}
    return found


def step(before: Dated, after: Dated, both: Sequence[Both], number: int = 0) -> Step:
    """Return what changed between two outcomes, by runs that both have."""
    moved = [(old, new) for old, new in both if old.bits != new.bits]
    around = tuple(environment(before.facts, after.facts))
    own = [(old, new) for old, new in moved if not around and not _differs(old, new)]
    causes = (*around, *_code(before, after, moved or both), *_inputs(moved or both))
    changed, unexplained = (tuple(new for _, new in some) for some in (moved, own))
    return Step(number, before.when, after.when, len(both), changed, causes, unexplained)


def environment(before: Facts, after: Facts) -> Iterator[str]:
    """Yield what of two environments differs and can move a number, as "packages.torch 2.13.0 -> 2.14.1"."""
    for name in sorted({*before, *after}):
        if name.partition(".")[0] in IDLE or name in IDLE_PACKAGES:
            continue
        old, new = (" | ".join(facts.get(name, ("absent",))) for facts in (before, after))
        if old != new:
            yield f"{name} {old} -> {new}"


def _differs(old: Repeated, new: Repeated) -> bool:
    return (old.code, old.settings, old.data) != (new.code, new.settings, new.data)


def _code(before: Dated, after: Dated, both: Sequence[Both]) -> Iterator[str]:
    """Yield a text for each set of files that changed, with the experiments that reach them."""
    by: dict[str, dict[str, None]] = defaultdict(dict)
    for old, new in both:
        if old.code == new.code:
            continue
        names = sorted({*before.reaches.get(old.of, ()), *after.reaches.get(new.of, ())})
        digests = [(name, *(one.files.get(name, "absent") for one in (before, after))) for name in names]
        listed = [f"{name} {then} -> {now}" for name, then, now in digests if then != now and before.files]
        by[", ".join(listed) or f"fingerprint {old.code} -> {new.code}"][old.of] = None
    yield from (f"code of {', '.join(of)}: {listed}" for listed, of in by.items())


def _inputs(both: Sequence[Both]) -> Iterator[str]:
    """Yield a text for each change of settings or data, with the experiments that it concerns."""
    by: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for old, new in both:
        for name in ("settings", "data"):
            then, now = getattr(old, name) or "none", getattr(new, name) or "none"
            if then != now:
                by[name, f"{then} -> {now}"][old.of] = None
    yield from (f"{name} of {', '.join(of)}: {text}" for (name, text), of in by.items())
