"""What a study declares is read from its bands, so that they can be drawn again where the study is not."""

from dataclasses import replace

import pytest

from repro.bundle import again
from repro.golden.bands import as_bands
from repro.study import Metric
from tests.repro.support.synthetic import Row, golden_of, invented


@pytest.mark.parametrize("n_test", [None, 100, 5000])  # 100: a share of so many items would move by the same step
def test_a_declared_step_is_read_from_its_bands(n_test: int | None) -> None:
    study = invented()
    metrics = (Metric("loss", "epoch", step=1.0),)
    study.experiments["noisy"] = replace(study.experiments["noisy"], metrics=metrics)

    def edit(row: Row) -> None:
        row |= {"n_test": n_test, "value": float(row["replicate"] % 3)}

    golden = golden_of(study, edit=edit)
    again.hold_bands(golden, "here")
    assert {band.quantum for band in as_bands(golden.bands) if band.metric == "loss"} == {1.0}
