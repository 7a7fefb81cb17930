#!/usr/bin/env bash
# One would expect: 0.906 logged in every validation step is written as 0.906, or at worst as the nearest float32.
# What is so: it goes through a weighted mean in float32, and comes out one unit below that float32 after three batches.
# Why it matters: values of equal runs differ when only the number of batches differs, and a value cannot be recognised
# by rounding what is expected to float32; a comparison needs a tolerance of some units of float32.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "torch==2.13.0" "lightning==2.6.6" "numpy==2.4.6"
cd "$work"

"$work/venv/bin/python" -W ignore - 2>"$work/notices" <<'PYTHON'
import csv
import sys
from pathlib import Path

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset


class Constant(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, index):
        return self.layer(batch[0]).sum()

    def validation_step(self, batch, index):
        self.log("accuracy", 0.906)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def written(count):
    """Return the text that stands in metrics.csv after so many batches of one example."""
    batches = DataLoader(TensorDataset(torch.zeros(count, 1)), batch_size=1)
    logger = CSVLogger(".", version=str(count))
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", logger=logger, num_sanity_val_steps=0, **quiet)
    trainer.fit(Constant(), batches, batches)
    with Path(logger.log_dir, "metrics.csv").open(newline="") as file:
        (value,) = [row["accuracy"] for row in csv.DictReader(file) if row.get("accuracy")]
    return value


seen = {count: written(count) for count in (1, 2, 3)}
nearest = torch.tensor(0.906, dtype=torch.float32).item()
print("lightning", lightning.__version__, " torch", torch.__version__)
print(f"logged 0.906, nearest float32 {nearest}; written by number of batches: {seen}")

exact, below = "0.906000018119812", "0.9059999585151672"
if (seen, nearest) != ({1: exact, 2: exact, 3: below}, float(exact)):
    print("changed: the mean of a constant comes out as another number")
    sys.exit(1)
PYTHON
