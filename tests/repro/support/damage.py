"""Damage the files of a project at random, and ask the verbs that read them: how each ends, and what it left changed.

Asked in a process of its own, `python -m tests.repro.support.damage FOLDER SEED COUNT`, for one start-up in all; the
answer is a line of JSON for each damage.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from repro.cli.main import main

Chance = random.Random
Bytes = Callable[[bytes, Chance], bytes]
GOLDEN = "golden/montecarlo/smoke.parquet"
FRESH = "fresh.parquet"
KEPT = "cache/repro/generated/*.npz"  # which bears the hash of its code in its name
CHECK = ("check", "montecarlo", "--results", FRESH, "--no-confirm")
AUDIT, FIGURE, BUNDLE = ("audit",), ("figures", "montecarlo", "spread"), ("bundle", "montecarlo", "--results", FRESH)
BLESS = ("bless", "montecarlo", "--reason", "again", "--dry-run", "--results", FRESH)
OF_TABLES = (CHECK, BLESS, ("diff", FRESH, GOLDEN), ("merge", FRESH, "--out", "out.parquet", "--dry-run"), BUNDLE)
OF_GOLDENS = (CHECK, ("plan", "montecarlo", "--fresh", "1"), AUDIT, FIGURE, BUNDLE)
OF_STUDIES = (("list",), ("show", "kept"), ("plan", "kept"), ("status",), ("data",))
# Each file that is damaged, and the verbs that read it.
TARGETS: dict[str, tuple[tuple[str, ...], ...]] = {
    FRESH: OF_TABLES,
    "results/kept/smoke.parquet": (("status",), ("plan", "kept"), ("run", "kept", "--dry-run")),
    GOLDEN: OF_GOLDENS,
    "golden/montecarlo/smoke.bands.parquet": OF_GOLDENS,
    "golden/montecarlo/smoke.md": (CHECK, BUNDLE),
    "golden/log.jsonl": (CHECK, AUDIT, BUNDLE, ("verify", "whole.zip")),
    "golden/audit.parquet": (AUDIT,),
    "golden/audit.md": (AUDIT,),
    "studies/montecarlo/claims.toml": (AUDIT, ("report",), BUNDLE),
    "studies/kept/__init__.py": OF_STUDIES,
    KEPT: (("data", "squares"), ("data",)),
}  # fmt: skip


# Bytes of any file


def cut(content: bytes, chance: Chance) -> bytes:
    return content[: chance.randrange(len(content))]


def beheaded(content: bytes, chance: Chance) -> bytes:
    return content[chance.randrange(1, len(content)) :]


def hole(content: bytes, chance: Chance) -> bytes:
    begin = chance.randrange(len(content))
    size = chance.randint(1, 64)
    return content[:begin] + b"\0" * size + content[begin + size :]


def flipped(content: bytes, chance: Chance) -> bytes:
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 8))):
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    return bytes(made)


def shuffled(content: bytes, chance: Chance) -> bytes:
    size = max(1, len(content) // 8)
    parts = [content[place : place + size] for place in range(0, len(content), size)]
    chance.shuffle(parts)
    return b"".join(parts)


def doubled(content: bytes, chance: Chance) -> bytes:
    return content + content


def followed(content: bytes, chance: Chance) -> bytes:
    return content + chance.randbytes(chance.randint(1, 99))


def noise(content: bytes, chance: Chance) -> bytes:
    return chance.randbytes(chance.randint(1, 5000))


def zeros(content: bytes, chance: Chance) -> bytes:
    return b"\0" * len(content)


def other_encoding(content: bytes, chance: Chance) -> bytes:
    text = content.decode("utf-8", "replace") + "\u00e9"
    return text.encode(chance.choice(("utf-16", "utf-32", "utf-8-sig", "latin-1", "utf-7")), "replace")


ANY: tuple[Bytes, ...] = (
    cut, beheaded, hole, flipped, shuffled, doubled, followed, noise, zeros, other_encoding,
    lambda content, chance: b"", lambda content, chance: content.replace(b"\n", b"\r"),
)  # fmt: skip
VALUES = (
    b"null", b"true", b"-1", b"1e999", b"NaN", b'""', b"[]", b"{}", b'{"a": {}}', b"9" * 5000, b'"\\ud800"', b"3.5",
    b"[" * 5000, b'"x\\n::error::y"', b"1979-05-27", b"inf",
)  # fmt: skip


def other_value(content: bytes, chance: Chance) -> bytes:
    """Put another value after one of the signs that stand before one."""
    signs = [place for place, byte in enumerate(content) if byte in b":="]
    if not signs:
        return chance.choice(VALUES)
    at = chance.choice(signs) + 1
    end = next((place for place in range(at, len(content)) if content[place] in b",\n}"), len(content))
    return content[:at] + b" " + chance.choice(VALUES) + content[end:]


def line_twice(content: bytes, chance: Chance) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    return b"".join(lines)


def line_less(content: bytes, chance: Chance) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    lines.pop(chance.randrange(len(lines)))
    return b"".join(lines)


TEXT: tuple[Bytes, ...] = (other_value, other_value, other_value, line_twice, line_less)


# Tables


def parquet(change: Callable[[pa.Table, Chance], pa.Table]) -> Bytes:
    """Return what changes a table and writes it as any writer would."""

    def damage(content: bytes, chance: Chance) -> bytes:
        made = change(pq.ParquetFile(pa.BufferReader(content)).read(), chance)
        sink = pa.BufferOutputStream()
        pq.write_table(made, sink)
        return sink.getvalue().to_pybytes()

    return damage


def retyped(some: pa.Table, chance: Chance) -> pa.Table:
    place = chance.randrange(some.num_columns)
    kind = chance.choice((pa.string(), pa.large_string(), pa.float32(), pa.int8(), pa.bool_(), pa.null(), pa.binary()))
    empty = pa.array([None] * some.num_rows, kind)
    return some.set_column(place, pa.field(some.column_names[place], kind), empty)


ODD: dict[str, Sequence[Any]] = {
    "int64": (-1, 2**62, 0), "int32": (-1, 2**31 - 1, 0), "double": (float("nan"), float("inf"), 1.7e308, -0.0),
    "string": ("", "x" * 100_000, "a\n::error::b", "{", "[1]", "\u202e", '{"shape": 3}', "{}"), "bool": (True, False),
}  # fmt: skip


def odd_cell(some: pa.Table, chance: Chance) -> pa.Table:
    """Put an odd value into one cell, or into all of a column."""
    place = chance.choice([at for at, field in enumerate(some.schema) if str(field.type) in ODD])
    field = some.schema.field(place)
    values = some.column(place).to_pylist()
    odd = chance.choice([*ODD[str(field.type)], *([None] if field.nullable else [])])
    for at in range(len(values)) if chance.random() < 0.5 else [chance.randrange(len(values))]:
        values[at] = odd
    return some.set_column(place, field, pa.array(values, field.type))


def said_otherwise(some: pa.Table, chance: Chance) -> pa.Table:
    """Change what a table says of itself, somewhere within the JSON where it is some."""
    metadata = dict(some.schema.metadata or {})
    name = chance.choice(sorted(metadata))
    metadata[name] = chance.choice((other_value, cut, flipped))(metadata[name], chance)
    return some.replace_schema_metadata(metadata)


TABLES: tuple[Bytes, ...] = tuple(
    parquet(change)
    for change in (
        retyped, odd_cell, odd_cell, odd_cell, said_otherwise, said_otherwise,
        lambda some, chance: some.slice(0, 0),
        lambda some, chance: some.replace_schema_metadata(None),
        lambda some, chance: some.select([*some.column_names][::-1]),
        lambda some, chance: some.drop_columns([chance.choice(some.column_names)]),
        lambda some, chance: some.append_column(chance.choice(some.column_names), some.column(0)),
        lambda some, chance: pa.concat_tables([some, some.slice(chance.randrange(some.num_rows), 1)]),
        lambda some, chance: some.take(pa.array(chance.sample(range(some.num_rows), some.num_rows))),
    )
)  # fmt: skip


# What stands in a file's place


def in_place(path: Path, chance: Chance) -> None:
    """Put something that is no file where one was."""
    path.unlink()
    chance.choice(
        (
            Path.mkdir, os.mkfifo, lambda here: here.symlink_to(here), lambda here: here.symlink_to("nowhere"),
            lambda here: here.symlink_to("/dev/zero"), lambda here: here.symlink_to(here.parent),
            lambda here: here.symlink_to("/dev/null"),
        )
    )(path)  # fmt: skip


def placed(folder: Path, name: str) -> Path:
    """Return the file of a project that a name or a pattern means."""
    return next(folder.glob(name))


def damage(folder: Path, name: str, chance: Chance) -> str:
    """Damage one file of a project and say how."""
    path = placed(folder, name)
    if chance.random() < 0.12:
        in_place(path, chance)
        return "not a file"
    if chance.random() < 0.12:
        other = chance.choice([one for one in TARGETS if one != name])
        path.write_bytes(placed(folder, other).read_bytes())
        return f"swapped for {other}"
    own = (*TABLES, *TABLES) if name.endswith(".parquet") else () if name.endswith(".npz") else (*TEXT, *TEXT, *TEXT)
    change = chance.choice((*ANY, *own))
    path.write_bytes(change(path.read_bytes(), chance))
    return getattr(change, "__name__", "changed")


# Asking


def state(folder: Path) -> dict[str, str]:
    """Return what every file of a project is, its git and what Python compiles left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if ".git" in path.parts or "__pycache__" in path.parts or path.suffix == ".lock":
            continue
        mode = path.lstat().st_mode
        plain = stat.S_ISREG(mode)
        found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest() if plain else str(mode)
    return found


