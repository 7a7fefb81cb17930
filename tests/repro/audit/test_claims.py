"""The registry of claims: what is in it, and that what is wrong with it is named with file, line and claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.audit import claims
from repro.audit.judges import JUDGES
from repro.errors import IntegrityError, UsageError

GOOD = """
[[claim]]
id = "parameters"
where = "section 3"
kind = "count"
statement = "The layer has so many parameters."
published = "226"
judge = "count"
rows = { experiment = "sizes", metric = "parameters" }

[[claim]]
id = "beauty"
where = "section 4"
kind = "qualitative"
statement = "The layer is beautiful."
published = ["-"]
reason = "opinion"
depends = ["parameters"]
"""


def load(tmp_path: Path, text: str) -> tuple[claims.Claim, ...]:
    path = tmp_path / "claims.toml"
    path.write_text(text)
    return claims.load(path, "toy", JUDGES)


def test_claims_come_with_their_lines(tmp_path: Path) -> None:
    first, second = load(tmp_path, GOOD)
    assert (first.id, first.line, first.published, first.judge) == ("parameters", 2, ("226",), "count")
    assert (second.line, second.reason, second.depends, second.value) == (11, "opinion", ("parameters",), "-")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('unit', 'unit', None),
        ('where = "section 3"\n', "", "lacks 'where'"),
        ('kind = "count"', 'kind = "count"\ncolour = "red"', "has the unknown key 'colour'"),
        ('kind = "count"', 'kind = "counting"', "unknown kind 'counting'"),
        ('published = "226"', "published = 226", "'published' is 226, wanted a text as printed, in quotes"),
        ('published = "226"', "published = []", "'published' is"),
        ('judge = "count"', 'judge = "cuont"', "names the unknown judge 'cuont'"),
        ('judge = "count"\n', "", "either a judge or a reason"),
        ('reason = "opinion"', 'reason = "opinion"\njudge = "law"', "either a judge or a reason"),
        ('reason = "opinion"', 'reason = "boring"', "unknown reason 'boring'"),
        ('kind = "count"', 'kind = "count"\nweight = "heavy"', "unknown weight 'heavy'"),
        ('kind = "count"', 'kind = "count"\ncause = "haste"', "unknown cause 'haste'"),
        ('kind = "count"', 'kind = "count"\nshortened = "cut"', "'shortened' is for the judge 'printed'"),
        ('kind = "count"', 'kind = "count"\nspread = "range"', "unknown spread 'range'"),
        ('kind = "count"', 'kind = "count"\nlines = "4 to 9"', "has '4 to 9' for 'lines'"),
        ('kind = "count"', 'kind = "count"\nlines = "2, 9-4"', "where the first comes before the last"),
        ('kind = "count"', f'kind = "count"\nlines = "{"9" * 5000}"', "for 'lines', wanted numbers"),
        ('kind = "count"', 'kind = "count"\nlines = "4"\ndigest = "12"', "has '12' for 'digest'"),
        ('kind = "count"', 'kind = "count"\ndigest = "0123456789abcdef"', "and 'lines' beside it"),
        ('kind = "count"', 'kind = "count"\nlines = "4"\nelsewhere = "its code"', "leave out one of them"),
        ('kind = "count"', 'kind = "count"\nrestates = "parameters"', "restates itself"),
        ('kind = "count"', 'kind = "count"\nrestates = "nothing"', "restates 'nothing', which is no claim here"),
        ('rows = { experiment = "sizes", metric = "parameters" }', "", "either from 'rows' or by 'compute'"),
        (', metric = "parameters" }', " }", "wants 'experiment' and 'metric' in its 'rows'"),
        ('rows = { experiment = "sizes", metric = "parameters" }', 'compute = "three"', "wanted MODULE.FUNCTION"),
        ('judge = "count"', 'judge = "interval"', "lacks the 'margin' that is declared before any run"),
        ('judge = "count"', 'judge = "count"\nmargin = 0', "'margin' is 0, wanted a number above 0"),
        ('judge = "count"', 'judge = "interval"\nmargin = inf', "'margin' is inf, wanted a number above 0"),
        ('judge = "count"', 'judge = "law"\ntolerance = nan', "'tolerance' is nan, wanted a number above 0"),
        ('judge = "count"', 'judge = "count"\nruns = true', "'runs' is True, wanted a number above 0"),
        ('id = "beauty"', 'id = "parameters"', "claim 'parameters' stands at line 2 already"),
        ('id = "parameters"', 'id = "Para meters"', "wants an id of small letters"),
        ('depends = ["parameters"]', 'depends = ["gone"]', "depends on 'gone', which is no claim here"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_line_and_claim(tmp_path: Path, old: str, new: str, words: str | None) -> None:
    if words is None:
        assert len(load(tmp_path, GOOD)) == 2
        return
    with pytest.raises(UsageError, match=words) as raised:
        load(tmp_path, GOOD.replace(old, new))
    assert "claims.toml:" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="not readable as TOML"):
        load(tmp_path, "[[claim]\n")
    with pytest.raises(UsageError, match="wanted"):
        load(tmp_path, "# nothing\n")
    with pytest.raises(UsageError, match="no such file"):
        claims.load(tmp_path / "gone.toml", "toy", JUDGES)


def test_a_claim_that_restates_names_the_first(tmp_path: Path) -> None:
    third = GOOD.split("\n\n")[1].replace('"beauty"', '"grace"') + 'restates = "beauty"\n'
    assert [one.counts for one in load(tmp_path, GOOD + third)] == [True, True, False]
    with pytest.raises(UsageError, match="restates 'beauty', which restates 'parameters'; name that one"):
        load(tmp_path, GOOD + 'restates = "parameters"\n' + third)


def test_what_holds_by_definition_does_not_count(tmp_path: Path) -> None:
    assert not load(tmp_path, GOOD + 'weight = "definition"\n')[1].counts


def test_a_file_of_claims_names_its_document(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_text('[document]\ntitle = "On layers"\n' + GOOD)
    assert claims.source_of(path) == claims.Source("On layers", "")
    assert claims.load(path, "toy", JUDGES)[0].line == 4
    path.write_text('[document]\nauthor = "?"\n' + GOOD)
    with pytest.raises(UsageError, match=r"\[document\] is .*, wanted texts 'title' and 'link'"):
        claims.load(path, "toy", JUDGES)
