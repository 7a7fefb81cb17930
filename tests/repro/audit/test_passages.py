"""A claim is held to its passage: the lines of the document, and the digest of what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.audit import passages
from repro.audit.claims import Claim
from repro.audit.document import Audited, held
from repro.audit.verdicts import ERROR, Judgement
from repro.errors import UsageError

TEXT = "A title\n\nFive runs  were made,\nof 20 epochs\teach.\n"


@pytest.fixture
def document(tmp_path: Path) -> passages.Text:
    path = tmp_path / "document.txt"
    path.write_text(TEXT, "utf-8")
    return passages.read(path)


def claim(lines: str, digest: str = "") -> Claim:
    return Claim("toy", "it", "page 1", "count", "So many runs.", ("5",), 1, lines=lines, digest=digest)


def right(lines: str) -> str:
    rows = TEXT.split("\n")
    return passages.digest(passages.normal(rows[number - 1] for number in passages.numbers_of(lines)))


def test_a_passage_is_its_lines_with_single_spaces(document: passages.Text) -> None:
    assert document.passage(claim("3-4", right("3-4"))) == "Five runs were made, of 20 epochs each."
    assert document.passage(claim("")) == ""


@pytest.mark.parametrize(
    "other", ["Five runs were made, of 20\nepochs each.", "Five\u00a0runs were made,\r\nof 20 epochs each."]
)
def test_spaces_and_line_ends_make_no_difference(other: str) -> None:
    wanted = passages.normal(["Five runs  were made,", "of 20 epochs\teach."])
    assert passages.digest(passages.normal(other.split("\n"))) == passages.digest(wanted)


def test_one_changed_digit_is_seen(document: passages.Text) -> None:
    changed = passages.normal([TEXT.split("\n")[2], "of 30 epochs each."])
    with pytest.raises(UsageError, match=f'are not the passage by its digest .* write digest = "{right("3-4")}"'):
        document.passage(claim("3-4", passages.digest(changed)))


def test_a_claim_without_a_digest_is_told_it(document: passages.Text) -> None:
    with pytest.raises(UsageError, match=f'by no digest yet; .* write digest = "{right("1")}"'):
        document.passage(claim("1"))


def test_lines_beyond_the_end_are_an_error(document: passages.Text) -> None:
    with pytest.raises(UsageError, match="has 5 lines; name those of the passage"):
        document.passage(claim("4-9", "0" * 16))


def test_a_passage_that_is_not_there_takes_the_verdict_s_place(document: passages.Text) -> None:
    found = held(Audited(claim("3", "0" * 16), Judgement("reproduced", "1"), 0.0), document)
    assert (found.judgement.verdict, found.judgement.code) == (ERROR, UsageError.exit_code)
    kept = held(Audited(claim("3", right("3")), Judgement("reproduced", "1"), 0.0), document)
    assert (kept.judgement.verdict, kept.passage) == ("reproduced", "Five runs were made,")


def test_lines_far_beyond_the_end_are_an_error_at_once(document: passages.Text) -> None:
    with pytest.raises(UsageError, match="has 5 lines"):
        document.passage(claim("1-300000000, 2", "0" * 16))


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "marked.txt"
    path.write_text(TEXT, "utf-8-sig")
    assert passages.read(path).passage(claim("1", right("1"))) == "A title"


def test_blank_lines_hold_no_passage(document: passages.Text) -> None:
    for of_nothing in ("", passages.digest("")):
        with pytest.raises(UsageError, match=r"lines 2 of .* are blank; name the lines that hold the passage"):
            document.passage(claim("2", of_nothing))


def test_lines_that_run_backwards_are_refused() -> None:
    with pytest.raises(UsageError, match="the first comes before the last"):
        passages.numbers_of("20, 9-4")
