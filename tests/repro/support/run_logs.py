"""Logs of other people's tools: real ones, where they are, and small ones of each format as the tools write them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from repro.outside.logged import Log, LoggedRun

CURVE = {1: [0.871, 0.906], 2: [0.868, 0.909], 3: [0.874, 0.912]}  # what the real ones were given, by seed


def real(shared: Path, name: str) -> Path:
    """Return a folder of logs that a real tool wrote, or skip: they are not part of the project."""
    folder = shared / "run-logs" / name
    if not folder.exists():
        pytest.skip(f"no real logs: {name} is not below {folder.parent.name}/ in the folder of real data")
    return folder


def by_name(log: Log) -> dict[str, LoggedRun]:
    """Return the runs of a log by their names, of which no two are one."""
    found = {run.name: run for run in log.runs}
    assert len(found) == len(log.runs)
    return found


def values(run: LoggedRun, metric: str) -> list[float]:
    """Return the values of a metric of a run."""
    return [*map(float, run.curves[metric].values)]


def same(run: LoggedRun, other: LoggedRun) -> bool:
    """Say whether two runs say the same; NaN is NaN."""
    return (run.fields, run.state, [*run.curves]) == (other.fields, other.state, [*other.curves]) and all(
        np.array_equal(curve.values, other.curves[name].values, equal_nan=True) for name, curve in run.curves.items()
    )


def write(folder: Path, form: str) -> Path:
    """Write a small log of a format below a folder, and return the folder."""
    for name, content in FILES[form].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8"))
    return folder


def trainer_state(*entries: object, step: int = 2, last: int = 2) -> str:
    """Return a `trainer_state.json` with these entries."""
    held = {"epoch": 2.0, "global_step": step, "log_history": entries, "max_steps": last, "num_train_epochs": 2}
    return json.dumps(held, indent=2) + "\n"


def mllog(key: str, value: object, kind: str = "POINT_IN_TIME", time: int = 0, **metadata: object) -> str:
    """Return a line of MLPerf's logger, without its end."""
    place = {"file": "train.py", "lineno": 7, **metadata}
    record = {"namespace": "", "time_ms": time, "event_type": kind, "key": key, "value": value, "metadata": place}
    return f":::MLLOG {json.dumps(record)}"


def asv_results(results: dict[str, list[object]]) -> str:
    """Return a results file of asv with these rows, on one line as asv writes it."""
    columns = ["result", "params", "version", "started_at", "duration"]
    held = {
        "commit_hash": "6d5b8b84d6508dbb3323a08567eacd9c8ef50d0b", "env_name": "virtualenv-py3.11", "date": 1795913395,
        "params": {"machine": "host", "python": "3.11"}, "python": "3.11", "requirements": {}, "env_vars": {},
        "result_columns": columns, "results": results, "durations": {"<build>": 0.1}, "version": 2,
    }  # fmt: skip
    return json.dumps(held)


_ARFF = """% run
@RELATION openml_task_59_predictions

@ATTRIBUTE repeat NUMERIC
@ATTRIBUTE fold NUMERIC
@ATTRIBUTE row_id NUMERIC
@ATTRIBUTE prediction {'a b', c}
@ATTRIBUTE correct {'a b', c}

@DATA
0,0,0,'a b','a b'
0,0,1,c,'a b'
0,1,2,c,c
0,1,3,'a b','a b'
"""
_CARD = """---
license: mit
model-index:
- name: net
  results:
  - task:
      type: image-classification
    dataset:
      name: digits
      type: digits
      args:
        seed: 12
    metrics:
    - type: accuracy
      value: 0.906
---

# net
"""
_LM_EVAL = {
    "results": {"tiny": {"alias": "tiny", "sample_len": 8, "acc,none": 0.5, "acc_stderr,none": "N/A"}},
    "n-samples": {"tiny": {"original": 20, "effective": 20}},
    "config": {"model": "dummy", "random_seed": 1, "numpy_seed": 2, "device": "cuda:0"},
    "lm_eval_version": "0.4.13",
}
_SACRED = {"artifacts": [], "experiment": {"name": "digits", "dependencies": ["sacred==0.8.7"]}, "result": 0.906}
_SACRED_METRICS = {"val_acc": {"steps": [0, 1], "timestamps": ["", ""], "values": [0.871, 0.906]}}
_AMLB = """id,task,framework,constraint,fold,type,result,metric,mode,version,params,seed,info,acc,logloss
openml.org/t/59,iris,RF,1h,0,multiclass,-0.25,neg_logloss,local,1.0,,1234,,0.9375,0.25
openml.org/t/59,iris,RF,1h,1,multiclass,,neg_logloss,local,1.0,,1235,MemoryError: too much,,
"""
_ASV = {"suite.track_acc": [[0.906, None, float("nan")], [["1", "2", "3"]], "1", 0, 0.1], "suite.time_it": [[0.25], []]}
_MLPERF = [
    mllog("seed", 1),
    mllog("run_start", None, "INTERVAL_START", 0),
    mllog("eval_accuracy", 0.871, epoch_num=1),
    mllog("eval_accuracy", 0.906, epoch_num=2),
    mllog("run_stop", None, "INTERVAL_END", 60_000, status="success"),
]
FILES: dict[str, dict[str, str]] = {
    "lightning": {
        "version_0/metrics.csv": "epoch,step,loss,val_acc\r\n0,1,0.5,\r\n0,1,,0.871\r\n1,3,0.25,\r\n1,3,,0.906\r\n",
        "version_0/hparams.yaml": "lr: 0.1\nseed: 12\n",
    },
    "trainer": {
        "out/trainer_state.json": trainer_state(
            {"epoch": 1.0, "loss": 0.5, "grad_norm": 1.0, "step": 1},
            {"epoch": 2.0, "eval_accuracy": 0.906, "step": 2},
            {"epoch": 2.0, "step": 2, "train_loss": 0.25, "train_runtime": 1.5},
        )
    },
    "model-card": {"README.md": _CARD},
    "hydra": {
        "0/.hydra/config.yaml": "seed: 12\nlr: 0.1\n",
        "0/metrics.json": json.dumps([{"epoch": 0, "val_acc": 0.871}, {"epoch": 1, "val_acc": 0.906}]),
    },
    "lm-eval": {"results_2026-11-28T11-34-44.748629.json": json.dumps(_LM_EVAL, indent=2)},
    "sacred": {
        "1/run.json": json.dumps({**_SACRED, "status": "COMPLETED"}, indent=2),
        "1/config.json": json.dumps({"lr": 0.1, "seed": 12}, indent=2),
        "1/metrics.json": json.dumps(_SACRED_METRICS, indent=2),
    },
    "openml": {"predictions.arff": _ARFF},
    "automlbenchmark": {"results.csv": _AMLB},
    "asv": {
        "results/host/6d5b8b84-virtualenv-py3.11.json": asv_results(_ASV),
        "results/benchmarks.json": json.dumps({"suite.track_acc": {"param_names": ["seed"]}, "version": 2}),
    },
    "mlperf": {"result_0.txt": "".join(f"{line}\n" for line in _MLPERF)},
}
