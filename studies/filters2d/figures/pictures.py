"""Pictures of the notebook's sections, of what can be computed and of networks trained for them with a fixed seed.

Shape legend: N images, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import signal
from scipy.special import expit
from torch import Tensor

from repro.study import Figure
from studies.common.datasets import DIGITS
from studies.common.photographs import TILES
from studies.common.plotting import INK, PALE, TITLE, style
from studies.common.randomness import stream
from studies.common.training import reproducible
from studies.filters2d.cases import Colour, Filter, Median, Pair, Smoother, Topology
from studies.filters2d.data import shapes, signals
from studies.filters2d.figures import examples
from studies.filters2d.figures.examples import SEED, Panel, draw_panels, drawing, learnt, run_of, seeded, units
from studies.filters2d.measured import blobs, digits, filters, transforms
from studies.filters2d.measured.transforms import correlation

TILE, DIGIT, BLOB = 49, 10, 17  # which image is shown; the blob is one whose boundary leaves the image
BOUNDARY, SHAPE, LSTM2 = (
    Topology("boundary", "convolutional"), Topology("shape", "convolutional"), Topology("shape", "lstm2"),
)  # fmt: skip

Rows = Sequence[Mapping[str, Any]]


# Sections 2 to 4


def dots_filtered(_rows: Rows) -> Figure:
    """Return dots, what the Gaussian filter makes of them, and its impulse response."""
    dots = signals.dots(1, 64, stream(SEED, "dots"))[0, 0]
    response = torch.from_numpy(signals.impulse_response(signals.SIGMAS, 65))
    panels = [Panel("dots", dots), Panel("filtered", signals.gaussian(dots, signals.SIGMAS))]
    panels.append(Panel("impulse response", response))
    rows = [[*one.row(), f"{float(one.image.sum()):.4g}", int((one.image != 0).sum())] for one in panels]
    headers = ["image", "lowest", "highest", "sum", "pixels that are not 0"]
    notes = f"Black is the lowest value of an image, white the highest. Dots drawn with seed {SEED}."
    return Figure(headers, rows, notes, drawing(panels, 3))


PART = (96, 160)  # of the 256 rows and columns of a dense layer's matrix on 16 x 16 pixels


def learned_kernels(_rows: Rows) -> Figure:
    """Return kernels and the matrix that learned the Gaussian filter, beside those of the filter."""
    full, separable, dense = (learnt(Filter(model)) for model in ("full", "separable", "dense"))
    kernel, matrix = filters.true_kernel(), filters.true_matrix(examples.SETTINGS.dense.side)
    kernels = [transforms.kernel_of(one.network) for one in (full, separable)]
    weights = dense.network.get_parameter("1.weight").detach()
    top, high = float(kernel.max()), float(matrix.max())
    panels = [
        Panel("the filter's middle", kernel, 0.0, top),
        *(Panel(name, one, 0.0, top) for name, one in zip(("15 x 15 layer", "two 1-D layers"), kernels, strict=True)),
        *(Panel(name, weights, 0.0, high) for name in ("fully connected", "fully connected, part")),
        Panel("the filter's matrix, part", matrix, 0.0, high),
    ]
    rows = [
        [name, f"{alike:.4f}", f"{one.mse:.3g}", one.how]
        for name, one, alike in (
            ("15 x 15 layer", full, correlation(kernels[0], kernel)),
            ("two 1-D layers", separable, correlation(kernels[1], kernel)),
            ("fully connected", dense, correlation(weights, matrix)),
        )
    ]
    headers = ["layer", "correlation with the filter's weights", "mean squared error, test images", "trained"]
    notes = seeded(
        f"The fully connected layer sees images of {examples.SETTINGS.dense.side} pixels; the part of its matrix is "
        f"rows and columns {PART[0]} to {PART[1] - 1}. Black is 0 and below, white the filter's largest weight and "
        "above."
    )

    def draw(canvas: Any) -> None:
        every = draw_panels(canvas, panels, 3)
        for axes in every[3:]:
            axes.set_xlabel("number of the pixel seen")
            axes.set_ylabel("number of the pixel answered")
        for axes in every[4:]:
            axes.set_xlim(PART[0] - 0.5, PART[1] - 0.5)
            axes.set_ylim(PART[1] - 0.5, PART[0] - 0.5)

    return Figure(headers, rows, notes, draw)


# Sections 5 to 8: an answer beside what is wanted


def tile() -> Tensor:
    """Return the colour image that is shown (1, 3, 32, 32)."""
    return transforms.images_of(run_of(TILES), "test", replace(examples.SETTINGS.colour, side=32))[TILE : TILE + 1]


def colour_images(_rows: Rows) -> Figure:
    """Return an image in RGB, in XYZ, and in XYZ by a learned matrix and by a learned network at each pixel."""
    rgb = tile()
    wanted = signals.xyz(rgb)
    found = {"matrix": learnt(Colour("linear")), "network": learnt(Colour("relu"))}
    images = {"RGB": rgb, "XYZ": wanted, **{f"XYZ by {name}": one.answer(rgb) for name, one in found.items()}}
    panels = []
    for name, image in images.items():
        kind, _, by = name.partition(" ")
        panels += [Panel(name, image[0]), *(units(f"{one} {by}", image[0, n]) for n, one in enumerate(kind))]
    rows: list[list[Any]] = [
        [name, *(f"{float(mean):.3f}" for mean in image[0].mean(dim=(1, 2)))] for name, image in images.items()
    ]
    trained: list[list[Any]] = [[None, None], ["0", None], *([f"{one.mse:.3g}", one.how] for one in found.values())]
    rows = [row + more for row, more in zip(rows, trained, strict=True)]
    headers = ["image", "mean R or X", "mean G or Y", "mean B or Z", "mean squared error, test images", "trained"]
    notes = seeded(
        "A tile of a photograph of scikit-learn stands in for an image of CIFAR-10. Left, the three values of a pixel "
        "are shown as red, green and blue, those of XYZ too, which are no colours, as in the notebook; to the right "
        "each alone in grey, from 0 to 1. The network has 16 hidden ReLUs."
    )
    return Figure(headers, rows, notes, drawing(panels, 4))


def mosaic_images(_rows: Rows) -> Figure:
    """Return a tile, its mosaic, and what three networks make of that."""
    return examples.inverse(
        "mosaic", examples.MOSAIC, tile(), "A tile of a photograph of scikit-learn stands in for one of CIFAR-10."
    )


def channel_images(_rows: Rows) -> Figure:
    """Return a digit, what the channel makes of it, and what three networks make of that."""
    image = transforms.images_of(run_of(DIGITS), "test", examples.SETTINGS.channel)[DIGIT : DIGIT + 1]
    side = examples.SETTINGS.channel.side
    return examples.inverse(
        "channel", examples.CHANNEL, image, f"A digit of scikit-learn, enlarged to {side} pixels, stands for MNIST."
    )


# Sections 9 to 11


STRENGTH = 0.5


def matched_digit(_rows: Rows) -> Figure:
    """Return noise with a digit in it, the digit, their correlation, and where that is high."""
    digit = digits.hidden_digit(run_of(DIGITS)).double().numpy()
    image = np.random.default_rng(stream(SEED, "backgrounds").initial_seed()).random((256, 256))
    image[100:128, 100:128] += STRENGTH * digit
    found = signal.correlate(image, digit, method="fft")
    high = expit(10 * (found - 0.7 * found.max()))
    named = {"image": image, "digit": digit, "correlation": found, "sigmoid(10 (correlation - 0.7 max))": high}
    panels = [Panel(name, torch.from_numpy(one)) for name, one in named.items()]
    rows = [
        [
            *one.row(),
            *map(int, np.unravel_index(int(one.image.argmax()), one.image.shape)),
            int((one.image > 0.5).sum()),
        ]
        for one in panels
    ]
    rows[3][3:5] = rows[2][3:5]  # where many places are 1 in floating point
    headers = ["image", "lowest", "highest", "highest in row", "in column", "pixels above 0.5"]
    notes = (
        f"A digit of scikit-learn, enlarged to 28 pixels, stands for MNIST: {STRENGTH:g} of it is added to rows and "
        "columns 100 to 127 of noise from 0 to 1. The correlation is larger than the image by 27 pixels each way: the "
        f"digit's place in it is row 127, column 127. Noise drawn with seed {SEED}."
    )
    return Figure(headers, rows, notes, drawing(panels, 2))


def localised_waves(_rows: Rows) -> Figure:
    """Return sines under a Gaussian, in one and in two dimensions."""
    every: list[tuple[int, int, Mapping[str, object]]]
    every = [(1, number, one) for number, one in enumerate(filters.PANELS_1D, 1)]
    every += [(2, number, one) for number, one in enumerate(filters.PANELS_2D, 1)]
    rows: list[list[Any]] = []
    for dimensions, number, changed in every:
        values = filters.panel_figures(dimensions, number)
        text = ", ".join(f"{name} {value}" for name, value in changed.items()) or "defaults"
        rows.append([dimensions, number, text, values["lowest"], values["highest"]])
    notes = (
        "Defaults: about 0, frequency 1 in one dimension and (0.7, 0.7) in two, phase 0. In two dimensions black is "
        "-1 and white 1, and there are half as many periods as the frequency says: the notebook's code halves it."
    )

    def draw(canvas: Any) -> None:
        canvas.set_size_inches(7, 10.5)
        for axes, (dimensions, number, text, *_) in zip(canvas.subplots(5, 3).flat, rows, strict=True):
            values = filters.panel(dimensions, number)
            if dimensions == 1:
                axes.plot(np.linspace(-10, 10, len(values)), values, color=INK, linewidth=0.8)
                axes.set_ylim(-1.05, 1.05)
            else:
                axes.imshow(values, cmap="gray", vmin=-1, vmax=1, extent=(-10, 10, 10, -10))
            axes.set_title(text, fontsize=TITLE)
            axes.set_xlabel("x (no unit)")
            axes.set_ylabel("value (no unit)" if dimensions == 1 else "y (no unit)")

    return Figure(["dimensions", "panel", "changed", "lowest", "highest"], rows, notes, draw)


def aliased_rings(_rows: Rows) -> Figure:
    """Return rings, and every fourth pixel of them as they are and after a Gaussian filter."""
    kept = {"nothing": "every fourth pixel", "gaussian": "after a Gaussian filter"}
    panels = [Panel("rings", torch.from_numpy(filters.zone_plate()), -1.0, 1.0)]
    panels += [
        Panel(name, torch.from_numpy(filters.every_fourth(filters.zone_plate(), before)), -1.0, 1.0)
        for before, name in kept.items()
    ]
    rows = [[name, *filters.sampling_figures(before).values()] for before, name in kept.items()]
    notes = (
        "Rings stand for the texture of the notebook, whose file is not published. Their frequency rises to half a "
        "period a pixel; every fourth pixel carries an eighth. The Gaussian has 2 pixels. Black is -1, white 1."
    )
    headers = ["pixels kept", "power above an eighth of a period a pixel, %", "power folded back, %"]
    return Figure(headers, rows, notes, drawing(panels, 3))


PAIRS: dict[Pair, tuple[str, str]] = {
    "circle_square": ("rectangle", "circle"),
    "square_rectangle": ("square", "rectangle"),
}
DRAWN, SIDE, ACROSS = 100, 64, 4  # outlines drawn, their side (pixels), shown in a row


def outline_samples(_rows: Rows) -> Figure:
    """Return outlines of both tasks, eight of each class."""
    grids, rows = [], []
    for pair, names in PAIRS.items():
        images, classes = shapes.outlines(pair, DRAWN, SIDE, stream(SEED, pair))
        chosen = []
        for label, name in enumerate(names):
            some = images[classes == label]
            chosen.append(some[: 2 * ACROSS, 0])
            lit = (some > 0.5).flatten(1).sum(dim=1).float().mean()
            rows.append([" or ".join(names), name, len(some), f"{float(lit):.1f}"])
        framed = F.pad(torch.cat(chosen), (1, 1, 1, 1), value=1.0)
        grids.append(torch.unflatten(framed, 0, (-1, ACROSS)).transpose(1, 2).flatten(2).flatten(0, 1))
    panels = [Panel(" or ".join(names), grid, 0.0, 1.0) for names, grid in zip(PAIRS.values(), grids, strict=True)]
    notes = (
        f"Images of {SIDE} pixels; the notebook's have 128. Two rows of each class, of {DRAWN} images drawn with seed "
        f"{SEED}. Against circles stand rectangles of any sides, as the notebook draws them, although it says squares."
    )

    def draw(canvas: Any) -> None:
        for axes, names in zip(draw_panels(canvas, panels, 2), PAIRS.values(), strict=True):
            axes.set_yticks([SIDE + 1.5, 3 * SIDE + 5.5], [f"{name}s" for name in names], rotation=90, va="center")
            axes.set_ylabel("class")

    return Figure(["task", "class", f"of {DRAWN}", "pixels above 0.5"], rows, notes, draw)


# Sections 12 to 16


@reproducible()
def blob_images(_rows: Rows) -> Figure:
    """Return a blob, its boundary and the learned one, and what fills the boundary: two networks, and no network."""
    run = run_of()
    panels, rows = [], []
    for case, name in ((BOUNDARY, "learned boundary"), (SHAPE, "learned shape"), (LSTM2, "shape by LSTM2")):
        found = learnt(case)
        plan = examples.SETTINGS.crossed if case == LSTM2 else examples.SETTINGS.topology
        values = blobs.topology_values(found.network, found.problem, case, plan, run)
        rows.append([name, *(f"{values[key]:.1f}" for key in ("overlap", "classical_overlap")), found.how])
    whole, edges = (one[BLOB:] for one in blobs.clean(examples.SETTINGS.crossed, BLOB + 1, "shown", SEED))
    noise = stream(SEED, "noise/shown")
    blob, boundary = shapes.with_noise(whole, noise), shapes.with_noise(edges, noise)
    panels = [
        units("blob", blob[0, 0]), units("boundary", boundary[0, 0]),
        units("boundary, learned", learnt(BOUNDARY).answer(blob)[0, 0]),
        units("shape, learned", learnt(SHAPE).answer(boundary)[0, 0]),
        units("shape, LSTM2", learnt(LSTM2).answer(boundary)[0, 0]),
        units("shape, holes filled", shapes.filled(boundary)[0, 0]),
    ]  # fmt: skip
    notes = seeded(
        f"Overlap: intersection over union of what is above 0.5, over all test images. Without learning: boundaries by "
        f"a minimum filter, shapes by filling holes. The networks of 7 x 7 kernels learned on images of "
        f"{examples.SETTINGS.topology.side} pixels, LSTM2 on {examples.SETTINGS.crossed.side}, as shown. The blob "
        "shown was chosen for its boundary, which leaves the image."
    )
    headers = ["answer", "overlap, %", "overlap without learning, %", "trained"]
    return Figure(headers, rows, notes, drawing(panels, 3))


def activation_curves(_rows: Rows) -> Figure:
    """Return four activations, and what a scaled sigmoid approximates."""
    rows = []
    for name, within in (("identity", 1.0), ("identity", 2.0), ("identity", 4.0), ("softplus", 5.0)):
        values = filters.approximation_figures(name, within)
        rows.append([name, f"-{within:g} to {within:g}", values["largest"], values["rms"]])
    (near, identity), (soft, softplus) = filters.CURVES["identity"], filters.CURVES["softplus"]
    activations = {
        "identity": identity, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "ReLU": lambda x: np.maximum(x, 0),
        "softplus": softplus,
    }  # fmt: skip
    scaled = {"identity": identity, "10 sigmoid(0.4 x) - 5": near}
    shifted = {"softplus": softplus, "10 sigmoid(0.55 x - 2.6)": soft}

    def draw(canvas: Any) -> None:
        canvas.set_size_inches(9, 3.6)
        for axes, curves, within in zip(canvas.subplots(1, 3), (activations, scaled, shifted), (2, 4, 5), strict=True):
            x = np.linspace(-within, within, 100)
            for number, (name, curve) in enumerate(curves.items()):
                axes.plot(x, curve(x), label=name, **style(number, points=len(x)))
            axes.set_xlabel("x (no unit)")
            axes.set_ylabel("value (no unit)")
            axes.legend(frameon=False, fontsize=7)

    headers = ["approximated", "on", "largest miss of the scaled sigmoid", "root mean square"]
    notes = "The sigmoid beside the identity is 10 sigmoid(0.4 x) - 5, beside softplus 10 sigmoid(0.55 x - 2.6)."
    return Figure(headers, rows, notes, draw)


FAINT = 0.3  # white, where answers to dots are shown


@reproducible()
def median_images(_rows: Rows) -> Figure:
    """Return an image and dots, their median, the learned answer and the mean over as many pixels."""
    found = learnt(Median("notebook"))
    image, dots = found.problem.test.images[TILE : TILE + 1], transforms.dotted(64, SEED)
    values = transforms.median_values(found.network, found.problem, run_of(TILES))
    errors = {"image": "identity_mse", "learned": "mse", "mean of 4 x 4": "box_mse"}
    panels, rows = [], []
    for name, one in (("image", image), ("dots", dots)):
        answered = {
            name: one, "median": signals.median(one), "learned": found.answer(one),
            "mean of 4 x 4": signals.box_mean(one),
        }  # fmt: skip
        for title, each in answered.items():
            panels.append(Panel(title, each[0, 0], 0.0, 1.0 if name == "image" else FAINT))
            error = f"{values[errors[title]]:.3g}" if title in errors and name == "image" else None
            rows.append([name, title, *panels[-1].row()[1:], f"{float(each.mean()):.3g}", error])
    headers = ["of", "shown", "lowest", "highest", "mean", "mean squared error against the median, test images"]
    notes = seeded(
        "A tile of a photograph of scikit-learn stands in for an image of CIFAR-10, in grey; the median is over 4 x 4 "
        f"pixels. Black is 0; white is 1, of answers to dots {FAINT:g} and above. Trained on "
        f"{len(found.problem.train)} tiles: {found.how}."
    )
    return Figure(headers, rows, notes, drawing(panels, 4))


def smoothed_pulses(_rows: Rows) -> Figure:
    """Return pulses and the recursive filter, and pulses smoothed by a Gaussian, an LSTM and a linear filter."""
    draw_from = np.random.default_rng(stream(SEED, "recursive").initial_seed())
    few = draw_from.random(100) * (draw_from.random(100) < signals.PULSES)
    decayed = signals.recursive(few)
    networks = {"LSTM": learnt(Smoother("lstm")), "linear filter": learnt(Smoother("fir"))}
    test = networks["LSTM"].problem.test
    pulses, wanted = test.images[:1], test.labels_N[:1]
    curves = {"wanted": wanted, **{name: one.answer(pulses) for name, one in networks.items()}}
    variance = float(test.labels_N.var(correction=0))
    rows: list[list[Any]] = [["recursive", f"{decayed.min():.3g}", f"{decayed.max():.3g}", None, None, None]]
    for name, curve in curves.items():
        one = networks.get(name)
        more = [f"{one.mse:.3g}", f"{100 * (1 - one.mse / variance):.2f}", one.how] if one else [None, None, None]
        rows.append([name, f"{float(curve.min()):.3g}", f"{float(curve.max()):.3g}", *more])

    def draw(canvas: Any) -> None:
        canvas.set_size_inches(7, 6)
        shown: list[tuple[np.ndarray, dict[str, np.ndarray]]] = [(few, {"recursive filter": decayed})]
        shown.append((pulses[0, 0].numpy(), {name: curve[0, 0].numpy() for name, curve in curves.items()}))
        for axes, (given, lines) in zip(canvas.subplots(2, 1), shown, strict=True):
            axes.vlines(np.flatnonzero(given), 0, given[given > 0], color=INK, linewidth=0.6, label="pulses")
            for number, (name, line) in enumerate(lines.items()):
                thick = {"color": PALE, "linewidth": 5, "marker": None} if name == "wanted" else {}
                axes.plot(line, label=name, **{**style(number, points=len(line)), **thick})
            axes.set_xlabel("place in the sequence")
            axes.set_ylabel("value (no unit)")
            axes.legend(frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1))

    headers = ["curve", "lowest", "highest", "mean squared error, test sequences", "variance explained, %", "trained"]
    notes = seeded("Above, pulses of random height and the recursive filter; below, pulses of 1 to be smoothed.")
    return Figure(headers, rows, notes, draw)
