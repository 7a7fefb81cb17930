#!/usr/bin/env bash
# One would expect: the checker's "failed in line N" and the parser's `lineno`, "the line number in the file", are that.
# What is so: both number the records from 0, and leave out every other line of the file.
# Why it matters: a log holds a program's whole output; who looks up the line that was judged reads another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "mlperf-logging==4.1.68" "setuptools==81.0.0"
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from mlperf_logging import mllog
from mlperf_logging.compliance_checker import mlp_parser

log = Path("result.txt")
log.write_text("loading the data\nepoch 1 begins\nepoch 1 ends\n")
mllog.config(filename=str(log))
logger = mllog.get_mllogger()
logger.logger.propagate = False
logger.event(key="eval_accuracy", value=0.71, metadata={"epoch_num": 1})
with log.open("a") as more:
    more.write("epoch 2 ends\n")
logger.event(key="eval_accuracy", value=0.74)  # the rules demand an epoch here

lines = log.read_text().splitlines()
(place,) = [number for number, line in enumerate(lines, start=1) if '"value": 0.74' in line]
records, errors = mlp_parser.parse_file(str(log), ruleset="5.1.0")
checker = [sys.executable, "-m", "mlperf_logging.compliance_checker", "--ruleset", "5.1.0", str(log)]
done = subprocess.run(checker, capture_output=True, text=True)
said = re.findall(r"CHECK for 'eval_accuracy' failed in line (\d+)", done.stdout + done.stderr)
print("mlperf-logging", version("mlperf-logging"))
print(f"the record stands in line {place} of {len(lines)}; the parser says {records[-1].lineno}, the checker {said}")

if (place, [one.lineno for one in records], errors, said) != (6, [0, 1], [], ["1"]):
    sys.exit("changed: records are numbered in another way")
PYTHON
