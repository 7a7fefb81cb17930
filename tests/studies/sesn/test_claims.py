"""The claims of the blog: all are there, the findings come out of evidence, and evidence tells of planted mistakes."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.polynomial.hermite import hermvander

from repro import stats
from repro.audit import document
from repro.audit.evidence import Runs, claims_of, evidence_of
from repro.stats import Sample
from repro.study import Study
from studies.sesn import study
from studies.sesn.claims import data as on_data
from studies.sesn.claims import layers as on_layers
from studies.sesn.claims import table as on_table
from studies.sesn.data import scaled, transforms
from studies.sesn.measured import averages, reanalysis
from studies.sesn.model import bases, layers, mnist
from studies.sesn.model.group import Affine, Element
from studies.sesn.published import results
from studies.sesn.published.results import BlogRun
from studies.sesn.published.table import TABLE_1
from tests.sources import PROJECT

assert isinstance(study, Study)
LISTED = 104  # claims counted in the document before this registry was written
JUDGED = 129
CLAIMS = {claim.id: claim for claim in claims_of("sesn")}
SIDES = tuple(column.name.replace("_", "-").replace("+", "-plus") for column in TABLE_1)
every_column = pytest.mark.parametrize("side", SIDES)


@pytest.fixture(scope="module")
def audited() -> dict[str, document.Audited]:
    return {one.claim.id: one for one in document.judge_study("sesn")}


def verdict(claim: str) -> str:
    return document.judge(study, CLAIMS[claim]).verdict


def evidence(claim: str) -> Any:
    return evidence_of(study, CLAIMS[claim])


# The registry


def test_no_claim_of_the_document_is_left_out() -> None:
    assert len(CLAIMS) >= LISTED
    assert sum(bool(claim.judge) for claim in CLAIMS.values()) >= JUDGED


def test_each_claim_without_a_judge_says_why() -> None:
    assert [claim.id for claim in CLAIMS.values() if claim.reason and not claim.note] == []


# Table 1: every cell is a claim


@every_column
def test_every_cell_is_a_claim(side: str) -> None:
    column = TABLE_1[SIDES.index(side)]
    assert (CLAIMS[f"ours-{side}-mean"].value, CLAIMS[f"ours-{side}-spread"].value) == column.ours
    assert CLAIMS[f"ours-{side}"].value == column.ours[0]
    for kind in ("paper", "agrees"):
        assert CLAIMS[f"{kind}-{side}"].value == " ± ".join(column.paper)
        assert (CLAIMS[f"{kind}-{side}"].runs, CLAIMS[f"{kind}-{side}"].margin) == (6, 0.10)


def test_columns_compare_unlike_things(audited: dict[str, document.Audited]) -> None:
    found = audited["table-columns"].judgement
    assert found.verdict == "protocol mismatch"
    assert len(re.findall(r"6 of the 1[12] runs in \S+ are with(out)? augmentation", found.evidence)) == len(TABLE_1)


def test_columns_of_one_setting_would_be_no_mismatch(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {(column.model, column.factor) for column in TABLE_1}
    like = tuple(run for run in results.published_runs() if (run.model, run.factor) in settings)
    monkeypatch.setattr(results, "published_runs", lambda: like)
    assert verdict("table-columns") == "reproduced"


def test_printed_figures_are_cut_off(audited: dict[str, document.Audited]) -> None:
    figures = [audited[f"ours-{side}-{what}"].judgement for side in SIDES for what in ("mean", "spread")]
    assert {one.verdict for one in figures} == {"reproduced"}
    assert Counter("cut off, not rounded" in one.evidence for one in figures) == {False: 9, True: 7}
    assert audited["table-rounding"].judgement.verdict == "reproduced"
    assert audited["table-rounding"].judgement.evidence == "rounding gives 9 of the 16 figures, cutting off 16"


@every_column
def test_no_cell_holds_what_its_column_says(side: str, audited: dict[str, document.Audited]) -> None:
    """Nor is that held against a cell: it is of two settings, which is what the columns' own claim says."""
    assert (
        audited[f"ours-{side}"].judgement.verdict == audited["table-columns"].judgement.verdict == "protocol mismatch"
    )


def test_cells_are_one_finding_of_the_columns_and_of_their_rounding() -> None:
    for side in SIDES:
        assert CLAIMS[f"ours-{side}"].restates == CLAIMS[f"agrees-{side}"].restates == "table-columns"
        for what in ("mean", "spread"):
            assert CLAIMS[f"ours-{side}-{what}"].restates == "table-rounding"


@pytest.mark.parametrize("side", ["scalar-28-plus", "vector-28-plus"])
def test_a_difference_names_its_cause(side: str) -> None:
    """The note beside a column that differs tells the runs without augmentation, and what those with it have."""
    cell = reanalysis.cell_of(TABLE_1[SIDES.index(side)], results.published_runs())
    strange = cell.pooled.n - cell.matched.n
    more = cell.matched.mean - cell.paper.mean
    said = CLAIMS[f"agrees-{side}"].note
    assert said.startswith(f"{strange} of the {cell.pooled.n} runs in 'ours' are without augmentation")
    assert said.endswith(f"have {cell.matched.mean:.2f}, {more:.2f} more.")


