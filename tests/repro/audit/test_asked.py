"""A verdict without a study: the judges' own words on somebody's results, and their opposite where these change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import ttest_ind

import repro
from repro.audit import made_of, measured, samples
from repro.audit.claims import Claim
from repro.audit.verdicts import Runs
from repro.errors import UsageError
from tests.sources import PROJECT

OURS = (93.49, 92.81, 93.20, 92.93, 93.37)
BASE = (91.9, 92.1, 91.7, 92.0, 92.2)


def table(folder: Path, *, ours: Sequence[Any] = OURS, base: Sequence[Any] = BASE, shift: int = 0) -> Path:
    """Write the results of two methods; the seeds of the second begin at `shift`."""
    path = folder / "results.csv"
    lines = [f"ours,{seed},{value}" for seed, value in enumerate(ours)]
    lines += [f"base,{seed},{value}" for seed, value in enumerate(base, shift)]
    path.write_text("\n".join(["method,seed,acc", *lines]) + "\n")
    return path


def judged(path: Path, **options: Any) -> repro.Asked:
    return repro.judge(path, metric="acc", **{"where": {"method": "ours"}, **options})


PUBLISHED = {"published": "93.1 ± 0.3", "runs": 5, "spread": "sd"}


def test_a_published_mean_is_judged_as_a_claim_of_a_document_is(tmp_path: Path) -> None:
    found = judged(table(tmp_path), **PUBLISHED)
    claim = Claim("", "", "", "value", "", ("93.1 ± 0.3",), 0, runs=5, spread="sd", margin=0.6)
    assert found.judgement == samples.decide_samples(claim, list(OURS))
    assert (found.judgement.verdict, found.exit_code) == ("reproduced", 0)
    assert found.margin_from == "twice the published deviation, as none was declared"


@pytest.mark.parametrize(
    ("shift", "options", "verdict", "code"),
    [
        (0.0, PUBLISHED, "reproduced", 0),
        (0.0, {**PUBLISHED, "margin": 0.1}, "inconclusive", 4),
        (5.0, PUBLISHED, "not reproduced", 1),
        (-5.0, PUBLISHED, "not reproduced", 1),
        (0.0, {"published": "93.1", "margin": 1.0}, "reproduced", 0),
        (5.0, {"published": "93.1", "margin": 1.0}, "not reproduced", 1),
        (0.0, {"above": "92"}, "reproduced", 0),
        (0.0, {"above": 94}, "not reproduced", 1),
        (0.0, {"above": "93.1"}, "inconclusive", 4),
        (0.0, {"below": "94"}, "reproduced", 0),
        (0.0, {"below": "92.5"}, "not reproduced", 1),
        (0.0, {"better_than": "method=base"}, "reproduced", 0),
        (-5.0, {"better_than": "method=base"}, "not reproduced", 1),
        (0.0, {"better_than": "method=base", "lower_is_better": True}, "not reproduced", 1),
        (-5.0, {"better_than": "method=base", "lower_is_better": True}, "reproduced", 0),
    ],
)
def test_verdicts_and_exit_codes(
    shift: float, options: dict[str, Any], verdict: str, code: int, tmp_path: Path
) -> None:
    found = judged(table(tmp_path, ours=[value + shift for value in OURS]), **options)
    assert (found.judgement.verdict, found.exit_code) == (verdict, code)
    assert json.loads(json.dumps(found.record))["exit_code"] == code


def test_further_runs_are_said_where_it_takes_more(tmp_path: Path) -> None:
    found = judged(table(tmp_path, ours=OURS[:3]), **PUBLISHED)
    assert (found.judgement.verdict, found.judgement.more) == ("inconclusive", 2)
    near = judged(table(tmp_path), above="93.0")
    assert near.judgement.verdict == "inconclusive"
    assert near.judgement.more is not None
    assert near.judgement.more > 0


# The margin


@pytest.mark.parametrize(("spread", "margin"), [("sd", 0.6), ("se", 0.6 * 5**0.5), ("2sd", 0.3)])
def test_a_margin_that_nobody_declared_is_twice_the_published_deviation(
    spread: str, margin: float, tmp_path: Path
) -> None:
    path = table(tmp_path)
    found = judged(path, published="93.1 ± 0.3", runs=5, spread=spread)
    assert found.claim.margin == pytest.approx(margin)
    other = judged(table(tmp_path, ours=BASE), published="93.1 ± 0.3", runs=5, spread=spread)
    assert other.claim.margin == found.claim.margin  # whatever the results are


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"published": "93.1"}, "--margin: 93.1 is published without ±"),
        ({"published": "93.1 ± 0.3", "runs": 5}, "--spread: what is the ± of 93.1 ± 0.3"),
        ({"published": "93.1 ± 0.3", "spread": "sd"}, "--runs: 93.1 ± 0.3 is the mean of how many runs"),
        ({"published": "93.1 ± 0.0", "runs": 5, "spread": "sd"}, "--margin: 93.1 ± 0.0 has no spread"),
        ({**PUBLISHED, "margin": 0.0}, "--margin 0: wanted a number above 0"),
        ({**PUBLISHED, "margin": float("nan")}, "--margin nan: wanted a number above 0"),
        ({**PUBLISHED, "spread": "std"}, "--spread std: no such spread; did you mean"),
        ({}, "wanted one of --published, --above, --below and --better-than, got none of them"),
        ({"above": 1, "below": 2}, "got --above and --below"),
        ({"published": "about 93", "margin": 1.0}, "--published about 93: wanted a mean"),
        ({"published": "93,1", "margin": 1.0}, "the comma of .93,1. parts no thousands; .*with a decimal point"),
        ({"above": "much"}, "--above much: no number"),
        ({"above": 90, "lower_is_better": True}, "--lower-is-better: says which runs are better"),
        ({"better_than": "method=ours"}, "--where asks for the same runs"),
        ({"better_than": "method=base", "where": ()}, "better is what"),
        ({"better_than": "base"}, "wanted field=value"),
        ({**PUBLISHED, "where": ["method=ours", "method=base"]}, "--where: 'method' stands twice"),
    ],
)
def test_what_is_missing_or_wrong_is_asked_for(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        judged(table(tmp_path), **options)


# Units


def test_fractions_and_percent_are_told_apart_and_converted_only_where_a_unit_is_said(tmp_path: Path) -> None:
    fractions = table(tmp_path, ours=[value / 100 for value in OURS])
    with pytest.raises(UsageError, match=r"is one of them in percent\?.*--unit % or --unit 1"):
        judged(fractions, **PUBLISHED)
    found = judged(fractions, unit="%", **PUBLISHED)
    whole = judged(table(tmp_path), unit="%", **PUBLISHED)
    assert found.judgement.ours == pytest.approx(whole.judgement.ours)
    assert found.notes == ("acc of 0.9281 to 0.9349 was read as fractions, and converted into %",)
    assert whole.notes == ()
    part = {"published": "0.931 ± 0.003", "runs": 5, "spread": "sd"}
    assert judged(table(tmp_path), unit="1", **part).judgement.verdict == "reproduced"
    assert judged(table(tmp_path), unit="same", **part).judgement.verdict == "not reproduced"
    assert judged(table(tmp_path), published="93.1 ± 0.3%", runs=5, spread="sd").claim.unit == "%"
    assert judged(table(tmp_path, ours=[value / 100 for value in OURS]), above=92, unit="%").exit_code == 0


@pytest.mark.parametrize(
    "style",
    ["93.1% ± 0.3%", r"93.1 \pm 0.3", "93.1 (0.3)", "93.1(3)", r"$\textbf{93.1}_{\pm 0.3}$", "**93.1** +/- 0.3"],
)
def test_what_is_published_may_be_written_as_in_a_table(style: str, tmp_path: Path) -> None:
    found, plain = (judged(table(tmp_path), **{**PUBLISHED, "published": one}) for one in (style, "93.1 ± 0.3"))
    assert found.judgement == plain.judgement
    assert found.claim.unit == ("%" if "%" in style else "")


@pytest.mark.parametrize(
    ("style", "why"),
    [
        ("93.1 [92.8, 93.4]", "an interval, from which 93.1 ± 0.3 would be taken"),
        ("93.1 +0.3/-0.2", "its ends are uneven"),
        ("93.1 (3)", r"(3) may be a spread, one in its last digits, a count or a rank"),
        ("93,1 ± 0,3", "the comma of '93,1' parts no thousands"),
        ("1,234", "the comma of '1,234' may be decimal or part thousands"),
        ("93.1 94.2", "holds two numbers, 93.1 and 94.2"),
        ("± 0.3", "wanted a mean"),
        ("OOM", "no number (OOM)"),
        ("93.1 (+1.2)", "(+1.2) stands beside it"),
    ],
)
def test_what_is_published_otherwise_is_refused_with_why(style: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        judged(table(tmp_path), **{**PUBLISHED, "published": style})
    said = str(raised.value)
    assert said.startswith(f"--published {style}: {why}")
    assert "; write one number, or a mean and its spread as in '93.1 ± 0.3'" in said
    assert "say `--" not in said  # which are options of whole tables


def test_a_limit_that_may_mean_two_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--above 1,234: the comma of '1,234' may be .*; write one number, with"):
        judged(table(tmp_path), above="1,234")
    assert judged(table(tmp_path), below="1,234.5").claim.value == "< 1234.5"


def test_a_power_behind_a_spread_alone_is_refused_by_every_judge(tmp_path: Path) -> None:
    small = table(tmp_path, ours=[4.71e-5, 4.66e-5, 4.73e-5, 4.69e-5, 4.75e-5, 4.68e-5])
    said = "the power of '4.7 ± 0.2e-5' may be of both numbers; put both in brackets before it or write it behind each"
    for text in ("4.7 ± 0.2e-5", "4.7±0.2E-5", "4.7 (0.2e-5)"):
        with pytest.raises(UsageError, match=r"the power of '4.7 ± 0.2[eE]-5' may be of both numbers") as raised:
            judged(small, published=text, runs=5, spread="sd")
        assert "decimal point" not in str(raised.value)
    for text in ("(4.7 ± 0.2)e-5", "4.7e-5 ± 0.2e-5", "0.000047 ± 2e-6"):
        assert judged(small, published=text, runs=5, spread="sd").judgement.verdict == "reproduced"
    with pytest.raises(UsageError, match=said):
        samples.box_of(Claim("", "", "", "value", "", ("4.7 ± 0.2e-5",), 0, runs=5))
    with pytest.raises(UsageError, match=said):
        made_of.prints_of(["4.7 ± 0.2e-5"])
    assert made_of.prints_of(["4.7", "0.2e-5"])[1] is not None  # a column of its own has its own power


def test_two_units_are_never_said_of_one_number(tmp_path: Path) -> None:
    fractions = table(tmp_path, ours=[value / 100 for value in OURS])
    with pytest.raises(UsageError, match=r"--unit 1: 93.1% is in percent; leave out one"):
        judged(fractions, published="93.1%", margin=1, unit="1")
    with pytest.raises(UsageError, match=r"--unit 1: 93.1 ± 0.3 is no fraction.*say --unit %"):
        judged(fractions, unit="1", **PUBLISHED)
    with pytest.raises(UsageError, match=r"--unit %: says what is published, and --better-than compares"):
        judged(fractions, better_than="method=base", unit="%")
    assert judged(fractions, above="92%").exit_code == 0
    assert judged(table(tmp_path), below="92 %").exit_code == 1


def test_fractions_are_never_compared_with_percent(tmp_path: Path) -> None:
    mixed = table(tmp_path, ours=[value / 100 for value in OURS])
    with pytest.raises(UsageError, match=r"acc is 0.9349 in row 1 and 91.9 in row 6: fractions and percent are mixed"):
        judged(mixed, better_than="method=base")
    assert judged(mixed, better_than="method=base", unit="same").exit_code == 1


ERRORS = [0.0095, 0.0098, 0.0091, 0.0097, 0.0099, 0.0103]  # fractions, of a mean of 0.972 %
HUMANS = [1.03, 1.05, 1.04, 1.06, 1.02, 1.04]  # scores of which a human's is 1


@pytest.mark.parametrize(
    ("results", "options", "verdict"),
    [
        (ERRORS, {"below": "0.8%"}, "not reproduced"),
        (ERRORS, {"below": "1.1%"}, "reproduced"),
        (ERRORS, {"published": "0.98% ± 0.05%", "runs": 5, "spread": "sd"}, "reproduced"),
        (ERRORS, {"published": "0.98 ± 0.05", "runs": 5, "spread": "sd", "unit": "%"}, "reproduced"),
        (HUMANS, {"published": "104% ± 3%", "runs": 5, "spread": "sd"}, "reproduced"),
        ([0.97, 1.01, 0.98, 0.99, 0.96, 0.97], {"published": "98% ± 3%", "runs": 5, "spread": "sd"}, "reproduced"),
        ([0.95, 0.98, 0.91, 0.97, 0.99, 0.93], {"below": "1.1%", "unit": "same"}, "reproduced"),
        (HUMANS, {"published": "1.04 ± 0.03", "runs": 5, "spread": "sd"}, "reproduced"),
        (
            [100 * one for one in HUMANS],
            {"published": "1.04 ± 0.03", "runs": 5, "spread": "sd", "unit": "1"},
            "reproduced",
        ),
        (ERRORS, {"published": "0.98 ± 0.05", "runs": 5, "spread": "sd", "unit": "1"}, "not reproduced"),
    ],
)
def test_whether_results_are_fractions_of_a_percentage_is_told_by_their_size(
    results: list[float], options: dict[str, Any], verdict: str, tmp_path: Path
) -> None:
    """Small errors in percent, and scores above 100 %, are as far from fractions as any percentage is."""
    assert judged(table(tmp_path, ours=results), **options).judgement.verdict == verdict


def test_errors_in_percent_below_one_are_left_as_they_are_and_said(tmp_path: Path) -> None:
    small = table(tmp_path, ours=[0.95, 0.98, 0.91, 0.97, 0.99, 0.93])
    found = judged(small, published="1.02% ± 0.10%", runs=5, spread="sd", margin=0.3)
    assert found.judgement.verdict == "reproduced"
    assert found.judgement == judged(small, published="1.02 ± 0.10", runs=5, spread="sd", margin=0.3).judgement
    assert found.notes[0] == "acc of 0.91 to 0.99 was read as being in %, too"


def test_a_percentage_that_leaves_open_what_results_are_is_asked_about(tmp_path: Path) -> None:
    """0.3 may be 30 % or 0.3 %, and 5 % is as far from the one as from the other; each way of saying so works."""
    third = table(tmp_path, ours=[0.31, 0.29, 0.30, 0.32, 0.28])
    with pytest.raises(UsageError, match=r"5 is published in %, and acc of 0.28 to 0.32 may be that or fractions"):
        judged(third, below="5%")
    assert judged(third, below="5%", unit="same").judgement.verdict == "reproduced"
    assert judged(third, below=0.05, unit="1").judgement.verdict == "not reproduced"


@pytest.mark.parametrize(
    ("results", "value"), [(ERRORS, "0.98 ± 0.05"), (HUMANS, "104 ± 3"), ([100 * one for one in HUMANS], "1.04 ± 0.03")]
)
def test_a_hundredfold_of_small_and_large_shares_is_asked_about(
    results: list[float], value: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"is one of them in percent\?"):
        judged(table(tmp_path, ours=results), published=value, runs=5, spread="sd")


def test_a_hundredfold_that_is_no_percentage_is_a_difference(tmp_path: Path) -> None:
    found = judged(table(tmp_path, ours=[9310 + seed for seed in range(5)]), **PUBLISHED)
    assert found.judgement.verdict == "not reproduced"


def test_units_mixed_among_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"acc is 0.9281 in row 2 and 93.49 in row 1: fractions and percent are mixed"):
        judged(table(tmp_path, ours=[93.49, 0.9281, 93.2, 92.93, 93.37]), **PUBLISHED)
    losses = table(tmp_path, ours=[0.5, 0.9, 1.4, 30, 3])
    assert judged(losses, above=-1).judgement.verdict == "inconclusive"


# Runs that left no value


def test_several_kinds_are_compared_together_and_said_so(tmp_path: Path) -> None:
    path = table(tmp_path)
    worse = [f"old,{seed},{value - 20}" for seed, value in enumerate(BASE)]
    path.write_text(path.read_text() + "\n".join(worse) + "\n")
    found = judged(path, better_than="method=base,old", across=["method"])
    assert found.claim.published == ("ours is higher than base and old together",)
    assert "10 runs of 5 seeds, across method, count one by one" in found.notes
    assert not any("one by one" in note for note in judged(path, better_than="method=old").notes)


def test_results_that_are_all_one_number_are_told(tmp_path: Path) -> None:
    same = table(tmp_path, ours=[93.1] * 5)
    words = "all 5 results are 93.1: look whether seeds move them, or one was copied"
    assert words in judged(same, **PUBLISHED).notes
    assert words in judged(same, better_than="method=base").notes
    assert judged(table(tmp_path), **PUBLISHED).notes == ()


def test_survivors_reproduce_nothing_and_the_lost_are_named(tmp_path: Path) -> None:
    found = judged(table(tmp_path, ours=[*OURS, "nan", "OOM"]), **PUBLISHED)
    assert (found.judgement.verdict, found.exit_code) == ("inconclusive", 4)
    assert found.judgement.evidence.endswith("1 of 7 diverged; 1 of 7 left no value; row 7 failed: OOM")
    far = judged(table(tmp_path, ours=[*(value + 5 for value in OURS), "OOM"]), **PUBLISHED)
    assert far.judgement.verdict == "not reproduced"  # a difference that is shown stays shown


# One kind of runs and another


def test_shared_seeds_are_paired_as_the_judge_of_orders_pairs_them(tmp_path: Path) -> None:
    found = judged(table(tmp_path), better_than="method=base")
    differences = [mine - other for mine, other in zip(OURS, BASE, strict=True)]
    claim = Claim("", "", "", "order", "", ("",), 0)
    assert found.judgement == measured.decide_order(claim, Runs(tuple(differences)))
    assert found.notes == ("paired by 5 shared seeds",)
    more = judged(table(tmp_path, base=(*BASE, 90.0)), better_than="method=base")
    assert more.judgement == found.judgement
    assert more.notes == ("paired by 5 shared seeds; 1 runs without a partner are left out",)


def test_runs_of_several_sets_are_no_seeds(tmp_path: Path) -> None:
    lines = [f"{method},{data},{seed},{90 + seed + len(method)}" for method in ("ours", "base") for data in "ab"
             for seed in range(3)]  # fmt: skip
    path = tmp_path / "sets.csv"
    path.write_text("\n".join(["method,data,seed,acc", *lines]))
    found = repro.judge(path, metric="acc", where=["method=ours"], better_than="method=base", across=["data"])
    assert "paired by 6 shared pairs of a seed and data" in found.notes[0]


def test_seeds_of_their_own_are_compared_as_two_samples(tmp_path: Path) -> None:
    found = judged(table(tmp_path, shift=100), better_than="method=base")
    assert found.notes == ("not paired: 0 seeds are shared",)
    assert (found.judgement.verdict, found.judgement.n) == ("reproduced", 10)
    assert found.judgement.evidence.startswith("+1.18, one-sided bounds +0.")
    turned = judged(table(tmp_path, shift=100), better_than="method=base", lower_is_better=True)
    assert turned.judgement.verdict == "not reproduced"
    few = judged(table(tmp_path, base=BASE[:2], shift=100), better_than="method=base")
    assert (few.judgement.verdict, few.judgement.more) == ("inconclusive", 3)
    lost = judged(table(tmp_path, base=[*BASE, "OOM"], shift=100), better_than="method=base")
    assert lost.judgement.verdict == "inconclusive"
    assert lost.judgement.evidence.endswith("1 of 11 left no value; row 11 failed: OOM")


@pytest.mark.parametrize("lower", [False, True])
def test_the_p_of_seeds_of_their_own_is_welch_s(lower: bool, tmp_path: Path) -> None:
    near = (93.1, 93.4, 92.9, 93.3, 92.7, 93.6)
    path = table(tmp_path, base=near, shift=100)
    found = judged(path, better_than="method=base", lower_is_better=lower)
    wrong = "greater" if lower else "less"  # what speaks against the claim
    assert found.judgement.p == pytest.approx(ttest_ind(OURS, near, equal_var=False, alternative=wrong).pvalue)


def test_a_pair_of_which_one_diverged_is_no_difference(tmp_path: Path) -> None:
    found = judged(table(tmp_path, base=["nan", *BASE[1:], 91.9], ours=[*OURS, 93.2]), better_than="method=base")
    assert found.judgement.verdict == "inconclusive"
    assert found.judgement.evidence.endswith("1 of 6 diverged")


# What it costs


def test_a_verdict_needs_no_heavy_import(tmp_path: Path) -> None:
    script = (
        "import sys, repro\n"
        f"found = repro.judge({str(table(tmp_path))!r}, metric='acc', where={{'method': 'ours'}}, margin=0.5,\n"
        "    published='93.1 ± 0.3', runs=5, spread='sd')\n"
        "heavy = ('torch', 'scipy', 'pyarrow', 'pandas', 'matplotlib')\n"
        "print(found.judgement.verdict, *[name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["inconclusive"]
