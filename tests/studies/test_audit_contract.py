"""What holds for every registry of claims: judges that can say the opposite, prints that matter, nothing left over."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from repro import printed, registry
from repro.audit import document
from repro.audit.claims import Claim
from repro.audit.evidence import Missing, claims_of, evidence_of, function_of
from repro.audit.judges import JUDGES
from repro.errors import ReproError, UsageError
from studies.common.found import Found
from tests.sources import PROJECT

NAMES = document.audited_names()
EVERY = [claim for name in NAMES for claim in claims_of(name)]
JUDGED = [claim for claim in EVERY if claim.judge]
PRINTED = ("printed", "count")  # judges for which each published part is a number, or a text, that has to come out


@cache
def evidence(study: str, name: str) -> Any:
    """Return a claim's evidence."""
    return evidence_of(registry.load(study), next(one for one in EVERY if (one.study, one.id) == (study, name)))


def found(claim: Claim) -> Any:
    """Return a claim's evidence, or skip where no table holds it yet."""
    got = evidence(claim.study, claim.id)
    if isinstance(got, Missing):
        pytest.skip(got.what)
    return got


def mutated(text: str) -> str:
    """Return a print with another last digit; of a text, with a letter more."""
    try:
        number = printed.parse(text)
    except ReproError:
        return text + "x"
    places = max(0, -int(number.unit.adjusted()))
    return f"{number.value + 3 * max(number.unit, Decimal(1).scaleb(-places)):.{places}f}"


def functions_in(study: str, room: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public functions that a room of a study defines, by their dotted names inside the study."""
    folder = PROJECT / "studies" / study
    for path in sorted([*folder.glob(f"{room}.py"), *folder.glob(f"{room}/**/*.py")]):
        module = ".".join(path.relative_to(folder).with_suffix("").parts)
        for name, function in inspect.getmembers(import_module(f"studies.{study}.{module}"), inspect.isfunction):
            if function.__module__ == f"studies.{study}.{module}" and not name.startswith("_"):
                yield f"{module}.{name}", function


def name_of(claim: Claim) -> str:
    return f"{claim.study}-{claim.id}"


@pytest.mark.parametrize("claim", JUDGED, ids=name_of)
def test_a_judge_can_say_the_opposite(claim: Claim) -> None:
    judge, got = JUDGES[claim.judge], found(claim)
    assert judge.decide(claim, judge.plant(claim, got)).verdict != judge.decide(claim, got).verdict


@pytest.mark.parametrize("claim", [one for one in JUDGED if one.judge in PRINTED], ids=name_of)
def test_every_published_part_matters(claim: Claim) -> None:
    """A mutated part of a reproduced claim is an erratum."""
    got = found(claim)
    if JUDGES[claim.judge].decide(claim, got).verdict != "reproduced":
        pytest.skip("the claim is contradicted as it stands; its planted opposite is tested above")
    for place, text in enumerate(claim.published):
        other = (*claim.published[:place], mutated(text), *claim.published[place + 1 :])
        assert JUDGES[claim.judge].decide(replace(claim, published=other), got).verdict == "erratum"


@pytest.mark.parametrize("study", NAMES)
def test_every_function_that_a_claim_names_is_there(study: str) -> None:
    named = [name for claim in EVERY if claim.study == study for name in (claim.compute, claim.happens) if name]
    assert named
    assert all(callable(function_of(study, name)) for name in named)


def test_a_function_that_is_not_there_is_refused() -> None:
    for name, said in (
        ("claims.layer.axis_shape", "has no function 'axis_shape'"),
        ("areas.pi", "has no module 'areas'"),
    ):
        with pytest.raises(UsageError, match=said):
            function_of("rfnn", name)


@pytest.mark.parametrize("study", NAMES)
def test_every_function_of_evidence_serves_a_claim(study: str) -> None:
    """What takes no argument answers a claim; what takes some helps such a function."""
    functions = {name for name, function in functions_in(study, "claims") if not inspect.signature(function).parameters}
    used = {claim.compute for claim in EVERY if claim.study == study and claim.compute}
    assert functions
    assert sorted(functions - used) == []


@pytest.mark.parametrize("study", [name for name in NAMES if "beside" in registry.load(name).figures])
def test_every_wording_serves_a_claim(study: str) -> None:
    """What takes a study's finished runs alone, and returns words, says what happens beside a claim."""
    wordings = {
        name
        for name, function in functions_in(study, "figures")
        if [*inspect.get_annotations(function, eval_str=True).values()] == [Found, str]
    }
    used = [claim.happens for claim in EVERY if claim.study == study and claim.happens]
    assert wordings
    assert sorted(wordings - {*used}) == []
    assert len(used) == len({*used})


@pytest.mark.parametrize("study", NAMES)
def test_statements_are_sentences(study: str) -> None:
    for claim in EVERY:
        if claim.study == study:
            assert claim.statement.endswith((".", "?", "!")), claim.id
            assert len(claim.statement.split()) > 2, claim.id


LOADS = """
import sys
from repro import registry
from repro.audit import document, evidence
{planted}
for claim in [claim for name in document.audited_names() for claim in evidence.claims_of(name) if claim.judge]:
    before = set(sys.modules)
    document.judge(registry.load(claim.study), claim)
    for module in {heavy!r}:
        if module in sys.modules and module not in before:
            print(claim.study, claim.id, module)
"""
HEAVY = ("torchvision", "torch._dynamo", "sympy")  # a second of CPU time; what they are needed for are rows of runs


def loaded_by(planted: str = "") -> list[str]:
    """Return which claims load what is heavy, where all are judged in one process; `planted` is run before."""
    code = LOADS.format(heavy=HEAVY, planted=planted)
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_no_claim_loads_torchvision_or_torchs_compiler() -> None:
    assert loaded_by() == []


def test_a_claim_that_does_is_found() -> None:
    planted = """
from studies.dagnets.measured import dag
dag.example = lambda made=dag.example: (made(), __import__("sympy"))[0]
document.audited_names = lambda: ("dagnets",)
evidence.claims_of = lambda name, whole=evidence.claims_of: [one for one in whole(name) if one.id == "dag-forward"]
"""
    found = loaded_by(planted)
    assert found == ["dagnets dag-forward sympy"]
