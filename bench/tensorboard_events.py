"""Measure reading TensorBoard's event files beside TensorBoard's own reader that keeps everything. Prints Markdown.

Twenty runs of 10,000 scalars each, of one tag and of five, as torch's SummaryWriter and as tf.summary write them. Both
read the same folders in one process; rounds are interleaved, the ratio is the median of the rounds' ratios, in CPU
seconds. Values have to agree bit by bit, and steps. Needs `tensorboard`, which is none of the project's packages:
`pip install tensorboard==2.21.0` into an environment of its own, and this script with its Python.
Usage: python bench/tensorboard_events.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from repro.outside.readers.tensorboard import read

RUNS, SCALARS = 20, 10_000
LAYOUTS = {
    "one tag": (("loss",), False),
    "five tags": (("loss", "accuracy", "lr", "val/loss", "val/accuracy"), False),
    "one tag, as tensors": (("loss",), True),
}
Series = dict[tuple[str, str], tuple[bytes, bytes]]  # steps and values, by run and tag


def write(folder: Path, tags: tuple[str, ...], tensors: bool) -> None:
    """Write the runs."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    draw = random.Random(0)
    plugin = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    for run in range(RUNS):
        writer = EventFileWriter(str(folder / f"seed-{run}"), max_queue_size=1000)
        for step in range(SCALARS // len(tags)):
            for tag in tags:
                value = draw.random()
                one = Summary.Value(tag=tag, simple_value=value)
                if tensors:
                    one = Summary.Value(tag=tag, metadata=plugin, tensor=TensorProto(dtype=1, float_val=[value]))
                writer.add_event(Event(wall_time=1.7e9 + 0.37 * step, step=step, summary=Summary(value=[one])))
        writer.close()


def theirs(folder: Path) -> Series:
    """Read a folder of runs by EventAccumulator."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: Series = {}
    for run in sorted(folder.iterdir()):
        events = EventAccumulator(str(run), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            found[run.name, tag] = exact(*zip(*((one.step, one.value) for one in events.Scalars(tag)), strict=True))
        for tag in events.Tags()["tensors"]:
            pairs = ((one.step, one.tensor_proto.float_val[0]) for one in events.Tensors(tag))
            found[run.name, tag] = exact(*zip(*pairs, strict=True))
    return found


def ours(folder: Path) -> Series:
    """Read a folder of runs by the project's reader."""
    return {
        (run.name, tag): exact(curve.steps, curve.values)
        for run in read(folder).runs
        for tag, curve in run.curves.items()
    }


def exact(steps: Any, values: Any) -> tuple[bytes, bytes]:
    """Return the bits of steps and of values."""
    return np.asarray(steps, np.int64).tobytes(), np.asarray(values, np.float64).tobytes()


def timed(reader: Callable[[Path], Series], folder: Path) -> tuple[float, Series]:
    """Return the CPU seconds of reading a folder, and what was read."""
    started = time.process_time()
    found = reader(folder)
    return time.process_time() - started, found


def spread(values: list[float], digits: int) -> str:
    """Return the median with the smallest and the largest."""
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


def main() -> None:
    """Print a row for each layout."""
    parser = argparse.ArgumentParser(description="Measure reading TensorBoard's event files.")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print(f"### {RUNS} event files of {SCALARS:,} scalars, read by TensorBoard and by `repro import`\n")
    if importlib.util.find_spec("tensorboard") is None:
        print("Skipped: `tensorboard` is not installed here, and is none of the project's packages.")
        return
    print("| scalars | EventAccumulator, CPU s | repro, CPU s | times less, median [min, max] | n | bits |")
    print("|---|---|---|---|--:|---|")
    for name, (tags, tensors) in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write(folder, tags, tensors)
            before, now = [], []
            for _ in range(rounds):
                slow, expected = timed(theirs, folder)
                fast, found = timed(ours, folder)
                if found != expected or len(found) != RUNS * len(tags):
                    raise SystemExit(f"bench: {name}: the two readers do not agree")
                before.append(slow)
                now.append(fast)
        ratios = [slow / fast for slow, fast in zip(before, now, strict=True)]
        print(
            f"| {name} | {spread(before, 2)} | {spread(now, 3)} | {spread(ratios, 1)} | {rounds} | equal |", flush=True
        )


if __name__ == "__main__":
    main()
