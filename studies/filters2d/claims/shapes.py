"""Evidence on sections 11 and 12: outlines, the network that tells them apart, blobs and their boundaries."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndi
import torch
import torch.nn.functional as F
from scipy import special
from torch import nn

from repro.audit.evidence import Shown
from studies.common.randomness import stream
from studies.filters2d import model
from studies.filters2d.cases import SEED, Pair
from studies.filters2d.claims.evidence import numbers, weight_shape
from studies.filters2d.data import shapes

BLOBS = 12  # images of blobs that evidence is taken from
BLOCKS = 3  # of section 11's network
TESTED = 1000  # images that the printed errors are shares of
DRAWS = 500  # rectangles drawn, of which each of 16 pairs of sides is all but sure to be one

# Section 11


def generated_sizes() -> list[float]:
    """Return height and width of images of outlines, and the noise where nothing is drawn (section 11.1)."""
    images, _ = shapes.outlines("circle_square", 60, shapes.FULL_SIDE, stream(SEED, "claims/outlines"))
    empty = images[:, :, :2]  # a centre is 20 pixels away, a radius at most 14, the blur reaches 4
    return [*map(float, images.shape[2:]), float(empty.std())]


def drawn_sides(pair: Pair, label: int) -> list[tuple[int, int]]:
    """Return the half sides of rectangles as they are drawn for a class."""
    draw = np.random.default_rng(SEED)
    return [shapes.half_sides(pair, label, draw) for _ in range(DRAWS)]


def squares_against_circles() -> Shown:
    """Say whether what is drawn against circles are squares, as the section's title says (section 11.1)."""
    sides = {*drawn_sides("circle_square", 0)}
    square = sum(across == down for across, down in sides)
    return square == len(sides), f"{square} of the {len(sides)} pairs of sides that are drawn make squares"


def squares_and_rectangles() -> Shown:
    """Say whether squares have equal half sides, and rectangles those two pixels or more apart (section 11.2)."""
    squares, others = ({*drawn_sides("square_rectangle", label)} for label in (0, 1))
    apart = {abs(across - down) for across, down in others}
    holds = all(across == down for across, down in squares) and min(apart) >= 2
    reach = [extreme(one for pair in squares | others for one in pair) for extreme in (min, max)]
    return (
        holds,
        f"half sides from {reach[0]} to {reach[1]}; those of rectangles differ by {min(apart)} to {max(apart)}",
    )


def _classifier() -> nn.Sequential:
    """Return the network for outlines of the notebook's size."""
    return model.shape_classifier(shapes.FULL_SIDE)


def classifier_channels() -> list[int]:
    """Return the channels into and out of each convolution of the network (section 11.1, Out[52])."""
    layers = [layer for layer in _classifier() if isinstance(layer, nn.Conv2d)]
    return [count for layer in layers for count in (layer.in_channels, layer.out_channels)]


def classifier_features() -> list[int]:
    """Return the numbers into and out of each fully connected layer (section 11.1, Out[52])."""
    layers = [layer for layer in _classifier() if isinstance(layer, nn.Linear)]
    return [count for layer in layers for count in (layer.in_features, layer.out_features)]


def as_listed(network: nn.Sequential) -> nn.Sequential:
    """Return a network's layers as Out[52] has them: torch's own convolutions, and each ReLU before its maximum."""
    layers = [
        nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1) if isinstance(layer, nn.Conv2d) else layer
        for layer in network
    ]
    for start in (0, 4, 8):
        maximum, relu = layers[start + 2 : start + 4]
        layers[start + 2 : start + 4] = [relu, maximum]
    listed = nn.Sequential(*layers)
    listed.load_state_dict(network.state_dict())
    return listed


def classifier_kinds() -> list[str]:
    """Return the names of the layers in their order, those of one block once, as Out[52] lists them (section 11.1).

    The network that is trained is the listed one where both give the same scores, to 1e-4, and otherwise its own.
    """
    network = _classifier().eval()
    listed = as_listed(network).eval()
    images, _ = shapes.outlines("square_rectangle", 2, shapes.FULL_SIDE, stream(SEED, "claims/kinds"))
    with torch.no_grad():
        same = torch.allclose(network(images), listed(images), atol=1e-4)
    names = [type(layer).__name__ for layer in (listed if same else network)]
    blocks = [names[start : start + 4] for start in (0, 4, 8)]
    return [*blocks[0], *names[12:]] if blocks[0] == blocks[1] == blocks[2] else names


def classifier_constants() -> list[float]:
    """Return what torch adds to a variance in batch norm, and how fast running statistics follow (section 11.1)."""
    (pair,) = {(layer.eps, layer.momentum) for layer in _classifier() if isinstance(layer, nn.BatchNorm2d)}
    return [float(one or 0) for one in pair]