def asked(line: Sequence[str]) -> tuple[int, str, str]:
    """Return how a verb ends in this process, and what it says on either stream; no study is known from before."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "studies"]:
        del sys.modules[name]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(line)
    return code, out.getvalue(), err.getvalue()


def put_back(folder: Path, whole: Path, name: str) -> None:
    held = placed(whole, name)
    path = folder / held.relative_to(whole)
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    shutil.copy2(held, path)


def ask(folder: Path, seed: int, count: int) -> list[dict[str, Any]]:
    """Damage a project so often, each time from whole, and ask one verb of those that read the file."""
    whole = shutil.copytree(folder, folder.with_name("before"))
    out = folder.with_name("made")
    found = []
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        name = [*TARGETS][number % len(TARGETS)]
        how = damage(folder, name, chance)
        before = state(folder)
        line = [*chance.choice(TARGETS[name]), "-q"]
        line += ["--out", str(out)] if line[0] in ("bundle", "report") else []
        code, said, complaint = asked(line)
        after = state(folder)
        changed = sorted(one for one in {*before, *after} if before.get(one) != after.get(one))
        found.append(
            {
                "damage": f"{number}: {name} {how}", "line": line[:1], "code": code, "out": said[-300:],
                "err": complaint, "changed": changed,
            }
        )  # fmt: skip
        for one in changed:
            if one not in before and (folder / one).is_file():
                (folder / one).unlink()
        put_back(folder, whole, name)
    return found


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    os.environ["XDG_CACHE_HOME"] = os.path.abspath("cache")
    answers = ask(Path.cwd(), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(answers))
