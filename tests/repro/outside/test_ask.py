"""What is ambiguous is asked for by name, whatever tool kept the runs: epochs, seeds, duplicates, mixed kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.errors import NothingSelectedError, UsageError
from repro.outside import formats
from repro.outside.ask import Answer, Ask, answer
from repro.outside.logged import Curve, Log, LoggedRun

Asked = Callable[..., Answer]


def run(name: str, *curve: float, metric: str = "acc", **options: Any) -> LoggedRun:
    """Return a run with a curve over epochs, ten steps each; without fields its name ends in its seed."""
    fields = options.pop("fields") if "fields" in options else {"seed": int(name[-1])}
    steps = np.arange(len(curve)) * 10
    epochs = np.arange(len(curve), dtype=float)
    curves = {metric: Curve(np.array(curve), steps, epochs), **options.pop("curves", {})}
    return LoggedRun(name, Path("log"), fields, curves, **options)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Ask something of the runs of an invented tool."""

    def ask(runs: Sequence[LoggedRun], *left_out: str, metric: str = "acc", **choices: Any) -> Answer:
        log = Log("invented", tuple(runs), "1.0", left_out)
        monkeypatch.setattr(formats, "recognised", lambda path: "invented")
        monkeypatch.setattr(formats, "read", lambda path, form: log)
        return answer(tmp_path, Ask(metric, **choices))

    return ask


def values(found: Answer) -> list[float]:
    return [one.value for one in found.results]


TWO = [run("run-1", 0.5, 0.9, 0.7), run("run-2", 0.6, 0.6, 0.8)]


def test_of_several_epochs_one_is_asked_for(asked: Asked) -> None:
    with pytest.raises(UsageError, match=r"acc has 3 values in run-1 \(epochs 0 to 2\).*--epoch last, --epoch best"):
        asked(TWO)
    assert values(asked(TWO, epoch="last")) == [0.7, 0.8]
    assert values(asked(TWO, epoch="1")) == [0.9, 0.6]
    assert values(asked(TWO, epoch="best:acc")) == [0.9, 0.8]
    assert values(asked(TWO, epoch="best:min:acc")) == [0.5, 0.6]  # of two as good, the first


def test_the_best_epoch_of_another_metric(asked: Asked) -> None:
    loss = Curve(np.array([2.0, np.nan, 1.0]), np.array([9, 19, 29]), np.array([0.0, 1.0, 2.0]))
    runs = [run("run-1", 0.5, 0.9, 0.7, curves={"loss": loss})]
    assert values(asked(runs, epoch="best:min:loss")) == [0.7]
    assert values(asked(runs, epoch="best:loss")) == [0.5]
    with pytest.raises(UsageError, match=r"no metric 'los'; did you mean 'loss'\? \(metrics: acc, loss\)"):
        asked(runs, epoch="best:los")


@pytest.mark.parametrize("epoch", ["lats", "best", "best:", "nan", "1e"])
def test_a_choice_of_epoch_that_is_none(epoch: str) -> None:
    with pytest.raises(UsageError, match=f"--epoch {epoch}: wanted last, best:METRIC"):
        Ask("acc", epoch=epoch)
    with pytest.raises(UsageError, match="--duplicate both: wanted first or last"):
        Ask("acc", duplicate="both")


def test_one_value_needs_no_choice_and_one_after_training_none_at_all(asked: Asked) -> None:
    after = {"test_acc": Curve(np.array([0.75]), np.array([7]), np.array([2.0]), after=True)}
    runs = [run("run-1", 0.5, curves=after)]
    assert values(asked(runs)) == [0.5]
    assert values(asked(runs, metric="test_acc", epoch="5")) == [0.75]
    (late,) = asked(runs, epoch="5").results
    assert (late.state, late.why) == ("unfinished", "no value of acc for --epoch 5")


def test_two_values_of_one_step_are_asked_for(asked: Asked) -> None:
    twice = run("run-1", curves={"acc": Curve(np.array([0.5, 0.6, 0.7]), np.array([0, 1, 1]))})
    with pytest.raises(UsageError, match=r"acc has 2 values at one place, 1, in run-1 \(0.6, 0.7\).*--duplicate first"):
        asked([twice], epoch="last")
    assert values(asked([twice], epoch="last", duplicate="first")) == [0.6]
    assert values(asked([twice], epoch="last", duplicate="last")) == [0.7]
    same = run("run-1", curves={"acc": Curve(np.array([0.6, 0.6]), np.array([1, 1]))})
    assert values(asked([same])) == [0.6]  # logged twice, and no choice