def images_for_labels() -> Shown:
    """Say whether test images serve as the classes that answers are compared with (section 11.2, In [55])."""
    images, classes = shapes.outlines("square_rectangle", 4, shapes.FULL_SIDE, stream(SEED, "claims/labels"))
    with torch.no_grad():
        answers = _classifier().eval()(images)
    F.cross_entropy(answers, classes)
    handed = images[:, 0].long()
    try:
        F.cross_entropy(answers, handed)
    except (RuntimeError, ValueError) as error:
        kind = type(error).__name__
        return False, f"classes of shape {tuple(handed.shape)}: {kind}; the right ones are {tuple(classes.shape)}"
    return True, "they do"


def images_tested() -> int:
    """Return of how many images the printed errors are shares, by the listing (section 11)."""
    return TESTED


def printed_error_against_chance() -> Shown:
    """Say whether one guesser in a hundred errs as little as the best printed error, by chance (section 11.2)."""
    (share,) = numbers("square-hardly")
    errors = round(share * TESTED)
    p = float(special.bdtr(errors, TESTED, 0.5))
    return p > 0.01, (
        f"{errors} errors of {TESTED:,}, where a guesser expects {TESTED // 2}: {100 * p:.1f} % of guessers err as "
        "little in one evaluation, and this is the best of several"
    )


# Section 12


def blob_percentile() -> float:
    """Return the share (%) of an image that is outside its blobs (section 12, In [56])."""
    whole = shapes.blobs(BLOBS, shapes.FULL_SIDE, stream(SEED, "claims/blobs"))
    return 100 * float(1 - whole.mean())


def boundary_by_erosion() -> Shown:
    """Say whether boundaries are what an erosion by 3 x 3 pixels takes away (section 12, In [56])."""
    whole = shapes.blobs(BLOBS, shapes.FULL_SIDE, stream(SEED, "claims/blobs"))[:, 0].numpy() > 0.5
    found = shapes.boundary(torch.from_numpy(whole[:, None].astype(np.float32)))[:, 0].numpy() > 0.5
    eroded = np.stack([ndi.binary_erosion(one, np.ones((3, 3)), border_value=1) for one in whole])
    off = int((found != (whole & ~eroded)).sum())
    share = 100 * float(found.mean())
    return off == 0, f"{off} of {found.size:,} pixels, {share:.1f} % of them boundary, differ from an erosion's"


def topology_layers() -> list[int]:
    """Return channels and kernel of the hidden layer of the topology network (section 12, In [58])."""
    channels, _, kernel, _ = weight_shape(model.topology_network(), "0.weight")
    return [channels, kernel]


def blank_views() -> Shown:
    """Bound the error of any network of 7 x 7 views that fills boundaries, edges of the image apart (section 12).

    Where all that a network sees is blank, it can only give one answer, although some of these pixels are inside.
    """
    whole = shapes.blobs(BLOBS, shapes.FULL_SIDE, stream(SEED, "claims/blobs"))
    seen = ndi.maximum_filter(shapes.boundary(whole)[:, 0].numpy(), size=(1, 7, 7))
    middle = np.s_[:, 3:-3, 3:-3]
    blank = seen[middle] == 0
    inside = float(whole[:, 0].numpy()[middle][blank].mean())
    least, constant = blank.mean() * inside * (1 - inside), float(whole.var())
    return bool(least > constant / 2), (
        f"{100 * blank.mean():.0f} % of the pixels see no boundary, and {100 * inside:.0f} % of these are inside: an "
        f"error of {least:.3f} at least, where one constant answer has {constant:.3f}"
    )


def blank_views_with_maxima() -> Shown:
    """Bound the error of any network of three blocks with maxima that fills boundaries, edges apart (section 12).

    Each cell of its last block stands for 8 x 8 pixels. Where all that it sees is blank, each of these gets one answer.
    """
    view, cell = 1, 1
    for _ in range(BLOCKS):
        view, cell = view + 3 * cell, 2 * cell  # two steps more by 3 x 3 weights, one by the maximum
    margin, whole = cell - 1, shapes.blobs(BLOBS, shapes.FULL_SIDE, stream(SEED, "claims/blobs"))
    inner, edges = whole[:, 0].numpy(), shapes.boundary(whole)[:, 0].numpy()
    starts = range(cell, shapes.FULL_SIDE - view + cell, cell)  # of cells whose view lies in the image
    places = [(y, x) for y in starts for x in starts]
    seen = [edges[:, y - margin : y - margin + view, x - margin : x - margin + view] for y, x in places]
    blank = np.concatenate([one.max(axis=(1, 2)) == 0 for one in seen])
    filled = np.concatenate([inner[:, y : y + cell, x : x + cell] for y, x in places])
    inside = filled[blank].mean(axis=0)
    least, constant = float(blank.mean() * (inside * (1 - inside)).mean()), float(whole.var())
    return least > constant / 10, (
        f"{100 * blank.mean():.0f} % of the cells, which see {view} x {view} pixels, see no boundary, and "
        f"{100 * inside.mean():.0f} % of their pixels are inside: an error of {least:.3f} at least, where one constant "
        f"answer has {constant:.3f}"
    )


def blob_numbers() -> list[float]:
    """Return density and blur of the dots behind blobs, and the noise of images, as the study draws them (In [56])."""
    return [shapes.SEEDS, shapes.BLOB_BLUR, shapes.BLOB_NOISE]
