"""Optuna's databases: only complete trials have a result, parameters are what the objective got."""

from __future__ import annotations

import math
import shutil
import sqlite3
from pathlib import Path

import pytest

from repro.errors import IntegrityError, NothingSelectedError
from repro.outside import formats
from repro.outside.logged import Log
from repro.outside.readers import optuna
from tests.repro.outside.encoded import cuts, read_or_refused

VAL_ACC = {1: [0.871, 0.906], 2: [0.868, 0.909], 3: [0.874, 0.912]}


@pytest.fixture
def study(shared: Path, tmp_path: Path) -> Path:
    """Return a copy of the database."""
    path = shared / "run-logs" / "optuna-5.0.0" / "study.db"
    if not path.is_file():
        pytest.skip("no logs of Optuna among the shared data")
    return Path(shutil.copyfile(path, tmp_path / "study.db"))


def changed(path: Path, *statements: str) -> Path:
    """Return the database after some statements."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


class TestRealLogs:
    def test_results_parameters_and_reports_are_the_true_ones(self, study: Path) -> None:
        log = formats.read(study)
        assert (log.tool, log.version) == ("Optuna", "5.0.0")
        for run, (seed, true), net in zip(log.runs[:3], VAL_ACC.items(), ("plain", "plain", "wide"), strict=True):
            assert (run.state, run.fields["seed"], run.fields["net"]) == ("finished", seed, net)
            assert isinstance(run.fields["seed"], int)
            assert (run.curves["value"].values.tolist(), run.curves["value"].after) == ([true[-1]], True)
            reported = run.curves["intermediate"]
            assert reported.steps is not None
            assert (reported.values.tolist(), reported.steps.tolist()) == (true, [0, 1])

    def test_a_pruned_trial_has_no_result_and_its_value_is_told(self, study: Path) -> None:
        pruned = formats.read(study).runs[3]
        assert (pruned.state, "value" in pruned.curves) == ("unfinished", False)
        assert pruned.why.startswith("it was pruned")
        assert pruned.notes == ("0.3 is stored as its value, and is left out",)
        assert pruned.curves["intermediate"].values.tolist() == [0.3]

    def test_infinities_and_nan_are_by_their_type(self, study: Path) -> None:
        runs = formats.read(study).runs
        assert [runs[place].curves["value"].values.tolist() for place in (4, 5)] == [[math.inf], [-math.inf]]
        first, nan, infinite = runs[4].curves["intermediate"].values.tolist()
        assert (first, infinite) == (0.3, math.inf)
        assert math.isnan(nan)

    def test_a_failed_trial_is_named(self, study: Path) -> None:
        failed = formats.read(study).runs[6]
        assert (failed.name, failed.origin, failed.state) == ("trial 6", "trial_id 7", "failed")

    def test_it_is_found_in_its_folder(self, study: Path) -> None:
        assert len(formats.read(study.parent).runs) == 7


class TestStored:
    def test_a_type_stands_before_the_value(self, study: Path) -> None:
        changed(study, "UPDATE trial_values SET value = 0.9 WHERE value_type = 'INF_POS'")
        assert formats.read(study).runs[4].curves["value"].values.tolist() == [math.inf]

    def test_several_objectives_have_a_name_each(self, study: Path) -> None:
        changed(study, "INSERT INTO trial_values VALUES (99, 1, 1, 0.25, 'FINITE')")
        run = formats.read(study).runs[0]
        assert {name: one.values.tolist() for name, one in run.curves.items() if one.after} == {
            "value_0": [0.906],
            "value_1": [0.25],
        }
        names = "'study:metric_names', '[\"acc\", \"loss\"]'"
        changed(study, f"INSERT INTO study_system_attributes VALUES (99, 1, {names})")
        assert {name for name, one in formats.read(study).runs[0].curves.items() if one.after} == {"acc", "loss"}

    def test_several_studies_are_told_apart(self, study: Path) -> None:
        trial = "INSERT INTO trials VALUES (99, 0, 2, '{}', NULL, NULL)"
        changed(study, "INSERT INTO studies VALUES (2, 'other')", trial.format("WAITING"))
        log = formats.read(study)
        assert (log.runs[0].name, log.left_out) == ("digits/trial 0", ("other/trial 0: did not begin",))

    def test_attributes_of_a_user_are_fields(self, study: Path) -> None:
        changed(study, "INSERT INTO trial_user_attributes VALUES (99, 1, 'split', '{\"fold\": 3}')")
        assert formats.read(study).runs[0].fields["split.fold"] == 3

    @pytest.mark.parametrize(
        ("statement", "said"),
        [
            ("UPDATE trial_params SET param_value = 7 WHERE param_name = 'net'", "the choice 7.0 is none of"),
            ("UPDATE trial_params SET distribution_json = '{' WHERE param_id = 1", "a text in the database is no JSON"),
            ("UPDATE trials SET state = 'LOST' WHERE number = 2", "trial 2 has the unknown state 'LOST'"),
            ("UPDATE trial_values SET value = NULL WHERE trial_id = 1", "a value of the type 'FINITE' is None"),
            ("ALTER TABLE trial_values DROP COLUMN value_type", "no such column: value_type.*optuna storage upgrade"),
        ],
    )
    def test_what_cannot_be_understood_is_one_line(self, study: Path, statement: str, said: str) -> None:
        changed(study, statement)
        with pytest.raises(IntegrityError, match=said):
            formats.read(study)

    def test_cut_short_anywhere_it_is_one_line(self, study: Path) -> None:
        for part in cuts(study.read_bytes()):
            study.write_bytes(part)
            said = read_or_refused(lambda: optuna.read(study))
            assert isinstance(said, str)
            assert "study.db: the database is" in said

    def test_a_changed_byte_gives_a_log_or_one_line(self, study: Path) -> None:
        content = study.read_bytes()
        for place in range(0, len(content), 401):
            spoilt = bytearray(content)
            spoilt[place] ^= 0xFF
            study.write_bytes(spoilt)
            assert isinstance(read_or_refused(lambda: optuna.read(study)), Log | str)

    def test_an_empty_folder_is_none(self, tmp_path: Path) -> None:
        assert not optuna.recognises(tmp_path)
        with pytest.raises(NothingSelectedError):
            optuna.read(tmp_path)
