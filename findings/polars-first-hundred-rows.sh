#!/usr/bin/env bash
# One would expect: `from_dicts` keeps what each record holds, or raises: by its documentation strict, the default, is
# an error for each value that does not match its column's type.
# What is so: names and types are those of the first 100 records. A value of a later name is dropped, and 0.75 behind
# 100 whole numbers becomes 0. `read_ndjson` drops such names, too, but refuses the 0.75; `read_json` the other way
# round. Nothing is said in the four cases that lose something.
# Why it matters: a log whose first validation comes after 100 steps has no validation metric; a share that was 0 or 1
# for 100 runs is 0 in every run after them. One record less in front, and all is there.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "polars==2.1.0"
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import io
import json
import sys

import polars


def lines(records):
    return io.BytesIO("\n".join(map(json.dumps, records)).encode())


def document(records):
    return io.BytesIO(json.dumps(records).encode())


READERS = {
    "from_dicts": polars.from_dicts,
    "read_ndjson": lambda records: polars.read_ndjson(lines(records)),
    "read_json": lambda records: polars.read_json(document(records)),
}


def last(read, count, late):
    """Return what comes back of the last record, which stands behind so many others."""
    try:
        return read([{"step": step, "share": 1} for step in range(count)] + [late])[-1].to_dicts()[0]
    except polars.exceptions.PolarsError:
        return "refused"


new, part = {"step": 100, "share": 1, "accuracy": 0.9}, {"step": 100, "share": 0.75}
seen = {}
print("polars", polars.__version__)
for name, read in READERS.items():
    for late in (new, part):
        before, seen[name, len(late)] = last(read, 99, late), last(read, 100, late)
        print(f"{name}: {late} is {seen[name, len(late)]}")
        if before != late:
            sys.exit(f"changed: behind 99 records it is {before}")

lost, cut = {"step": 100, "share": 1}, {"step": 100, "share": 0}
if [*seen.values()] != [lost, cut, lost, "refused", "refused", cut]:
    sys.exit("changed: what comes after 100 records is read in another way")
PYTHON