def test_what_is_said_of_similar_results_is_computed() -> None:
    cells = [reanalysis.cell_of(column, results.published_runs()) for column in TABLE_1]

    def counted(kind: str) -> tuple[int, int]:
        samples = [getattr(cell, kind) for cell in cells]
        pairs = list(zip(samples, (cell.paper for cell in cells), strict=True))
        differ = sum(stats.welch(*pair).p <= 0.05 for pair in pairs)
        return differ, sum(stats.tost(*pair, 0.10) <= 0.05 for pair in pairs)

    (differ, equal), (alike_differ, alike_equal) = counted("printed"), counted("matched")
    assert f"{differ} of 8 columns differ as printed, {alike_differ} like with like" in CLAIMS["table-similar"].note
    assert f"{equal} and {alike_equal} are shown equal within 0.10" in CLAIMS["table-similar"].note


def test_as_printed_no_column_is_shown_equal_and_none_beyond_the_margin(audited: dict[str, document.Audited]) -> None:
    """Two of eight differ after Holm's correction, but by how much more than the margin is not shown."""
    assert {audited[f"agrees-{side}"].judgement.verdict for side in SIDES} == {"inconclusive"}


@every_column
def test_the_papers_cells_wait_for_faithful_runs(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_table, "values", lambda *_: Runs(()))
    found = document.judge(study, CLAIMS[f"paper-{side}"])
    assert (found.verdict, found.more) == ("inconclusive", 6)
    assert "no faithful run yet: `repro run sesn --profile paper" in found.evidence


def test_faithful_runs_answer_the_papers_cells_one_a_realisation(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {k: Runs((2.09 + 0.005 * k, 9.0)) for k in results.REALISATIONS}
    monkeypatch.setattr(on_table, "values", lambda *asked: rows.get(asked[-1].realisation, Runs(())))
    assert evidence("paper-scalar-28") == Runs(tuple(2.09 + 0.005 * k for k in results.REALISATIONS))
    rows[3] = Runs((9.0,), diverged=1)  # of one seed; another does not stand in for it
    assert evidence("paper-scalar-28") == Runs(tuple(2.09 + 0.005 * k for k in (0, 1, 2, 4, 5)), diverged=1)
    del rows[5]
    assert document.judge(study, CLAIMS["paper-scalar-28"]).more == 1


def test_hashes_without_rows_are_no_mistake_of_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_table, "values", lambda *_: Runs(()))
    assert verdict("data-hashes") == "inconclusive"
    monkeypatch.setattr(on_table, "values", lambda *_: Runs((1.0, 0.0)))
    assert verdict("data-hashes") == "erratum"


def test_counts_of_parameters(audited: dict[str, document.Audited]) -> None:
    for claim in ("params-mnist", "params-plain", "params-stl", "params-stl-exact"):
        assert audited[claim].judgement.verdict == "reproduced"
    assert set(evidence("params-mnist")) == {494_549}
    assert evidence("params-stl-exact") == [10_961_370] * 3 + [10_979_802]


def test_what_the_runs_order_on_the_page_is_what_the_audit_says(audited: dict[str, document.Audited]) -> None:
    """The page had told an unpaired test of what the audit judges in pairs."""
    page = (PROJECT / "docs/study-sesn.md").read_text()
    said = {}
    for what in ("plus", "size", "vector"):
        found = [audited[name].judgement for name in audited if name.startswith(f"order-{what}")]
        assert len(found) == 4
        shown = [one.ours for one in found if one.verdict == "reproduced" and one.ours]
        middles, ends = sorted(one[0] for one in shown), min(one[1] for one in shown)
        said[what] = f"{len(shown)} of 4 shown", f"{middles[0]:.2f}", f"{middles[-1]:.2f}", f"{ends:.2f}"
    for what, row in (("plus", '| the "+"'), ("size", "| 56x56 is"), ("vector", "| vector is")):
        (line,) = [one for one in page.splitlines() if one.startswith(row)]
        assert [one for one in said[what] if one not in line] == []


def test_other_findings(audited: dict[str, document.Audited]) -> None:
    wrong = ["data-test", "data-test-share", "runs-twelve"]
    wrong += ["einsum-syntax", "runs-six-each"]
    right = ["fn4-misprint", "norm-line", "conv-equivariant", "conv-layer", "runs-script", "data-hashes"]
    right += ["h-semidirect", "alg-complete", "ctx-expensive", "ctx-solved", "pool-transition", "pool-shift"]
    right += ["sharing-meaningful", "fn3-ten"]
    assert {audited[claim].judgement.verdict for claim in wrong} == {"erratum"}
    assert {audited[claim].judgement.verdict for claim in right} == {"reproduced"}
    lost = ["scaling-list", "alg-truncated"]
    assert {audited[claim].judgement.verdict for claim in lost} == {"transcription"}


