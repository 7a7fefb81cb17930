"""What result rows say of the notebook's claims, in words: sentences by the id of a claim, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repro.study import Figure
from studies.common import beside as claims_table
from studies.common.found import Found, spread
from studies.filters2d.cases import PUBLISHED_DENSITY, Hidden

NOTES = (
    "Means over the runs, lowest and highest in brackets; errors are mean squared errors on test images unless said "
    'otherwise, and "times" is over that of the best linear filter on the same images. Of what is printed, losses were '
    "read off the notebook's stored plots, to about 2 %, and are not in the text; bounds are ours, where the text says "
    "it in words."
)

Part = Callable[[Found], str]
Rows = Sequence[Mapping[str, Any]]


def beside(rows: Rows) -> Figure:
    """Return the notebook's claims beside what happens."""
    return claims_table.beside("filters2d", rows, notes=NOTES)


# How sentences are worded


def words(template: str, **parts: Part) -> Part:
    """Return what fills a sentence with its parts, each worded from the rows."""

    def said(found: Found) -> str:
        return template.format(**{name: part(found) for name, part in parts.items()})

    return said


def of(experiment: str, metric: str, spec: str = ".2g", **fields: Any) -> Part:
    """Return what words a metric's mean and range."""
    return lambda found: found.spread(experiment, metric, spec, **fields)


def one(experiment: str, metric: str, spec: str = ".0f", **fields: Any) -> Part:
    """Return what words a metric that has one value."""
    return lambda found: f"{found.one(experiment, metric, **fields):{spec}}"


def times(experiment: str, spec: str = ".2f", **fields: Any) -> Part:
    """Return what words an error over that of the best linear filter."""
    return lambda found: spread([10**value for value in found.values(experiment, "log10_ratio", **fields)], spec)


def law(name: str) -> Part:
    """Return what words how far the two sides of a law lie apart."""

    def said(found: Found) -> str:
        distance = found.one("laws_stated", "apart", law=name)
        return (
            "holds, to 1e-12 in float64"
            if distance == 0
            else f"does not hold: the sides differ by {distance:.3g} times"
        )

    return said


def panels(dimensions: int) -> Part:
    """Return what words the lowest and the highest value of all panels of waves."""

    def said(found: Found) -> str:
        lowest, highest = (found.values("waves", metric, dimensions=dimensions) for metric in ("lowest", "highest"))
        return f"{min(lowest):.4f} to {max(highest):.4f}"

    return said


def outlines(density: float, metric: str = "batch_error", head: str = "dense") -> Part:
    """Return what words test errors on squares and rectangles, for a number of images for each position."""
    return of("square_or_rectangle", metric, ".1f", side=48, per_position=density, head=head)


def overlap(metric: str = "overlap", **fields: Any) -> Part:
    """Return what words an overlap of blobs or boundaries."""
    return of("blob_boundaries", metric, ".1f", **fields)


def inverse(experiment: str, hidden: Hidden, called: str) -> Part:
    """Return what words the errors of non-linear networks of one kind, by what trains them."""
    sgd, adam = (times(experiment, hidden=hidden, optimiser=by) for by in ("sgd", "adam"))
    return words(f"{called}: {{sgd}} times by descent, {{adam}} times by Adam", sgd=sgd, adam=adam)


# Sections 2 to 6


impulse_response = words(
    "{law}, away from the edges; it has {rows} x {columns} pixels",
    law=law("gaussian_by_impulse"),
    rows=one("impulse", "rows"),
    columns=one("impulse", "columns"),
)
filter_weights = words(
    "correlation with the true kernel {alike}; {mass} % of the filter lies in 15 x 15 pixels, so that the best one has "
    "an error too, and the learned one {times} times as much",
    alike=of("learned_filter", "correlation", ".4f", model="full"),
    mass=one("impulse", "mass_in_kernel", ".1f"),
    times=times("learned_filter", model="full"),
)
separable_faster = words(
    "{few} products a pixel in place of {many}",
    few=one("network_sizes", "kernel_products", network="separable"),
    many=one("network_sizes", "kernel_products", network="full"),
)
separable_weights = words(
    "correlation {alike}, {times} times the error of the best 15 x 15 kernel",
    alike=of("learned_filter", "correlation", ".4f", model="separable"),
    times=times("learned_filter", model="separable"),
)
dense_weights = words(
    "on 16 x 16 pixels, correlation with the filter's matrix {alike}; {outside} % of the squared weights stand where "
    "that has none",
    alike=of("dense_layer", "correlation", ".4f"),
    outside=of("dense_layer", "outside", ".2g"),
)
xyz_linear = words(
    "of linear light it {linear}; of sRGB values, which these are, the best matrix is learned: see the next line",
    linear=law("xyz_of_linear_light"),
)
xyz_loss = words(
    "error {mse}, {times} times; the weights are within {off} of the best matrix's",
    mse=of("colour_matrix", "mse"),
    times=times("colour_matrix"),
    off=of("colour_matrix", "off_least_squares", ".2f"),
)
xyz_comparison = words(
    "it is that of CIE RGB, not of these images: entries are up to {srgb} off the right one's, {learned} off the "
    "learned one's, which are {own} off the right one's",
    srgb=one("colour_matrices", "off_srgb", ".2f", matrix="printed"),
    learned=one("colour_matrices", "off_learned", ".2f", matrix="printed"),
    own=one("colour_matrices", "off_srgb", ".2f", matrix="learned"),
)
pixel_network_better = words(
    "than the best matrix it is: sigmoid {sigmoid} times, ReLU {relu} times its error",
    sigmoid=times("network_in_network", hidden="sigmoid"),
    relu=times("network_in_network", ".3f", hidden="relu"),
)

