"""Make bundles that a stranger could send, at random, and read each under the bounds that `repro verify` keeps.

Asked in a process of its own, `python -m tests.repro.support.hostile BUNDLE SEED COUNT`, lest the bounds stay on
the one that asks; the answer is a line of JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from repro.bundle import apart, attest, unpack
from repro.bundle.pack import CHECK, ENVIRONMENTS, RESULTS, archive, members
from tests.repro.bundle.test_verify import seal
from tests.repro.support.bundles import BANDS, CLAIMS, GOLDEN, LOG, Files
from tests.repro.support.damage import ANY, TABLES, TEXT, Chance

Change = Callable[[Files, Chance], None]
TOLD = (CHECK, ENVIRONMENTS, attest.CRATE, attest.STATEMENT, LOG, CLAIMS, "golden/invented/smoke.md", "golden/audit.md")
OF_ROWS = (RESULTS, GOLDEN, BANDS, "golden/audit.parquet")
# What a run says of itself and nothing can hold it to.
FREE = {"finished", "wall_seconds", "detail", "device", "curve", "epochs"}


# What is in it


def damaged_table(files: Files, chance: Chance) -> None:
    name = chance.choice(OF_ROWS)
    files[name] = chance.choice((*TABLES, *TABLES, *ANY))(files[name], chance)


def damaged_text(files: Files, chance: Chance) -> None:
    name = chance.choice(TOLD)
    files[name] = chance.choice((*TEXT, *TEXT, *TEXT, *ANY))(files[name], chance)


def swapped(files: Files, chance: Chance) -> None:
    one, other = chance.sample(sorted(files), 2)
    files[one], files[other] = files[other], files[one]


def one_for_another(files: Files, chance: Chance) -> None:
    one, other = chance.sample(sorted(files), 2)
    files[one] = files[other]


def renamed(files: Files, chance: Chance) -> None:
    name = chance.choice(sorted(files))
    files[chance.choice((name.upper(), f"x/{name}", f"{name}.bak", "nul", "con.txt", "__init__.py"))] = files.pop(name)


def one_more(files: Files, chance: Chance) -> None:
    names = ("conftest.py", "sitecustomize.py", "golden/other/smoke.parquet", "golden/log.jsonl.old", "aux", "a.pth")
    files[chance.choice(names)] = chance.randbytes(50)


def one_less(files: Files, chance: Chance) -> None:
    files.pop(chance.choice(sorted(files)))


def heavy_text(files: Files, chance: Chance) -> None:
    """Put just as much as may be there into a file, of what costs a reader most."""
    name = chance.choice((CHECK, ENVIRONMENTS, attest.CRATE, attest.STATEMENT, LOG))
    count = 4_900_000
    files[name] = chance.choice(
        (
            b"[" + b"{}," * (count // 3) + b"{}]", b"[" + b'"",' * (count // 3) + b"0]", b"9" * count,
            b'{"a":"' + b"\\u0041" * (count // 6) + b'"}', b" " * count, b'{"' + b"k" * count + b'":1}',
            (b"[" * 39 + b"]" * 39 + b",") * (count // 79), b"\n" * count, b"1e" + b"9" * count,
            b"{" + b",".join(b'"%d":[]' % number for number in range(400_000)) + b"}",
        )
    )  # fmt: skip


def heavy_claims(files: Files, chance: Chance) -> None:
    count = 4_900_000
    files[CLAIMS] = chance.choice(
        (
            b"a" + b".a" * 500 + b" = 1", b"a = [" + b"[" * 5_000,
            b"[[a]]\n" * (count // 6), b'a = "' + b"x" * count,
            b"a = " + b"1" * count, b"\n".join(b"k%d = 1" % number for number in range(300_000)), b"#" * count,
        )
    )  # fmt: skip


def heavy_table(files: Files, chance: Chance) -> None:
    """Put as many rows, groups or texts into a table as take little room there."""
    name = chance.choice(OF_ROWS[:3])
    some = pq.read_table(pa.BufferReader(files[name]))
    count = chance.choice((50_000, 199_999))
    sink = pa.BufferOutputStream()
    made = some.take(pa.array([0] * count))
    pq.write_table(
        made, sink, compression="zstd", row_group_size=chance.choice((count, 100 if count < 60_000 else count))
    )
    files[name] = sink.getvalue().to_pybytes()


def pickled(files: Files, chance: Chance) -> None:
    """Say that a column is of a type that a reader would have to unpickle, or that pandas wrote the table."""
    some = pq.read_table(pa.BufferReader(files[RESULTS]))
    place = chance.randrange(some.num_columns)
    kinds = (
        {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": b"cbuiltins\nlen\n."},
        {b"ARROW:extension:name": b"arrow.json"}, {b"PARQUET:field_id": b"-7"},
    )  # fmt: skip
    schema = some.schema.set(place, some.schema.field(place).with_metadata(chance.choice(kinds)))
    schema = schema.with_metadata({**some.schema.metadata, b"pandas": chance.choice((b"{", b"{}", b"[1]"))})
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(some.columns, schema=schema), sink)
    files[RESULTS] = sink.getvalue().to_pybytes()


INSIDE: tuple[Change, ...] = (
    damaged_table, damaged_table, damaged_table, damaged_text, damaged_text, swapped, one_for_another, renamed,
    one_more, one_less, heavy_text, heavy_claims, heavy_table, pickled,
)  # fmt: skip


def resealed(files: Files, chance: Chance) -> None:
    """Make crate and statement anew as far as they can be, and at least all the statement's hashes."""
    if chance.random() < 0.7:
        with contextlib.suppress(Exception):  # of files that a packer cannot read either
            changed = dict(files)
            seal(changed)
            files.update(changed)
    with contextlib.suppress(Exception):
        said = json.loads(files[attest.STATEMENT])
        held = [name for name in files if name not in (attest.STATEMENT, attest.SIGNATURE)]
        said["subject"] = [{"name": name, "digest": {"sha256": attest.sha256(files[name])}} for name in sorted(held)]
        files[attest.STATEMENT] = attest.dump(said)


