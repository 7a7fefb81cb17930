#!/usr/bin/env bash
# One would expect: a training on the CPU takes its memory in the first step and uses it again, as torch does on a GPU.
# What is so: on Linux torch leaves that to glibc, which gives each block above 32 MB back as soon as it is free. Every
# step of a small convolution over 64 images of 128x128 asks for 200,000 pages, which are cleared anew. Told by two
# variables to keep what is freed, glibc asks for none after the first steps; the losses are the same to the bit.
# Why it matters: half of the CPU time of such a training can be the kernel's, so that times compared between sizes of
# batches or images compare the allocator; and the cure costs memory, since freed blocks fit one another less well.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "torch==2.13.0" "numpy==2.4.6"
cd "$work"

cat >steps.py <<'PYTHON'
import ctypes
import json
import resource

import torch
from torch import nn

ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: pages are of one size whatever the system is set to
torch.set_num_threads(1)
torch.manual_seed(0)
images = torch.rand(64, 1, 128, 128)
network = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 1, 3, padding=1))
rows = []
for _ in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    network.zero_grad()
    loss = (network(images) - images).square().mean()
    loss.backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= 0.1 * weight.grad
    rows.append((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, loss.item().hex()))
print(json.dumps(rows))
PYTHON

"$work/venv/bin/python" - <<'PYTHON'
import json, os, platform, subprocess, sys
from importlib.metadata import version

KEEP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}
print("torch", version("torch"), *platform.libc_ver())
plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
pages, losses = [], []
for what, variables in (("as glibc has it", {}), ("told to keep it", KEEP)):
    said = subprocess.run([sys.executable, "steps.py"], env=plain | variables, check=True, capture_output=True).stdout
    asked, loss = zip(*json.loads(said), strict=True)
    print(f"{what}: pages asked for, step by step:", *asked)
    pages.append(asked)
    losses.append(loss)
layer = 64 * 16 * 128 * 128 * 4 // os.sysconf("SC_PAGE_SIZE")
print(f"pages of one layer's values: {layer}; the losses are {'equal' if losses[0] == losses[1] else 'different'}")
if losses[0] != losses[1] or min(pages[0]) < layer or max(pages[1][3:]) > layer // 20:
    print("changed: a step keeps its memory, or the losses hang on the allocator")
    sys.exit(1)
PYTHON
