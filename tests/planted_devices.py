"""A toy study for tests/test_devices.py: right code, and mistakes that a GPU refuses or waits for, each at its line."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from repro.data import DataSet
from repro.study import Outcome, Profile, Study
from studies.common.randomness import Dropout, stream
from studies.common.resuming import epochs


@dataclass(frozen=True)
class Settings:
    epochs: int
    batch: int


@dataclass(frozen=True)
class Case:
    name: str


PICTURES = DataSet("cifar10-toy", "stands for one that is not here", "0" * 64, read=dict, files={"none": "0" * 64})
study = Study("toy", full=Profile(Settings(50, 100), PICTURES, device="cuda", faithful=True))


def experiment(**options):
    return study.experiment((Case("one"),), metrics=("loss",), **options)


def network_of(run, *, dropout=None):
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=4), nn.BatchNorm2d(4), nn.ReLU(), Dropout(0.5), nn.Flatten(), nn.Linear(256, 10)
    )
    network[3].generator = dropout or stream(run.seed, "dropout", run.device)
    return network.to(run.device)


def fitted(run, loss_of, *, kept=True, **options):
    """Train by `loss_of(network, x, labels)`; look at the loss once an epoch."""
    arrays = run.dataset.load()
    images = torch.tensor(arrays["train_images"], device=run.device).float() / 255
    labels = torch.tensor(arrays["train_labels"], device=run.device).long()
    network = network_of(run, **options)
    optimiser = torch.optim.Adam(network.parameters())
    parts = {"network": network, "optimiser": optimiser, "dropout": network[3].generator}
    curve = []
    parts["curve"] = curve
    for _ in epochs(run, run.settings.epochs, **(parts if kept else {"network": network, "curve": curve})):
        for x, y in zip(images.split(run.settings.batch), labels.split(run.settings.batch), strict=True):
            optimiser.zero_grad()
            loss = loss_of(network, x, y)
            loss.backward()
            optimiser.step()
        curve.append(float(loss))
    return Outcome({"loss": curve[-1]}, curves={"loss": curve})


def plain(network, x, y):
    return F.cross_entropy(network(x), y)  # plain


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x * 2

    @staticmethod
    def backward(context, gradient):
        return gradient * torch.full((1, 1), 2.0)  # backward


@experiment(resumes=True)
def right(case, run):
    """Train as one does on a GPU."""
    return fitted(run, plain)


@experiment()
def right_with_more(case, run):
    """Do what torch allows: a number on the CPU, a network copied and loaded, an LSTM, a mask in place of an index."""
    lstm = nn.LSTM(96, 5).to(run.device)
    copied = copy.deepcopy(lstm)
    copied.load_state_dict(lstm.state_dict())

    def loss_of(network, x, y):
        told, _ = copied(x.flatten(1, 2).transpose(0, 2).transpose(1, 2)[..., :96])
        return (F.cross_entropy(network(x), y) + told.square().mean()) * torch.tensor(0.5)

    return fitted(run, loss_of)


@experiment()
def in_add(case, run):
    """Plant."""
    return fitted(run, lambda network, x, y: plain(network, x + torch.ones(3, 1, 1), y))  # in_add


@experiment()
def in_two_numbers(case, run):
    """Plant: torch reads one number on the CPU, not two."""
    low, high = torch.zeros(()), torch.ones(())
    return fitted(run, lambda network, x, y: plain(network, torch.lerp(x, low, high), y))  # in_two_numbers


@experiment()
def in_convolution(case, run):
    """Plant."""
    kernel = torch.ones(3, 3, 1, 1)
    return fitted(run, lambda network, x, y: plain(network, F.conv2d(x, kernel), y))  # in_convolution


@experiment()
def in_batch_norm(case, run):
    """Plant."""
    mean, variance = torch.zeros(3), torch.ones(3)
    return fitted(run, lambda network, x, y: plain(network, F.batch_norm(x, mean, variance), y))  # in_batch_norm


@experiment()
def in_index(case, run):
    """Plant."""
    turned = torch.arange(10)
    return fitted(run, lambda network, x, y: plain(network, x, turned[y]))  # in_index


@experiment()
def in_loss(case, run):
    """Plant."""
    return fitted(run, lambda network, x, y: F.cross_entropy(network(x), torch.zeros(10, dtype=torch.long)))  # in_loss


@experiment()
def in_backward(case, run):
    """Plant."""
    return fitted(run, lambda network, x, y: F.cross_entropy(Scaled.apply(network(x)), y))


@experiment()
def left_on_cpu(case, run):
    """Plant."""
    before = nn.Conv2d(3, 3, 1)
    return fitted(run, lambda network, x, y: plain(network, before(x), y))  # left_on_cpu


@experiment()
def moved_away(case, run):
    """Plant."""

    def loss_of(network, x, y):
        network.cpu()
        return plain(network, x, y)

    return fitted(run, loss_of)


@experiment()
def caught(case, run):
    """Plant."""
    with contextlib.suppress(RuntimeError):
        torch.ones(2, device=run.device) @ torch.ones(2)  # caught
    return {"loss": 0.0}


@experiment()
def cpu_generator(case, run):
    """Plant."""
    draw = stream(run.seed, "noise")

    def loss_of(network, x, y):
        return plain(network, torch.empty_like(x).normal_(generator=draw), y)  # cpu_generator

    return fitted(run, loss_of)


@experiment()
def cuda_generator(case, run):
    """Plant."""
    torch.randperm(5, generator=stream(run.seed, "order", run.device))  # cuda_generator
    return {"loss": 0.0}


@experiment()
def to_numpy(case, run):
    """Plant."""
    return fitted(run, lambda network, x, y: plain(network, x * x.numpy().mean(), y))  # to_numpy


@experiment()
def waits(case, run):
    """Plant."""
    return fitted(run, lambda network, x, y: plain(network, x / x.amax().item(), y))  # waits


@experiment()
def waits_for_a_mask(case, run):
    """Plant."""
    return fitted(run, lambda network, x, y: plain(network, x[y > 4], y[y > 4]))  # waits_for_a_mask


@experiment()
def copies(case, run):
    """Plant."""
    means = [0.1, 0.2, 0.3]

    def loss_of(network, x, y):
        return plain(network, x - torch.tensor(means, device=x.device)[:, None, None], y)  # copies

    return fitted(run, loss_of)


@experiment()
def dropout_copies(case, run):
    """Plant."""
    return fitted(run, plain, dropout=stream(run.seed, "dropout"))


@experiment(resumes=True)
def forgets(case, run):
    """Plant: the optimiser and the generator are not kept."""
    return fitted(run, plain, kept=False)


@experiment(resumes=True)
def keeps_nothing(case, run):
    """Plant."""
    return {"loss": 0.0}


@experiment()
def fails(case, run):
    """Plant."""
    raise ValueError("not of devices")  # fails
