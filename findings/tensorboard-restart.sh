#!/usr/bin/env bash
# One would expect: a restart recorded at step 2 (`purge_step` of the writers) takes back what was logged from there on,
# in whichever form a scalar was written and whichever of TensorBoard's readers reads it.
# What is so: EventAccumulator takes back plain scalars and keeps scalars in tensor form; its namesake for plugins
# takes the first restart for the start of the run and keeps both.
# Why it matters: a curve holds two values at one step, one of a run that was abandoned. Best or last values, and counts
# of points, depend on the form that the writer chose and on the reader.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "tensorboard==2.21.0" "setuptools==81.0.0"
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import sys

import tensorboard
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

writer = EventFileWriter("run")


def put(step, value):
    plain = Summary(value=[Summary.Value(tag="plain", simple_value=value)])
    for summary in (plain, scalar_pb("tensor", value)):
        writer.add_event(Event(step=step, wall_time=1.0, summary=summary))


for step in range(4):
    put(step, 0.5)
writer.add_event(Event(step=2, wall_time=2.0, session_log=SessionLog(status=SessionLog.START)))
for step in (2, 3):
    put(step, 0.75)
writer.close()

everything = {"scalars": 0, "tensors": 0}
first = event_accumulator.EventAccumulator("run", everything).Reload()
second = plugin_event_accumulator.EventAccumulator("run", everything).Reload()
seen = {
    "EventAccumulator, plain": [one.step for one in first.Scalars("plain")],
    "EventAccumulator, tensor": [one.step for one in first.Tensors("tensor")],
    "plugin reader, plain": [one.step for one in second.Tensors("plain")],
    "plugin reader, tensor": [one.step for one in second.Tensors("tensor")],
}
print("tensorboard", tensorboard.__version__)
for reader, steps in seen.items():
    print(f"{reader}: steps {steps}")

if [*seen.values()] != [[0, 1, 2, 3]] + 3 * [[0, 1, 2, 3, 2, 3]]:
    sys.exit("changed: a restart takes back other points")
PYTHON
