#!/usr/bin/env bash
# One would expect: what is documented of the Trainer's filter, that a NaN loss is replaced by "the average of recent
# valid losses"; so a loss that is 2.0 wherever it is finite is logged as 2.0.
# What is so: the logged mean falls below it, by more the earlier the NaN came, and is 0.0 where every step was NaN.
# Why it matters: a run that diverged at once shows a perfect training loss in trainer_state.json, and one that stumbled
# a loss lower than any of its steps.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "torch==2.13.0" "transformers==5.24.0" "accelerate==1.15.0" "numpy==2.4.6"
cd "$work"

"$work/venv/bin/python" -W ignore - 2>"$work/notices" <<'PYTHON'
import sys
from math import nan

import torch
import transformers
from transformers import Trainer, TrainingArguments


class Given(torch.nn.Module):
    """A model whose loss is what the batch holds."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, value):
        return {"loss": value.mean() + 0 * self.weight}


def logged(losses):
    """Return what the log says of one window of these losses, a step each."""
    asked = TrainingArguments(
        output_dir="out",
        per_device_train_batch_size=1,
        num_train_epochs=1,
        logging_steps=len(losses),
        train_sampling_strategy="sequential",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
    )
    trainer = Trainer(Given(), asked, train_dataset=[{"value": torch.tensor(loss)} for loss in losses])
    trainer.remove_callback(transformers.ProgressCallback)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


windows = [2.0, 2.0, 2.0, 2.0], [2.0, 2.0, 2.0, nan], [2.0, nan, 2.0, 2.0], [nan, 2.0, 2.0, 2.0], [nan, nan, nan, nan]
seen = [logged(losses) for losses in windows]
print("transformers", transformers.__version__, " torch", torch.__version__)
for losses, said in zip(windows, seen, strict=True):
    print(f"losses {losses} are logged as {said}")

if seen != [[2.0], [1.875], [1.75], [1.5], [0.0]]:
    print("changed: NaN losses are filtered in another way")
    sys.exit(1)
PYTHON
