"""What section 5.1 prints, computed anew: one function an item of `LOSSES`."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from studies.dagnets.measured.printed.autograd import Numbers, Texts

LABELS = (2, 1, 1, 3, 2)  # counted from 1
SCORES = ((-1.0, -3.0, 4.0), (-3.0, 3.0, -1.0))
TARGETS = (0, 1)
SOFTMAX_INPUT = ((-10.0, -10.0, 10.0, -5.0), (3.0, 0.0, 0.0, 0.0), (1.0, 2.0, 3.0, 4.0))
CRITERIA = ("MSELoss", "CrossEntropyLoss", "NLLLoss", "L1Loss", "NLLLoss2d", "MultiMarginLoss")


def one_hot() -> Numbers:
    """Encode five labels of three classes."""
    return F.one_hot(torch.tensor(LABELS) - 1, 3).double().flatten().tolist()


def cross_entropy() -> Numbers:
    """Take torch's criterion of the two printed samples."""
    return [nn.CrossEntropyLoss()(torch.tensor(SCORES), torch.tensor(TARGETS)).item()]


def cross_entropy_by_hand() -> Numbers:
    """Take the mean of minus the logarithm of the right class's share, by the formula."""
    shares = [math.exp(row[right]) / sum(map(math.exp, row)) for row, right in zip(SCORES, TARGETS, strict=True)]
    return [-sum(map(math.log, shares)) / len(shares)]


def log_softmax() -> Numbers:
    """Take the same in torch's two steps."""
    return [nn.NLLLoss()(nn.LogSoftmax(dim=1)(torch.tensor(SCORES)), torch.tensor(TARGETS)).item()]


def softmax() -> Numbers:
    """Take the soft-max of the printed matrix, row by row."""
    shares: Numbers = nn.Softmax(1)(torch.tensor(SOFTMAX_INPUT)).flatten().tolist()
    return shares


def criteria() -> Texts:
    """Name the listed criteria that torch has."""
    return [name for name in CRITERIA if issubclass(getattr(nn, name, object), nn.Module)]