def test_a_value_that_is_none_diverged_and_failed_runs_are_named(asked: Asked) -> None:
    runs = [
        run("run-1", np.nan),
        run("run-2", 0.9),
        run("run-3", 0.8, state="failed", why="killed"),
        run("run-4", state="unfinished", why="no end"),
        run("run-5", metric="loss"),
    ]
    found = asked(runs)
    assert [one.run for one in found.finite] == ["run-2"]
    assert [one.run for one in found.diverged] == ["run-1"]
    assert [(one.run, one.why) for one in found.lost] == [
        ("run-3", "killed"),
        ("run-4", "no end"),
        ("run-5", "no value of acc"),
    ]


def test_a_failed_run_that_was_made_again_is_left_out_and_said(asked: Asked) -> None:
    found = asked([run("try-1", 0.1, state="failed", why="killed"), run("again-1", 0.9)], "an old run, deleted")
    assert values(found) == [0.9]
    assert found.notes == (
        "left out: try-1 failed (killed), its seed 1 was run again",
        "left out: an old run, deleted",
    )


# Seeds


def test_seeds_are_found_by_their_name_wherever_it_is_nested(asked: Asked) -> None:
    for name in ("seed", "config.random_seed", "hparams/seed", "random_state"):
        found = asked([run("run-1", 0.5, fields={name: "3"}), run("run-2", 0.6, fields={name: "4.0"})])
        assert [one.seed for one in found.results] == [3, 4]
    both = [
        run("run-1", 0.5, fields={"seed": 3, "data.seed": 0}),
        run("run-2", 0.5, fields={"seed": 4, "data.seed": 0}),
    ]
    with pytest.raises(UsageError, match=r"'seed' and 'data.seed' could both be the seed, and differ.*--seed-from"):
        asked(both)
    assert [one.seed for one in asked(both, seed_from="seed").results] == [3, 4]


def test_seeds_that_stand_nowhere_are_asked_for(asked: Asked) -> None:
    runs = [run("seed-1", 0.5, fields={"lr": 0.1}), run("seed-2", 0.6, fields={"lr": 0.1})]
    with pytest.raises(UsageError, match=r"nothing says which seed.*--seed-from name .*seed-1.*\(fields: lr\)"):
        asked(runs)
    assert [one.seed for one in asked(runs, seed_from="name").results] == [1, 2]
    letters = [run("a", 0.5, fields={}), run("b", 0.6, fields={})]
    assert [one.seed for one in asked(letters, seed_from="name").results] == ["a", "b"]
    with pytest.raises(UsageError, match=r"--seed-from rl: no such field; did you mean 'lr'\? \(fields: lr, name\)"):
        asked(runs, seed_from="rl")
    theirs = [run("a", 0.5, fields={"lr": 0.1, "run_seed": 4}), run("b", 0.6, fields={"lr": 0.1, "run_seed": 5})]
    with pytest.raises(UsageError, match=r"say --seed-from run_seed if that is it, or --seed-from name if each"):
        asked(theirs)


def test_folders_with_runs_of_the_same_names_are_not_taken_for_one_sample(asked: Asked) -> None:
    """As `ours/seed-1`, `base/seed-1`, the commonest layout of event files."""
    runs = [run(f"{kind}/seed-{n}", value + n, fields={}) for kind, value in (("ours", 90), ("v2", 80)) for n in (1, 2)]
    with pytest.raises(
        UsageError, match=r"2 folders \(ours, v2\) hold runs of the same names; choose by --where folder"
    ):
        asked(runs, seed_from="name")
    second = asked(runs, seed_from="name", where={"folder": ["v2"]})
    assert [(one.seed, one.value) for one in second.results] == [(1, 81), (2, 82)]
    assert len(asked(runs, seed_from="name", across=("folder",)).results) == 4
    with pytest.raises(
        NothingSelectedError, match=r"no run has folder=our; did you mean 'ours'\? \(folder: ours, v2\)"
    ):
        asked(runs, seed_from="name", where={"folder": ["our"]})


@pytest.mark.parametrize(
    "names", [("a/seed-1", "b/seed-2", "b/seed-3"), ("seed-1/log", "seed-2/log"), ("r-0/f-0", "r-1/f-0")]
)
def test_folders_that_tell_runs_apart_are_no_kinds(names: tuple[str, ...], asked: Asked) -> None:
    assert len(asked([run(name, 0.5, fields={}) for name in names], seed_from="name").results) == len(names)