# How it is packed


def repacked(files: Files, chance: Chance) -> bytes:
    """The same files, in another order or packed in another way."""
    made = io.BytesIO()
    names = sorted(files)
    chance.shuffle(names)
    with zipfile.ZipFile(made, "w") as target:
        for name in names:
            method = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
            target.writestr(zipfile.ZipInfo(name), files[name], method, chance.randint(1, 9))
    return made.getvalue()


def joined(files: Files, chance: Chance) -> bytes:
    whole = archive(files)
    return whole + whole


def spliced(files: Files, chance: Chance) -> bytes:
    """The files of one archive below the directory of another."""
    names = sorted(files)
    chance.shuffle(names)
    one, other = archive(files), archive({name: files[name] for name in names[1:]})
    return one[: one.index(b"PK\x01\x02")] + other[other.index(b"PK\x01\x02") :]


def within_another(files: Files, chance: Chance) -> bytes:
    return archive({"bundle.zip": archive(files)})


def another_mark(files: Files, chance: Chance) -> bytes:
    marks = (b"\x1f\x8b\x08\0", b"7z\xbc\xaf\x27\x1c", b"PAR1", b"MZ", b"%PDF-1.7", b"PK\x07\x08")
    return chance.choice(marks) + archive(files)[4:]


def broken(files: Files, chance: Chance) -> bytes:
    return chance.choice(ANY)(archive(files), chance)


PACKING: tuple[Callable[[Files, Chance], bytes], ...] = (
    repacked, joined, spliced, within_another, another_mark, broken, broken,
)  # fmt: skip


def hostile(files: Files, chance: Chance, number: int) -> tuple[str, bytes]:
    """Return what is wrong with the bundle of a number, and its bytes."""
    made = dict(files)
    kinds = len(INSIDE) + len(PACKING)
    if number % kinds >= len(INSIDE):
        packing = PACKING[number % kinds - len(INSIDE)]
        return packing.__name__, packing(made, chance)
    change = INSIDE[number % kinds]
    change(made, chance)
    resealed(made, chance)
    return change.__name__, archive(made)


def same(made: bytes, files: Files) -> bool:
    """Say whether a bundle holds what another does, or less of what it need not.

    What a run says of itself, the licence, the pins and the text of claims are anybody's.
    """
    found = unpack.read(made)
    _, may = members("invented", "smoke")
    if not files.keys() - may <= found.keys() <= files.keys():
        return False
    for name, content in ((name, files[name]) for name in found):
        if name.endswith(".parquet"):
            one, other = (pq.read_table(pa.BufferReader(some)) for some in (content, found[name]))
            kept = [column for column in one.column_names if column not in FREE]
            if one.select(kept).to_pylist() != other.select(kept).to_pylist():
                return False
        elif name in (CHECK, ENVIRONMENTS):
            if json.loads(content) != json.loads(found[name]):
                return False
        elif name.startswith("golden/") and content != found[name]:
            return False
    return True


def peak() -> int:
    """Return the most bytes that this program held: by getrusage a process begins with the peak of its parent."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def ask(bundle: Path, seed: int, count: int) -> dict[str, Any]:
    files = unpack.contents(bundle)
    path = bundle.with_name("hostile.zip")
    apart.read(bundle, None, None)  # so that all is imported
    resource.setrlimit(resource.RLIMIT_AS, (apart.MEMORY_BYTES, apart.MEMORY_BYTES))
    found = []
    for number in range(count):
        what, content = hostile(files, random.Random(f"{seed} {number}"), number)
        path.write_bytes(content)
        start = time.perf_counter()
        facts, fault, code = apart.read(path, None, None)
        seconds = time.perf_counter() - start
        equal = facts is not None and same(content, files)
        found.append(
            {
                "what": f"{number}: {what}",
                "code": code,
                "said": fault,
                "seconds": seconds,
                "same": equal,
                "bytes": len(content),
            }
        )
    return {"found": found, "peak": peak()}


if __name__ == "__main__":
    pa.set_cpu_count(1)
    sys.stdout.write(json.dumps(ask(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
