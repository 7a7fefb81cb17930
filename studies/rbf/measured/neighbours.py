"""What the two features and the centres among them are worth: nearest neighbours, and the features' outline.

Shape legend: N reference points, M queries, D features, K centres, J directions.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from repro.errors import UsageError

NEIGHBOURS = 5
QUERIES = 500  # at a time, so that the distances to 50,000 points take 100 MB
DIRECTIONS = 360


def neighbour_error(points_ND: Tensor, labels_N: Tensor, queries_MD: Tensor, wanted_M: Tensor) -> float:
    """Return the share (%) of queries that a vote of their 5 nearest points gets wrong; of a tie the lowest class."""
    if points_ND.shape[1] != queries_MD.shape[1] or (len(labels_N), len(wanted_M)) != (len(points_ND), len(queries_MD)):
        shapes = ", ".join(str(tuple(each.shape)) for each in (points_ND, labels_N, queries_MD, wanted_M))
        raise UsageError(
            f"nearest neighbours: wanted points (N, D), labels (N,), queries (M, D) and labels (M,), got {shapes}; "
            "give each point and each query one label"
        )
    classes = int(labels_N.max()) + 1
    wrong = 0
    for queries, wanted in zip(torch.split(queries_MD, QUERIES), torch.split(wanted_M, QUERIES), strict=True):
        distances = torch.cdist(queries, points_ND, compute_mode="donot_use_mm_for_euclid_dist")
        nearest = distances.topk(min(NEIGHBOURS, len(points_ND)), largest=False).indices
        votes = F.one_hot(labels_N[nearest], classes).sum(dim=1)
        wrong += int((votes.argmax(dim=1) != wanted).sum())
    return 100 * wrong / len(queries_MD)


def share_inside(points_KD: Tensor, cloud_ND: Tensor) -> float:
    """Return the share (%) of points in the plane that lie inside the outline of a cloud, drawn by 360 directions."""
    if points_KD.shape[1:] != (2,) or cloud_ND.shape[1:] != (2,):
        raise UsageError(
            f"share inside: wanted points (K, 2) and a cloud (N, 2), got {tuple(points_KD.shape)} and "
            f"{tuple(cloud_ND.shape)}; an outline is drawn in the plane"
        )
    angles_J = torch.arange(DIRECTIONS, dtype=torch.float64) * (2 * math.pi / DIRECTIONS)
    directions_DJ = torch.stack([angles_J.cos(), angles_J.sin()])
    reach_J = (cloud_ND.detach().cpu().double() @ directions_DJ).amax(dim=0)
    inside_K = (points_KD.detach().cpu().double() @ directions_DJ <= reach_J).all(dim=1)
    return 100 * float(inside_K.double().mean())