def test_a_text_tells_runs_apart_only_where_it_is_asked_to(asked: Asked) -> None:
    runs = [run("run-1", 0.5, fields={"seed": "one"}), run("run-2", 0.6, fields={"seed": "two"})]
    with pytest.raises(UsageError, match=r"run-1: seed is 'one', wanted a whole number; .*--seed-from seed"):
        asked(runs)
    assert [one.seed for one in asked(runs, seed_from="seed").results] == ["one", "two"]
    with pytest.raises(UsageError, match=r"run-1 has no seed; leave it out by --where, or say --seed-from"):
        asked([run("run-1", 0.5, fields={"seed": None})], seed_from="seed")


# Kinds of runs


def kinds(field: str, *given: Any) -> list[LoggedRun]:
    return [run(f"run-{seed}", 0.5, fields={"seed": seed, field: value}) for seed, value in enumerate(given)]


def test_runs_of_different_kinds_are_no_sample(asked: Asked) -> None:
    mixed = kinds("method", "ours", "ours", "base", "base")
    with pytest.raises(UsageError, match=r"differ in 'method' \(ours, base\); choose by --where method=VALUE, or say"):
        asked(mixed)
    assert len(asked(mixed, where={"method": ["ours"]}).results) == 2
    assert len(asked(mixed, across=("method",)).results) == 4
    with pytest.raises(UsageError, match="--across methd: no such field; did you mean 'method'"):
        asked(mixed, across=("methd",))


@pytest.mark.parametrize("given", [("a", "b", "c", "d"), (0.113, 0.208, 0.208, 0.31)])
def test_what_hardly_repeats_names_or_measures_a_run(given: Sequence[Any], asked: Asked) -> None:
    found = asked(kinds("which", *given))
    assert len(found.results) == 4
    assert found.notes == ("taken for a name or a measurement, as hardly two runs agree in it: which",)


@pytest.mark.parametrize("rates", [(0.1, 0.1, 0.01, 0.001, 0.0001), (1e-3, 3e-4, 1e-4, 1e-4), (0.25, 0.5, 0.5, 0.75)])
def test_numbers_that_somebody_chose_are_kinds_of_runs(rates: Sequence[float], asked: Asked) -> None:
    """A few rates over a few runs are as many values as a measurement has; those have more digits."""
    with pytest.raises(UsageError, match=r"the runs differ in 'lr'.*choose by --where lr=VALUE"):
        asked(kinds("lr", *rates))


def test_two_runs_of_one_seed_are_asked_for(asked: Asked) -> None:
    twice = [run("a-1", 0.5), run("b-1", 0.6), run("b-2", 0.7)]
    with pytest.raises(UsageError, match=r"2 runs have seed 1 \(a-1, b-1\); say which counts by --duplicate first"):
        asked(twice)
    assert values(asked(twice, duplicate="last")) == [0.6, 0.7]
    differ = [run("a-1", 0.5, fields={"seed": 1, "lr": 1}), run("b-1", 0.6, fields={"seed": 1, "lr": 2})]
    with pytest.raises(UsageError, match=r"2 runs have seed 1 \(a-1, b-1\), and differ in lr; choose by --where lr="):
        asked(differ)
    assert values(asked(differ, across=("lr",))) == [0.5, 0.6]


def test_a_field_or_value_that_is_not_there_is_named_with_those_that_are(asked: Asked) -> None:
    mixed = kinds("method", "ours", "ours", "base", "base")
    with pytest.raises(UsageError, match=r"no field 'metod'; did you mean 'method'\? \(fields: seed, method, run\)"):
        asked(mixed, where={"metod": ["ours"]})
    with pytest.raises(NothingSelectedError, match=r"no run has method=bas; did you mean 'base'\? \(method: ours"):
        asked(mixed, where={"method": ["bas"]})
    with pytest.raises(NothingSelectedError, match=r"no run of invented in it \(one was deleted\)"):
        asked([], "one was deleted")
    assert len(asked(mixed, where={"run": ["run-0"]}).results) == 1


def test_a_number_is_found_however_it_is_written(asked: Asked) -> None:
    runs = kinds("lr", 0.1, 0.1, 0.2, 0.2)
    assert len(asked(runs, where={"lr": ["1e-1"]}).results) == 2
    assert len(asked(kinds("on", True, True, False, False), where={"on": ["true"]}).results) == 2
