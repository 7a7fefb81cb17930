"""TensorBoard's event files: every value of both forms, parts of a run, restarts, and files that are damaged."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.errors import NothingSelectedError
from repro.outside import events as event_files
from repro.outside import formats
from repro.outside.logged import Curve, Log
from repro.outside.readers import tensorboard
from tests.repro.outside.encoded import (
    cuts,
    event,
    events,
    field,
    read_or_refused,
    record,
    restart,
    single,
    tensor,
    varint,
)

SINGLE = 2.0**-23
NAME = "events.out.tfevents.1700000000.host.1.0"
VAL_ACC = {1: [0.871, 0.906], 2: [0.868, 0.909], 3: [0.874, 0.912]}


@pytest.fixture
def logs(shared: Path) -> Path:
    folder = shared / "run-logs" / "tensorboard-2.21.0"
    if not folder.is_dir():
        pytest.skip("no logs of TensorBoard among the shared data")
    return folder


def runs(log: Log) -> dict[str, dict[str, list[float]]]:
    return {run.name: {tag: one.values.tolist() for tag, one in run.curves.items()} for run in log.runs}


def steps(one: Curve) -> list[int]:
    assert one.steps is not None
    return [int(step) for step in one.steps]


class TestRealLogs:
    @pytest.mark.parametrize("form", ["torch", "tf2"])
    def test_values_of_both_forms_are_the_true_ones_within_their_precision(self, logs: Path, form: str) -> None:
        log = formats.read(logs / form)
        assert [run.name for run in log.runs] == ["seed-1", "seed-2", "seed-3"]
        for seed, run in enumerate(log.runs, 1):
            curve = run.curves["val/acc"]
            assert (steps(curve), curve.precision, run.state) == ([0, 1], SINGLE, "finished")
            np.testing.assert_allclose(curve.values, VAL_ACC[seed], rtol=curve.precision, atol=0)
            assert curve.values.tolist() == [float(np.float32(value)) for value in VAL_ACC[seed]]

    def test_nan_and_infinity_are_what_was_logged(self, logs: Path) -> None:
        first = formats.read(logs / "torch" / "seed-1").runs[0].curves["loss"].values
        assert math.isnan(first[0])
        assert first[1] == math.inf

    def test_two_values_of_one_step_are_kept_in_their_order(self, logs: Path) -> None:
        twice = formats.read(logs / "torch" / "seed-3").runs[0].curves["twice"]
        assert (twice.values.tolist(), steps(twice)) == ([0.25, 0.5], [0, 0])

    def test_all_25_tensors_are_read(self, logs: Path) -> None:
        many = formats.read(logs / "torch" / "seed-3").runs[0].curves["many"]
        assert many.values.tolist() == steps(many) == list(range(25))

    def test_a_folder_of_runs_a_run_and_its_file_are_all_read(self, logs: Path) -> None:
        folder = logs / "torch" / "seed-3"
        (file,) = folder.iterdir()
        assert {name: sorted(curves) for name, curves in runs(formats.read(logs)).items()}["torch/seed-3"] == [
            "loss", "many", "twice", "val/acc",
        ]  # fmt: skip
        for path in (folder, file):
            log = formats.read(path)
            assert [(run.name, run.file) for run in log.runs] == [("seed-3", file)]

    def test_a_file_cut_short_anywhere_says_so_and_gives_what_is_whole(self, logs: Path, tmp_path: Path) -> None:
        (file,) = (logs / "torch" / "seed-3").iterdir()
        whole = formats.read(file).runs[0].curves
        for part in cuts(file.read_bytes()):
            (tmp_path / NAME).write_bytes(part)
            log = read_or_refused(lambda: formats.read(tmp_path))
            assert isinstance(log, Log)
            for run in log.runs:
                assert run.state == "unfinished"
                assert "within the record" in run.why or "is empty" in run.why
                for tag, curve in run.curves.items():
                    np.testing.assert_array_equal(curve.values, whole[tag].values[: len(curve.values)])


FORMS = {
    "float_val": (tensor("x", field(5, struct.pack("<f", 0.1))), float(np.float32(0.1)), SINGLE),
    "float_val, not packed": (tensor("x", varint(5 << 3 | 5) + struct.pack("<f", 0.1)), float(np.float32(0.1)), SINGLE),
    "content of singles": (tensor("x", field(4, struct.pack("<f", 0.1))), float(np.float32(0.1)), SINGLE),
    "content of doubles": (tensor("x", field(4, struct.pack("<d", 0.1)), kind=2), 0.1, 0.0),
    "double_val": (tensor("x", field(6, struct.pack("<d", 0.1)), kind=2), 0.1, 0.0),
    "content of halves": (tensor("x", field(4, np.float16(0.1).tobytes()), kind=19), float(np.float16(0.1)), 2.0**-10),
    "content of whole numbers": (tensor("x", field(4, struct.pack("<q", 12)), kind=9), 12.0, 0.0),
}


@pytest.mark.parametrize(("value", "meant", "precision"), FORMS.values(), ids=FORMS)
def test_a_tensor_is_read_in_each_form_that_holds_a_number(
    tmp_path: Path, value: bytes, meant: float, precision: float
) -> None:
    events(tmp_path / NAME, event(0, value), event(1, value))
    (run,) = formats.read(tmp_path).runs
    assert run.curves["x"].values.tolist() == [meant, meant]
    assert run.curves["x"].precision == precision


@pytest.mark.parametrize(
    "content",
    [field(5, struct.pack("<ff", 0.1, 0.2)), b"", field(7, varint(3)), field(4, b"abc")],
    ids=["two numbers", "none", "a list of whole numbers", "three bytes"],
)
def test_a_tensor_of_another_form_is_named_and_no_number(tmp_path: Path, content: bytes) -> None:
    events(tmp_path / NAME, event(0, tensor("x", content)), event(0, single("y", 1.0)))
    (run,) = formats.read(tmp_path).runs
    assert [*run.curves] == ["y"]
    assert run.notes == ("x: kept as a tensor that is not read",)


def test_a_tensor_without_metadata_is_what_the_first_of_its_tag_said(tmp_path: Path) -> None:
    def content(value: float) -> bytes:
        return field(5, struct.pack("<f", value))

    events(
        tmp_path / NAME,
        event(0, tensor("x", content(1.0)), tensor("picture", content(1.0), plugin="images")),
        event(1, tensor("x", content(2.0), plugin=""), tensor("picture", content(2.0), plugin="")),
    )
    (run,) = formats.read(tmp_path).runs
    assert {tag: one.values.tolist() for tag, one in run.curves.items()} == {"x": [1.0, 2.0]}


class TestOrder:
    """Values of a tag come in the order of the records, whatever these have in common with others."""

    @settings(max_examples=40)
    @given(
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(-(2**63), 2**63 - 1), st.floats(width=32)), max_size=30)
    )
    def test_any_sequence_of_scalars_is_read_as_it_was_written(
        self, tmp_path_factory: pytest.TempPathFactory, logged: list[tuple[str, int, float]]
    ) -> None:
        path = tmp_path_factory.mktemp("events") / NAME
        events(path, *(event(step, single(tag, value)) for tag, step, value in logged))
        found = {tag: curve for run in formats.read(path).runs for tag, curve in run.curves.items()}
        for tag in "ab":
            mine = [(step, value) for name, step, value in logged if name == tag]
            if mine:
                assert steps(found[tag]) == [step for step, _ in mine]
                np.testing.assert_array_equal(found[tag].values, [value for _, value in mine])
            else:
                assert tag not in found

    def test_more_tags_of_one_length_than_templates_are_all_read(self, tmp_path: Path) -> None:
        names = [f"tag-{number:03}" for number in range(2 * event_files.TEMPLATES)]
        events(tmp_path / NAME, *(event(step, single(tag, step)) for step in (1, 2, 3) for tag in names))
        assert runs(formats.read(tmp_path))[tmp_path.name] == {tag: [1.0, 2.0, 3.0] for tag in names}

    def test_values_of_one_event_are_all_read(self, tmp_path: Path) -> None:
        made = [event(step, single("a", step), single("b", -step), single("a", 9.0)) for step in (1, 2)]
        events(tmp_path / NAME, *made)
        assert runs(formats.read(tmp_path))[tmp_path.name] == {"a": [1.0, 9.0, 2.0, 9.0], "b": [-1.0, -2.0]}

    def test_files_follow_one_another_by_the_numbers_in_their_names(self, tmp_path: Path) -> None:
        for last in (10, 9):
            events(tmp_path / f"events.out.tfevents.1700000000.host.1.{last}", event(last, single("a", last)))
        assert runs(formats.read(tmp_path))[tmp_path.name] == {"a": [9.0, 10.0]}


class TestRestarts:
    """A writer that starts again at a step takes back what it wrote from that step on, as in TensorBoard."""

    def test_steps_taken_back_are_left_out_with_a_note(self, tmp_path: Path) -> None:
        first = [event(step, single("a", step)) for step in range(5)]
        again = [restart(3), *(event(step, single("a", 10 * step)) for step in (3, 4))]
        events(tmp_path / NAME, *first)
        events(tmp_path / f"{NAME}.1", *again)
        (run,) = formats.read(tmp_path).runs
        assert run.curves["a"].values.tolist() == [0.0, 1.0, 2.0, 30.0, 40.0]
        assert run.notes == ("a: 2 values are left out, which a restart at their step took back",)

    def test_within_a_file_too(self, tmp_path: Path) -> None:
        made = [*(event(step, single("a", step)) for step in range(5)), restart(1), event(1, single("a", 7.0))]
        events(tmp_path / NAME, *made)
        assert runs(formats.read(tmp_path))[tmp_path.name] == {"a": [0.0, 7.0]}

    def test_without_a_sign_of_it_both_values_stay(self, tmp_path: Path) -> None:
        events(tmp_path / NAME, event(3, single("a", 1.0)))
        events(tmp_path / f"{NAME}.1", event(3, single("a", 2.0)))
        assert runs(formats.read(tmp_path))[tmp_path.name] == {"a": [1.0, 2.0]}


def hparams(values: dict[str, bytes], status: int = 1) -> list[bytes]:
    """Return the records of a session of hyper-parameters."""

    def marked(content: bytes) -> bytes:
        return event(0, field(1, "_hparams_/x") + field(9, field(1, field(1, "hparams") + field(2, content))))

    entries = b"".join(field(1, field(1, name) + field(2, value)) for name, value in values.items())
    return [marked(field(3, entries)), marked(field(4, field(1, status)))]


class TestParts:
    def test_hyper_parameters_in_a_folder_of_their_own_belong_to_the_run(self, tmp_path: Path) -> None:
        for seed in (1, 2):
            run = tmp_path / f"seed-{seed}"
            events(run / NAME, event(0, single("acc", 0.5)))
            values = {"seed": field(2, float(seed)), "net": field(3, "wide"), "lr": field(2, 0.1), "bn": field(4, 1)}
            events(run / "1700000000.5" / NAME, *hparams(values), event(0, single("hparam/acc", 0.75)))
        log = formats.read(tmp_path)
        assert runs(log) == {f"seed-{seed}": {"acc": [0.5], "hparam/acc": [0.75]} for seed in (1, 2)}
        assert [run.fields for run in log.runs] == [{"seed": s, "net": "wide", "lr": 0.1, "bn": True} for s in (1, 2)]
        assert [run.file for run in log.runs] == [tmp_path / "seed-1", tmp_path / "seed-2"]

    def test_several_sessions_of_one_writer_are_runs_of_their_own(self, tmp_path: Path) -> None:
        events(tmp_path / "sweep" / NAME)
        for lr in (0.5, 0.25):
            records = [*hparams({"lr": field(2, lr)}), event(0, single("acc", lr))]
            events(tmp_path / "sweep" / f"lr-{lr}" / NAME, *records)
        log = formats.read(tmp_path)
        assert runs(log) == {"sweep/lr-0.5": {"acc": [0.5]}, "sweep/lr-0.25": {"acc": [0.25]}}
        assert log.left_out == ("sweep: holds no scalar",)

    def test_a_session_that_failed_is_a_failed_run(self, tmp_path: Path) -> None:
        events(tmp_path / NAME, *hparams({}, status=2), event(0, single("acc", 0.5)))
        (run,) = formats.read(tmp_path).runs
        assert (run.state, run.why) == ("failed", "the session of its hyper-parameters ended in failure")

    @pytest.mark.parametrize("folder", ["loss_all_{}", "loss/all/{}"], ids=["torch", "tensorboardX"])
    def test_curves_drawn_together_belong_to_the_run(self, tmp_path: Path, folder: str) -> None:
        events(tmp_path / "seed-1" / NAME, event(0, single("acc", 0.5)))
        for curve, value in (("train", 1.0), ("valid", 2.0)):
            events(tmp_path / "seed-1" / folder.format(curve) / NAME, event(0, single("loss/all", value)))
        expected = {"acc": [0.5], "loss/all/train": [1.0], "loss/all/valid": [2.0]}
        assert runs(formats.read(tmp_path)) == {"seed-1": expected}

    def test_training_and_validation_of_keras_are_one_run(self, tmp_path: Path) -> None:
        for seed in (1, 2):
            for part in ("train", "validation"):
                events(tmp_path / f"seed-{seed}" / part / NAME, event(0, single("epoch_loss", seed)))
        log = formats.read(tmp_path)
        expected = {f"seed-{s}": {"train/epoch_loss": [s], "validation/epoch_loss": [s]} for s in (1, 2)}
        assert runs(log) == expected
        assert runs(formats.read(tmp_path / "seed-1" / "train")) == {"train": {"epoch_loss": [1.0]}}

    def test_a_stray_file_above_runs_does_not_make_them_one(self, tmp_path: Path) -> None:
        events(tmp_path / NAME, event(0, single("acc", 0.0)))
        for seed in (1, 2):
            events(tmp_path / f"seed-{seed}" / NAME, event(0, single("acc", seed)))
        expected = {tmp_path.name: {"acc": [0.0]}, "seed-1": {"acc": [1.0]}, "seed-2": {"acc": [2.0]}}
        assert runs(formats.read(tmp_path)) == expected


class TestDamage:
    SCALARS = tuple(event(step, single("a", step)) for step in range(60))

    def test_a_changed_byte_is_never_read_as_a_value(self, tmp_path: Path) -> None:
        content = events(tmp_path / NAME, *self.SCALARS).read_bytes()
        for place in range(7, len(content), 61):
            changed = bytearray(content)
            changed[place] ^= 0x10
            (tmp_path / NAME).write_bytes(changed)
            (run,) = formats.read(tmp_path).runs
            assert (run.state, "is damaged" in run.why or "within" in run.why) == ("unfinished", True), place
            found = run.curves["a"].values if run.curves else np.empty(0)
            assert set(found.tolist()) < set(range(60))

    def test_data_that_were_changed_name_the_first_place(self, tmp_path: Path) -> None:
        content = bytearray(events(tmp_path / NAME, *self.SCALARS).read_bytes())
        place = content.index(field(1, "a")) + 4
        content[place] ^= 1
        (tmp_path / NAME).write_bytes(content)
        (run,) = formats.read(tmp_path).runs
        assert len(run.curves["a"].values) == 59
        assert run.why.startswith(f"{NAME} is damaged in 1 of its records, the first at byte ")

    def test_a_length_beyond_the_file_takes_no_memory(self, tmp_path: Path) -> None:
        (tmp_path / NAME).write_bytes(struct.pack("<Q", 1 << 62) + bytes(100))
        (run,) = formats.read(tmp_path).runs
        assert (run.state, run.why) == ("unfinished", f"{NAME} is damaged at byte 0")

    def test_zeros_that_a_crash_left_are_damage(self, tmp_path: Path) -> None:
        path = events(tmp_path / NAME, *self.SCALARS[:3])
        whole = path.stat().st_size
        with path.open("ab") as file:
            file.write(bytes(1 << 16))
        (run,) = formats.read(tmp_path).runs
        assert run.curves["a"].values.tolist() == [0.0, 1.0, 2.0]
        assert run.why == f"{NAME} is damaged at byte {whole}"

    def test_a_record_that_is_no_message_is_named(self, tmp_path: Path) -> None:
        events(tmp_path / NAME, record(b"\xff" * 20), event(0, single("a", 1.0)))
        (run,) = formats.read(tmp_path).runs
        assert (run.state, run.curves["a"].values.tolist()) == ("unfinished", [1.0])

    def test_a_folder_without_event_files_is_said(self, tmp_path: Path) -> None:
        assert not tensorboard.recognises(tmp_path)
        with pytest.raises(NothingSelectedError, match=r"no event file \(\*tfevents\*\) is in there"):
            tensorboard.read(tmp_path)

    def test_a_nan_that_signals_is_a_nan(self, tmp_path: Path) -> None:
        value = field(1, "a") + varint(2 << 3 | 5) + bytes.fromhex("0100807f")
        events(tmp_path / NAME, event(0, value))
        assert math.isnan(formats.read(tmp_path).runs[0].curves["a"].values[0])

    @settings(max_examples=40)
    @given(st.data())
    def test_whole_records_of_changed_messages_are_read_or_named(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        message = bytearray(event(300, single("a", 1.0), tensor("b", field(5, struct.pack("<f", 0.5))))[12:-4])
        for place in data.draw(st.lists(st.integers(0, len(message) - 1), min_size=1, max_size=4)):
            message[place] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        path = events(tmp_path_factory.mktemp("events") / NAME, record(bytes(message)), event(0, single("whole", 1.0)))
        assert formats.read(path).runs[0].curves["whole"].values.tolist() == [1.0]

    def test_a_step_that_ends_elsewhere_is_not_taken_for_one_of_the_template(self, tmp_path: Path) -> None:
        summary = field(5, field(1, single("a", 1.0))) + varint(2 << 3)  # the step comes last here
        events(tmp_path / NAME, record(summary + b"\xac\x02"), record(summary + b"\x05\x02"))
        (run,) = formats.read(tmp_path).runs
        assert (run.state, steps(run.curves["a"])) == ("unfinished", [300])