# Sections 7 to 10


bayer_linear_loss = words(
    "error {mse}, {times} times",
    mse=of("demosaicking", "mse", hidden="linear"),
    times=times("demosaicking", hidden="linear"),
)
bayer_deeper = inverse("demosaicking", "sigmoid", "sigmoid, as printed")
bayer_well_trained = inverse("demosaicking", "relu", "ReLU")
channel_optimal = words("{times} times its error", times=times("channel_inverse", hidden="linear"))
channel_nonlinear = inverse("channel_inverse", "sigmoid", "sigmoid, as printed")
channel_well_trained = inverse("channel_inverse", "relu", "ReLU")
matched_filter = words(
    "in {half} % of 20 backgrounds; at strength 0.2 in {fifth} %, at 0.1 in {tenth} %",
    half=of("matched_filter", "hits", ".0f", strength=0.5),
    fifth=of("matched_filter", "hits", ".0f", strength=0.2),
    tenth=of("matched_filter", "hits", ".0f", strength=0.1),
)
fft_rotation = words(
    "normalised by the root of its length it {normalised}; as numpy and torch compute it, it {plain}",
    normalised=law("fft_orthonormal"),
    plain=law("fft_as_defined"),
)
planar_waves = words(
    "they lie from {plane}; those of waves in one dimension from {line}", plane=panels(2), line=panels(1)
)
aliasing = words(
    "of rings, {plain} % of what is kept is folded; after a Gaussian filter {smooth} %",
    plain=one("subsampling", "folded", before="nothing"),
    smooth=one("subsampling", "folded", before="gaussian"),
)

# Sections 11 and 12


circle_error = words(
    "test error {batch} % by batch statistics, {running} % in evaluation mode",
    batch=of("circle_or_square", "batch_error", ".1f"),
    running=of("circle_or_square", "error", ".1f"),
)
square_chance = words(
    "with the notebook's 1.29 images for each position it errs in {test} % of test images and in {train} % of training "
    "images: it knows them by heart; with a head that does not see positions (ours), in {pooled} % of test images",
    test=outlines(PUBLISHED_DENSITY),
    train=outlines(PUBLISHED_DENSITY, "train_error"),
    pooled=outlines(PUBLISHED_DENSITY, head="pooled"),
)
cannot_capture = words(
    "the same layers do, given images: {a} % with 2.6 for each position, {b} % with 5.2, {c} % with 10.4, {d} % with "
    "20.8",
    a=outlines(2.6),
    b=outlines(5.2),
    c=outlines(10.4),
    d=outlines(20.8),
)
boundary_easy = words(
    "overlap {overlap} %, error {mse}",
    overlap=overlap(wanted="boundary"),
    mse=of("blob_boundaries", "mse", wanted="boundary"),
)
reverse_fails = words(
    "overlap {overlap} %, error {mse}, where an answer sees {seen} pixels",
    overlap=overlap(wanted="shape", network="convolutional"),
    mse=of("blob_boundaries", "mse", ".3f", wanted="shape", network="convolutional"),
    seen=one("fields_of_view", "seen", network="topology"),
)
with_pooling = words(
    "filling holes, which learns nothing, overlaps by {filled} %; the notebook's own LSTM2, trained, by {lstm2} %, "
    "where filling comes to {also} %",
    filled=overlap("classical_overlap", wanted="shape", network="convolutional"),
    lstm2=overlap(network="lstm2"),
    also=overlap("classical_overlap", network="lstm2"),
)

# Sections 13 to 16


sigmoid_identity = words(
    "off by up to {far} within 4 of 0, {near} within 1",
    far=one("sigmoids", "largest", ".3f", of="identity", within=4.0),
    near=one("sigmoids", "largest", ".3f", of="identity", within=1.0),
)
sigmoid_softplus = words("off by up to {soft} within 5 of 0", soft=one("sigmoids", "largest", ".3f", of="softplus"))
median_good = words(
    "error {mse}; the mean over the same pixels has {box}, the image itself {same}",
    mse=of("learned_median", "mse"),
    box=one("learned_median", "box_mse", ".2g"),
    same=one("learned_median", "identity_mse", ".2g"),
)
learned_median_of_dots = words(
    "the median answers {highest} at most, the network {mean} on average",
    highest=of("learned_median", "dots_median", ".2g"),
    mean=of("learned_median", "dots_mean", ".3f"),
)
learned_median_at_dots = words("answer {at} on average", at=of("learned_median", "dots_at", ".3f"))
recursion_approximates = words(
    "a first-order one, run forwards and backwards once, is {once} of the Gaussian of sigma 3 off it; twice {twice}, "
    "six times {often}",
    once=one("recursive_gaussian", "off", ".2f", passes=1),
    twice=one("recursive_gaussian", "off", ".2f", passes=2),
    often=one("recursive_gaussian", "off", ".2f", passes=6),
)
lstm_loss = words(
    "error {lstm}; one linear filter of 25 weights {fir}",
    lstm=of("smoothing", "mse", model="lstm"),
    fir=of("smoothing", "mse", model="fir"),
)
lstm2_output = words(
    "as printed it fails ({raised} of 1); with Conv2d it has {parameters} parameters, and its middle answer sees "
    "{seen} of {of} pixels",
    raised=one("broken_listings", "raised", listing="conv2d_name"),
    parameters=one("network_sizes", "parameters", network="lstm2"),
    seen=one("fields_of_view", "seen", network="lstm2"),
    of=one("fields_of_view", "of", network="lstm2"),
)