def test_the_list_of_scales_lacks_the_unit() -> None:
    assert evidence("alg-truncated")[1].endswith("5 elements, without 1")


# The document


def test_each_claim_stands_in_the_document_or_says_where() -> None:
    assert [claim.id for claim in CLAIMS.values() if not (claim.lines and claim.digest) and not claim.elsewhere] == []
    elsewhere = {claim.elsewhere for claim in CLAIMS.values() if claim.elsewhere}
    assert all("code" in where or "repository" in where for where in elsewhere)


# Planted mistakes


def test_a_wrong_product_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(second: Element, first: Element) -> Element:
        return Element(second.s * first.s, first.s * second.t + first.t)

    monkeypatch.setattr(Element, "__matmul__", wrong)
    assert [verdict(one) for one in ("h-product", "h-quotient", "h-order")] == ["erratum"] * 3


def test_a_filter_that_is_not_rescaled_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(group: Affine, f: Any, psi: Any, g: Any) -> int:
        return sum(f((s, x)) * psi((s, (x - g[1]) % group.prime)) for s, x in group.elements())

    monkeypatch.setattr(Affine, "convolve_by_scale", wrong)
    assert [verdict("conv-by-scale"), verdict("conv-by-channel")] == ["erratum", "erratum"]


def test_physicists_polynomials_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "hermite", lambda x, order: bases.hermite_e.HermiteE.basis(order)(2 * x))
    assert verdict("fn2-hermite") == "erratum"


def test_expanding_without_exchange_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def reshaped(kernels_OCSKK: torch.Tensor) -> torch.Tensor:
        return kernels_OCSKK.reshape(-1, kernels_OCSKK.shape[1], *kernels_OCSKK.shape[3:])

    monkeypatch.setattr(on_layers, "_expanded", reshaped)
    assert [verdict(one) for one in ("lift-formula", "fn4-misprint", "fn5-oblong")] == ["erratum"] * 3


def test_a_layer_that_is_the_blogs_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(layer: layers.LiftConv2d, x: torch.Tensor) -> torch.Tensor:
        kernels = layer.kernels().reshape(-1, layer.in_channels, layer.basis.size, layer.basis.size)
        return F.conv2d(x, kernels, padding=layer.padding, stride=layer.stride).unflatten(1, (layer.out_channels, -1))

    monkeypatch.setattr(layers.LiftConv2d, "forward", forward)
    assert verdict("lift-scales") == "erratum"


def test_kernels_that_stay_would_not_be_followed_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_layers, "_scale_errors", lambda: ([0.1, 0.1, 0.001], [0.01] * 3))
    assert verdict("ctx-solved") == "erratum"


def test_means_in_place_of_maxima_would_change_with_a_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(F, "max_pool2d", F.avg_pool2d)
    assert verdict("pool-shift") == "erratum"


def test_pooling_over_blocks_alone_would_not_make_invariant(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = F.max_pool2d
    monkeypatch.setattr(F, "max_pool2d", lambda x, side: pool(x, min(side, 3)))
    assert verdict("pool-transition") == "erratum"


def test_a_basis_of_even_orders_would_not_be_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        on_layers, "hermvander", lambda x, order: hermvander(x, order) * (np.arange(order + 1) % 2 == 0)
    )
    with np.errstate(invalid="ignore"):
        assert verdict("alg-complete") == "erratum"


def test_networks_as_cheap_as_plain_ones_are_not_expensive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_data, "_ratios", lambda: [1.5, 10.0])
    assert verdict("ctx-expensive") == "erratum"


def test_another_hole_padding_or_kernel_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = dataclasses.replace(transforms.PROTOCOL, hole=30, flip=0.4)
    monkeypatch.setattr(transforms, "PROTOCOL", recipe)
    monkeypatch.setattr(transforms.draw, "__defaults__", (recipe,))
    assert [verdict("stl-cutout"), verdict("stl-flip")] == ["erratum", "erratum"]
    wider = dataclasses.replace(mnist.ARCHITECTURES["vector_56"], hidden=255)
    monkeypatch.setitem(mnist.ARCHITECTURES, "vector_56", wider)
    assert verdict("params-mnist") == "erratum"


def test_factors_of_another_range_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaled, "FACTORS", (0.25, 1.0))
    assert verdict("data-range") == "erratum"


def test_two_more_runs_would_make_twelve(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = results.published_runs()
    more = [BlogRun(*setting, Fraction(49_100, 50_000), 500, False) for setting in averages.missing(runs)]
    monkeypatch.setattr(results, "published_runs", lambda: (*runs, *more))
    assert verdict("runs-twelve") == "reproduced"
    assert verdict("runs-six-each") == "erratum"


def test_a_printed_cell_is_a_sample_of_the_runs_that_it_pools() -> None:
    assert evidence("agrees-scalar-28") == Sample(1.95, 0.17, 12)
    assert evidence("agrees-vector-56-plus") == Sample(1.59, 0.16, 11)
