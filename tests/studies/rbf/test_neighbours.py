"""Nearest neighbours among features, and the share of points inside a cloud."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from repro.errors import UsageError
from studies.rbf.measured.neighbours import NEIGHBOURS, QUERIES, neighbour_error, share_inside


def clouds(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points around three places, and which of them."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    places = torch.tensor([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
    return places[labels] + torch.randn(count, 2, generator=draw), labels


def test_the_error_is_that_of_scikit_learn() -> None:
    points, labels = clouds(300, seed=0)
    queries, wanted = clouds(QUERIES + 100, seed=1)
    theirs = KNeighborsClassifier(NEIGHBOURS).fit(points.numpy(), labels.numpy())
    expected = 100 * float(np.mean(theirs.predict(queries.numpy()) != wanted.numpy()))
    assert 10 < expected < 60
    assert neighbour_error(points, labels, queries, wanted) == expected


def test_shuffled_labels_are_seen() -> None:
    points, labels = clouds(300, seed=0)
    shuffled = labels[torch.randperm(300, generator=torch.Generator().manual_seed(2))]
    assert neighbour_error(points, shuffled, points, labels) > neighbour_error(points, labels, points, labels) + 20


def test_points_inside_and_outside_a_disc() -> None:
    angle = torch.linspace(0, 2 * torch.pi, 1000)
    disc = torch.stack([angle.cos(), angle.sin()], dim=1)
    points = torch.tensor([[0.0, 0.0], [0.9, 0.0], [-0.6, 0.6], [1.1, 0.0]])
    assert share_inside(points, disc) == 75


def test_a_cloud_that_is_a_point_holds_that_point_only() -> None:
    cloud = torch.zeros(5, 2)
    assert share_inside(torch.tensor([[0.0, 0.0], [0.1, 0.0]]), cloud) == 50


def test_shapes_that_do_not_belong_together_are_named() -> None:
    points, labels = clouds(6, seed=0)
    with pytest.raises(UsageError, match=r"wanted points \(N, D\), .* got \(6, 2\), \(6,\), \(6, 1\), \(6,\); give"):
        neighbour_error(points, labels, points[:, :1], labels)
    with pytest.raises(UsageError, match=r"got \(6, 2\), \(5,\), \(6, 2\), \(6,\); give"):
        neighbour_error(points, labels[:5], points, labels)
    with pytest.raises(UsageError, match=r"wanted points \(K, 2\) and a cloud \(N, 2\), got \(6, 1\) and \(6, 2\)"):
        share_inside(points[:, :1], points)
