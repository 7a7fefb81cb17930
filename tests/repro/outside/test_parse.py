"""JSON, YAML, CSV and numbers as tools write them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from repro.errors import IntegrityError
from repro.outside import parse

HERE = Path("config.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("'1e-3'", "1e-3"),
        ("1.5E+3", 1500.0),
        ("-.5", -0.5),
        ("12", 12),
        ("+7", 7),
        ("0", 0),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2026-11-28", "2026-11-28"),
        ("true", True),
        ("on", True),
        ("'on'", "on"),
        ("~", None),
        (".", "."),
        (".nan", math.nan),
        ("-.inf", -math.inf),
        ("!!python/tuple [1, 2]", [1, 2]),
        ("!!python/object/apply:os.system ['exit']", "!python/object/apply:os.system"),
        ("!mine {a: 1}", "!mine"),
    ],
)
def test_yaml_means_what_its_writers_meant(text: str, value: object) -> None:
    """As OmegaConf reads it, not YAML 1.1: the writers of these files quote what is no number."""
    found = parse.yaml_of(HERE, "config", f"key: {text}\n")["key"]
    assert repr(found) == repr(value)


@pytest.mark.parametrize("text", ["key: [1", "a: b: c", "\x00", "key: *gone", "[" * 5000, "? [1, 2]\n: 3\n- 4"])
def test_yaml_that_is_none_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(IntegrityError, match=r"config\.yaml: no config") as refused:
        parse.yaml_of(HERE, "config", text)
    assert "\n" not in str(refused.value)


def test_nested_parameters_have_names_joined_by_dots() -> None:
    held = {"model": {"width": 8, "layers": [1, {"a": 2}]}, "seed": 1, "none": None, "empty": {}, 3: True}
    assert parse.flat(held, HERE) == {
        "model.width": 8,
        "model.layers": '[1, {"a": 2}]',
        "seed": 1,
        "none": None,
        "3": True,
    }
    assert parse.flat(["no", "mapping"], HERE) == parse.flat(None, HERE) == {}


def test_aliases_that_unfold_without_end_are_not_unfolded() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{level + 1}: &a{level + 1} [{', '.join([f'*a{level}'] * 8)}]" for level in range(30)]
    found = parse.flat(parse.yaml_of(HERE, "config", "\n".join(lines) + "\n"), HERE)
    assert found["a0"] == "[1, 1, 1, 1, 1, 1, 1, 1]"
    assert found["a30"] == "8 values"
    nested = ["a0: &a0 {x: 1, y: 1}"]
    nested += [f"a{level + 1}: &a{level + 1} {{x: *a{level}, y: *a{level}}}" for level in range(30)]
    with pytest.raises(IntegrityError, match="more than 20000"):
        parse.flat(parse.yaml_of(HERE, "config", "\n".join(nested) + "\n"), HERE)


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (None, None), (10**400, math.inf), (-(10**400), -math.inf)],
)
def test_numbers_are_numbers_and_nothing_else(value: object, number: float | None) -> None:
    assert parse.number(value) == number


@pytest.mark.parametrize(
    ("value", "step"),
    [
        (3, 3),
        (3.0, 3),
        (3.5, None),
        (2**62 + 1, 2**62 + 1),
        (2**63, None),
        (math.nan, None),
        (math.inf, None),
        ("3", None),
    ],
)
def test_a_step_is_a_whole_number_of_64_bits(value: object, step: int | None) -> None:
    assert parse.step_of(value) == step


def test_a_curve_has_steps_where_every_point_has_one() -> None:
    whole, part = parse.curve([(1, 0.0, 0.5), (2, 1.0, 0.75)]), parse.curve([(1, 0.0, 0.5), (None, None, 0.75)])
    assert whole.steps is not None
    assert whole.steps.tolist() == [1, 2]
    assert part.steps is None
    assert part.epochs is not None
    assert part.epochs[0] == 0.0
    assert math.isnan(part.epochs[1])


@pytest.mark.parametrize("text", ["", "\ufeff", "a,b", "a,b\n", "a,b\n\n"])
def test_a_table_without_rows_has_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    assert parse.table_of(path, "table") == ([], not text.endswith("\n"))


def test_a_table_may_begin_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,\n", encoding="utf-8-sig")
    assert parse.table_of(path, "table") == ([{"a": "1", "": "2"}], False)
