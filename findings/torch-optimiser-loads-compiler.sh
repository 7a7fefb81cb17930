#!/usr/bin/env bash
# One would expect: a training in eager mode loads what eager mode needs; torch's compiler comes with `torch.compile`.
# What is so: the first optimiser that is made, even plain SGD of one number, loads the compiler (torch._dynamo) and
# sympy, and a product on the device "meta" loads sympy: 800 modules, for about as long as `import torch` takes.
# Why it matters: many short processes (a run each, a test each, an audit that takes one step) pay it every time, and a
# profile lays it on the first line that trains. The function behind the class, `torch.optim.sgd.sgd`, does not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "torch==2.13.0" "numpy==2.4.6"
cd "$work"

cat >steps.py <<'PYTHON'
import json
import sys

import torch
from torch.optim.sgd import sgd

before = len(sys.modules)
weight, slope = torch.ones(1, requires_grad=True), torch.ones(1)
if sys.argv[1] == "class":
    weight.grad = slope
    torch.optim.SGD([weight], lr=0.25).step()
elif sys.argv[1] == "function":
    with torch.no_grad():
        sgd([weight], [slope], [None], lr=0.25, momentum=0.0, weight_decay=0.0, dampening=0.0, nesterov=False,
            maximize=False)
else:
    torch.empty(2, 3, device="meta").mm(torch.empty(3, 2, device="meta"))
loaded = [name for name in ("torch._dynamo", "sympy") if name in sys.modules]
print(json.dumps([loaded, len(sys.modules) - before, weight.item()]))
PYTHON

"$work/venv/bin/python" -W ignore - <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version

found = {
    what: json.loads(subprocess.run([sys.executable, "steps.py", what], check=True, capture_output=True).stdout)
    for what in ("class", "function", "product on meta")
}
print("torch", version("torch"))
for what, (loaded, modules, weight) in found.items():
    print(f"{what}: loads {' and '.join(loaded) or 'neither'}, {modules} modules more, weight {weight}")

(by_class, many, one), (by_function, few, other), (by_product, *_) = found.values()
if (by_class, by_function, by_product) != (["torch._dynamo", "sympy"], [], ["sympy"]) or one != other or many < 500:
    print("changed: an optimiser, its function or a product on meta loads something else")
    sys.exit(1)
PYTHON
