"""The timeline: table, picture and badge say what the outcomes are, and nothing in them is more than a text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from repro.golden.outcomes import WORDS, Dated
from repro.show import timeline
from tests.repro.support.repeats import dated, run

FIRST = dated("2026-01-05T06:00:00Z", run("a"), run("b"))
SECOND = dated("2026-01-12T06:00:00Z", run("a"), run("b", bits="2", word="moved"), facts={"threads": ("2",)})
THIRD = dated("2026-01-19T06:00:00Z", run("a"), run("b", bits="2", word="moved"), facts={"threads": ("2",)})
SVG = "{http://www.w3.org/2000/svg}"


def test_the_table_has_a_line_each_time_and_says_what_changed_when() -> None:
    head, first, second, third = timeline.rendered([FIRST, SECOND, THIRD]).splitlines()
    assert re.split(r" {2,}", head)[:5] == ["when", "commit", "same", "agrees", "moved"]
    assert first.split()[:5] == ["2026-01-05T06:00:00Z", "eeeeeeeeee", "2", "0", "0"]
    assert second.endswith("  1 of 2 runs by threads 1 -> 2")
    assert third.endswith("  nothing")


def drawn(*outcomes: Dated) -> ElementTree.Element:
    text = timeline.picture(outcomes)
    assert text == timeline.picture(outcomes)
    return ElementTree.fromstring(text)


def test_the_picture_has_a_part_for_each_word_and_a_line_where_bits_changed() -> None:
    made = drawn(FIRST, SECOND, THIRD)
    titles = [str(one.text) for one in made.iter(f"{SVG}title")]
    assert titles == [
        "Evidence made again, 2026-01-05T06:00:00Z to 2026-01-19T06:00:00Z",
        "2026-01-05T06:00:00Z: 2 same",
        "2026-01-12T06:00:00Z: 1 same", "2026-01-12T06:00:00Z: 1 moved",
        "2026-01-19T06:00:00Z: 1 same", "2026-01-19T06:00:00Z: 1 moved",
    ]  # fmt: skip
    assert len(list(made.iter(f"{SVG}line"))) == 1
    said = [str(one.text) for one in made.iter(f"{SVG}text")]
    assert "1  2026-01-05T06:00:00Z to 2026-01-12T06:00:00Z: 1 of 2 runs by threads 1 -> 2" in said
    said = [str(one.text) for one in drawn(replace(FIRST, golden=("cpu a -> b",))).iter(f"{SVG}text")]
    assert said[-2:] == ["No bit changed from one time to the next.", "not as blessed: cpu a -> b"]


def test_what_differs_and_changed_no_bit_stands_in_the_table_and_not_in_the_picture() -> None:
    idle = dated("2026-01-12T06:00:00Z", run("a"), run("b"), facts={"threads": ("2",)})
    assert timeline.rendered([FIRST, idle]).endswith("  no bit changed, though threads 1 -> 2")
    made = drawn(FIRST, idle)
    assert list(made.iter(f"{SVG}line")) == []
    assert "No bit changed from one time to the next." in [str(one.text) for one in made.iter(f"{SVG}text")]


def test_all_parts_and_lines_lie_inside_the_picture() -> None:
    long = {"packages.torch": ("2.1 " * 90,)}
    moved = dated("2026-02-02T06:00:00Z", *(run(f"e{n}", bits="2") for n in range(30)), run("a", bits="9"), facts=long)
    for made in (drawn(FIRST, moved), drawn(*[FIRST] * 90, moved)):
        wide, high = float(made.attrib["width"]), float(made.attrib["height"])
        for one in made.iter(f"{SVG}rect"):
            assert 0 <= float(one.get("x", 0)) <= float(one.get("x", 0)) + float(one.attrib["width"]) <= wide
            assert 0 <= float(one.get("y", 0)) <= float(one.get("y", 0)) + float(one.attrib["height"]) <= high + 0.1
        assert max(float(one.attrib["y"]) for one in made.iter(f"{SVG}text")) < high
        bars = [one for one in made.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
        assert len({one.attrib["x"] for one in bars}) == min(timeline.SHOWN, 2 if len(bars) == 2 else timeline.SHOWN)


def test_what_a_record_says_is_a_text_and_nothing_more() -> None:
    other = dated("2026-02-02T06:00:00Z", run("a", bits="2"), facts={"cpu": ("</text><script>alert()\x1b[2J",)})
    made = drawn(FIRST, other)
    assert {one.tag.removeprefix(SVG) for one in made.iter()} == {"svg", "title", "rect", "text", "line"}
    assert any("</text><script>" in str(one.text) for one in made.iter(f"{SVG}text"))
    assert "\x1b" not in timeline.rendered([FIRST, other])


@pytest.mark.parametrize("word", WORDS)
def test_the_badge_is_what_an_endpoint_badge_reads(word: str) -> None:
    last = dated("2026-02-02T06:00:00Z", run("a"), run("b", word=word), exit_code=1)
    made = json.loads(timeline.badge([FIRST, last]))
    assert set(made) == {"schemaVersion", "label", "message", "color", "isError"}
    assert (made["schemaVersion"], made["label"], made["isError"]) == (1, "evidence", True)
    assert made["message"].endswith(" on 2026-02-02")
    assert (made["color"] == "brightgreen") == (word in ("same", "agrees"))
    assert made["color"] in ("brightgreen", "yellow", "orange", "red")


def test_a_badge_of_runs_that_were_left_is_grey() -> None:
    left = dated("2026-02-02T06:00:00Z", run("a"), left=4, exit_code=7)
    assert json.loads(timeline.badge([left]))["color"] == "lightgrey"
    assert json.loads(timeline.badge([FIRST]))["isError"] is False


def test_json_has_every_outcome_with_its_steps() -> None:
    first, second = json.loads(json.dumps(timeline.as_json([FIRST, SECOND])))
    assert first["steps"] == []
    assert [one["text"] for one in second["steps"]] == ["1 of 2 runs by threads 1 -> 2"]
    assert second["counts"]["moved"] == 1
