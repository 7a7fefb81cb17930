#!/usr/bin/env bash
# One would expect: what is submitted after `cancel` is a new task, whatever was cancelled before it.
# What is so: Dask cancels by the key. The scheduler tells of it later, and what has that key at the client by then is
# cancelled as well: a task submitted again at once under its own key ends as "cancelled", and its result never comes.
# After a pause, or under another key, the same lines give the result. Functions that are pure get their key from their
# arguments, so that the same call again has the same key without anyone having named one.
# Why it matters: who submits lost work again under a key made of its settings loses it now and then, where machines are
# busy; a count of attempts then blames a worker that did nothing.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "dask==2026.8.0" "distributed==2026.8.0"
cd "$work"

cat >twice.py <<'PYTHON'
import asyncio
import logging
import sys
import time
from concurrent.futures import CancelledError

import distributed


def train(rate, seconds):
    time.sleep(seconds)
    return rate


async def again(client, rate, pause=0.0, **named):
    """Submit a task, cancel it, submit the same one again, and return what becomes of that."""
    first = client.submit(train, rate, 0.5, **named)
    await asyncio.sleep(0.1)
    await client.cancel([first])
    await asyncio.sleep(pause)
    second = client.submit(train, rate, 0.5, **named)
    try:
        return await second
    except (CancelledError, asyncio.CancelledError):
        return second.status


async def main():
    print("distributed", distributed.__version__)
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    async with distributed.LocalCluster(**options, asynchronous=True) as cluster:
        async with distributed.Client(cluster, asynchronous=True) as client:
            logging.getLogger("distributed").setLevel(logging.CRITICAL)
            found = [await again(client, 1), await again(client, 2, 2.0), await again(client, 3, pure=False)]
    print("the same call, submitted again at once:", found[0])
    print("after two seconds:", found[1])
    print("at once, as a function that is not pure:", found[2])
    if found != ["cancelled", 2, 3]:
        print("changed: wanted 'cancelled', 2 and 3")
        sys.exit(1)


if __name__ == "__main__":
    asyncio.run(main())
PYTHON
"$work/venv/bin/python" twice.py
