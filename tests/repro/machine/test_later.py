"""Modules that are loaded when used: what stands for them answers as they do, and gives way to them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from repro.machine import later
from tests.sources import ROOT

USED = """
import sys
sys.path.insert(0, {root!r})
from repro.machine import later

def loaded(name):
    return name in sys.modules and not isinstance(sys.modules[name], later.StandIn)

with later.when_used():
{body}
left = [name for name in later.STOOD_FOR if isinstance(sys.modules.get(name), later.StandIn)]
assert not left, left
assert not any(isinstance(one, later._Below) for one in sys.meta_path)
"""
STEPS = """
    import torch
    weight = torch.nn.Parameter(torch.ones(3))
    optimiser = torch.optim.SGD([weight], lr=0.5, momentum=0.9)
    weight.sum().backward()
    optimiser.step()
    assert weight.tolist() == [0.5] * 3
    with torch.device("meta"):
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2))
        assert network(torch.empty(2, 3, 8, 8)).shape == (2, 4, 4, 4)
        assert (torch.empty(4, 1) + torch.empty(3)).mm(torch.empty(3, 2)).shape == (4, 2)
        try:
            torch.empty(4, 3) + torch.empty(2)
        except RuntimeError:
            pass
        else:
            raise AssertionError("shapes that do not fit were added")
    assert not any(map(loaded, later.STOOD_FOR)), [name for name in later.STOOD_FOR if loaded(name)]
"""
SIGNALS = """
    from scipy import signal
    assert not loaded("scipy.signal")
    assert signal.lfilter([1.0], [1.0, -0.5], [1.0, 0.0]).tolist() == [1.0, 0.5]
    assert loaded("scipy.signal")
    from scipy.stats import norm
    assert norm.cdf(0.0) == 0.5
"""
BELOW = """
    import torch
    import torch._dynamo.config
    from torch._dynamo.utils import counters
    import torch._dynamo.utils
    assert loaded("torch._dynamo") and torch._dynamo.utils.counters is counters
    assert sys.modules["torch._dynamo.config"] is torch._dynamo.config
    assert torch._dynamo.config.__spec__.origin
    from torch.fx.experimental.symbolic_shapes import ShapeEnv, sym_eq
    assert sym_eq((2, 3), [2, 3])
"""
SYMBOLS = """
    from torch.fx.experimental.symbolic_shapes import expect_true, sym_or
    assert expect_true(True) and not expect_true(False) and sym_or(False, True)
    try:
        expect_true(1.5)
    except AssertionError:
        pass
    assert loaded("torch.fx.experimental.symbolic_shapes")
"""
TOLD = """
    import torch
    told = sys.modules["torch._dynamo"].disable(lambda x: x + 1)
    assert told(1) == 2 and not loaded("torch._dynamo")
    assert later.load("torch._dynamo") is sys.modules["torch._dynamo"] and loaded("torch._dynamo")
    assert told(1) == 2
"""


@pytest.mark.parametrize(
    "body", [STEPS, SIGNALS, BELOW, SYMBOLS, TOLD], ids=["steps", "signals", "below", "symbols", "told"]
)
def test_what_is_used_is_there_and_nothing_else_is_loaded(body: str, tmp_path: Path) -> None:
    """In a process of its own: what was imported is not forgotten again."""
    script = USED.format(root=str(ROOT), body=body)
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_module_that_is_there_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stands in for a module that is imported already."""
    there = type(sys)("scipy.stats")
    monkeypatch.setitem(sys.modules, "scipy.stats", there)
    with later.when_used():
        assert sys.modules["scipy.stats"] is there
    assert sys.modules["scipy.stats"] is there


def test_who_looks_through_all_modules_loads_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """`inspect` asks every module for its file."""
    monkeypatch.setattr(later, "load", lambda name: pytest.fail(f"{name} is loaded"))
    for name, answers in later.STOOD_FOR.items():
        one = later.StandIn(name, answers)
        assert not hasattr(one, "__file__")
        assert not hasattr(one, "__warningregistry__")
