"""What the claims know of the thesis' listing and of its passing remarks, and that mistakes change verdicts."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

from repro.audit import document, evidence, passages
from repro.audit.verdicts import caused
from studies.rfnn import study
from studies.rfnn.claims import background, listing

CLAIMS = {claim.id: claim for claim in evidence.claims_of("rfnn")}


def found(claim: str) -> str:
    return caused(CLAIMS[claim], document.judge(study, CLAIMS[claim])).verdict


@pytest.fixture(scope="module")
def lines(shared: Path) -> tuple[str, ...]:
    """Return the lines of the thesis, or skip."""
    there = sorted((shared.parent / "seeds").glob("000_*.txt"))
    if not there:
        pytest.skip("the text of the thesis is not there")
    return tuple(passages.read(there[0]).lines)


def between(lines: tuple[str, ...], start: str, end: str) -> str:
    first = next(n for n, line in enumerate(lines) if line.startswith(start))
    last = next(n for n, line in enumerate(lines) if n > first and line.startswith(end))
    return "\n".join(line for line in lines[first:last] if not line.startswith("```"))


def test_numbers_and_names_stand_in_the_listing(lines: tuple[str, ...]) -> None:
    search = textwrap.dedent(between(lines, "def search_parameter_space", "if __name__"))
    assigned = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(search))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    assert (assigned["num_epochs"], assigned["learning_rate"]) == (listing.EPOCHS, listing.RATE)
    divisors = [node.value for node in ast.walk(ast.parse(search)) if isinstance(node, ast.AugAssign)]
    assert [ast.literal_eval(one) for one in divisors] == [listing.DIVISOR]
    whole = "\n".join(lines)
    assert re.findall(r"^batch_size = (\d+)$", whole, re.M) == [str(listing.BATCH)]
    assert not re.search(r"\b30\b", "\n".join(lines[lines.index("Appendices") :]))
    assert re.search(r"^from scipy\.misc import comb$", whole, re.M)
    assert "dtype=np.float)" in whole


def test_a_decay_and_the_orders_are_the_listings(lines: tuple[str, ...]) -> None:
    assert f"            if not {CLAIMS['decay-epochs'].published[1]}:" in lines
    listed = textwrap.dedent(between(lines, "for i in range(order+1):", "def fill_gaussian_kernels"))
    names: dict[str, Any] = {}
    exec("def orders(order):\n" + textwrap.indent(listed, "    "), names)
    assert ",".join(str(one).replace(" ", "") for one in names["orders"](2)) == listing.triangle()


def test_train_and_test_return_nothing(lines: tuple[str, ...]) -> None:
    counts = {
        name: len(re.findall(r"^\s+return\b", between(lines, f"def {name}(", after), re.M))
        for name, after in (("train", "def test("), ("test", "def scale_series"))
    }
    assert counts == listing.RETURNS


def test_what_moves_to_the_gpu_does_so_outside_of_conditions(lines: tuple[str, ...]) -> None:
    code = lines[lines.index("Appendices") :]
    moving = [n for n, line in enumerate(code) if ".cuda()" in line]
    assert sum("if CUDA" not in code[n - 1] for n in moving) == listing.MOVES
    assert sum(len(re.findall(r"\bDEVICE\b(?! =)", line)) for line in code) == listing.DEVICE_USES


PLANTED: list[tuple[str, Any, str, Any]] = [
    ("epochs", listing, "EPOCHS", 30),
    ("learning-rate", listing, "RATE", 0.01),
    ("decay-factor", listing, "DIVISOR", 5),
    ("batch-size", listing, "BATCH", 50),
    ("listing-accuracies", listing, "RETURNS", {"train": 1, "test": 1}),
    ("listing-cpu", listing, "MOVES", 0),
    ("listing-old-names", listing, "NAMES", ("numpy.float64",)),
    ("leaky-recovers", background, "awake_after_training", lambda _: 0.0),
    ("groups-blind", torch, "arange", lambda *_: torch.ones(9)),
    ("kernels-unturned", background, "kernels_2d", lambda _: torch.arange(735.0).double().view(15, 7, 7).numpy()),
]


@pytest.mark.parametrize(("claim", "module", "name", "other"), PLANTED, ids=[one[0] for one in PLANTED])
def test_a_mistake_changes_the_verdict(
    claim: str, module: Any, name: str, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = found(claim)
    monkeypatch.setattr(module, name, other)
    assert found(claim) != before


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("epochs", "reproduced"),
        ("listing-accuracies", "erratum"),
        ("listing-cpu", "erratum"),
        ("listing-old-names", "protocol mismatch"),
        ("leaky-recovers", "reproduced"),
        ("momentum-velocity", "reproduced"),
        ("convolution-product", "reproduced"),
        ("difference-of-gaussians", "reproduced"),
        ("groups-blind", "erratum"),
        ("kernels-unturned", "reproduced"),
        ("filter-channel", "reproduced"),
        ("listing-triangle", "reproduced"),
        ("listing-line-break", "transcription"),
        ("listing-conv1d", "protocol mismatch"),
    ],
)
def test_verdicts(claim: str, verdict: str) -> None:
    assert found(claim) == verdict
