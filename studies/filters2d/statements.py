"""What the notebook says beside what happens: one entry at least for each of F1 to F26 of the study's plan."""

from __future__ import annotations

from repro.study import Figure
from studies.common import statements
from studies.common.found import Rows, Statement
from studies.filters2d.wording import inverse, law, of, one, outlines, overlap, times, words

NOTES = (
    "Means over the runs, lowest and highest in brackets; errors are mean squared errors on test images unless said "
    'otherwise, and "times" is over that of the best linear filter on the same images. What a stored plot says was '
    "read off the notebook's picture, to about 2 %; it is not in the text."
)


LINEAR = (
    Statement("F1", "2", "a Gaussian filter is linear", ("laws_stated",), law("gaussian_superposition")),
    Statement(
        "F1",
        "2",
        "its impulse response characterises it",
        ("laws_stated", "impulse"),
        words(
            "{law}, away from the edges; it has {rows} x {columns} pixels",
            law=law("gaussian_by_impulse"),
            rows=one("impulse", "rows"),
            columns=one("impulse", "columns"),
        ),
    ),
    Statement(
        "F2",
        "3",
        "a 15 x 15 layer learns the FIR filter",
        ("learned_filter", "impulse"),
        words(
            "correlation with the true kernel {alike}; {mass} % of the filter lies in 15 x 15 pixels, so that the best "
            "one has an error too, and the learned one {times} times as much",
            alike=of("learned_filter", "correlation", ".4f", model="full"),
            mass=one("impulse", "mass_in_kernel", ".1f"),
            times=times("learned_filter", model="full"),
        ),
    ),
    Statement(
        "F3",
        "3.1",
        "two 1-D layers learn it too, faster and more easily",
        ("learned_filter", "network_sizes"),
        words(
            "correlation {alike}, {times} times; {few} products a pixel in place of {many}",
            alike=of("learned_filter", "correlation", ".4f", model="separable"),
            times=times("learned_filter", model="separable"),
            few=one("network_sizes", "kernel_products", network="separable"),
            many=one("network_sizes", "kernel_products", network="full"),
        ),
    ),
    Statement(
        "F4",
        "4",
        "a fully connected layer learns the convolution: tied weights, sparse, regular",
        ("dense_layer",),
        words(
            "on 16 x 16 pixels, correlation with the filter's matrix {alike}; {outside} % of the squared weights stand "
            "where that has none",
            alike=of("dense_layer", "correlation", ".4f"),
            outside=of("dense_layer", "outside", ".2g"),
        ),
    ),
    Statement(
        "F5",
        "5",
        "RGB to XYZ is one matrix a pixel",
        ("laws_stated",),
        words(
            "of 8-bit RGB it {law}; of linear light it {linear}",
            law=law("xyz_superposition"),
            linear=law("xyz_of_linear_light"),
        ),
    ),
    Statement(
        "F5",
        "5",
        "a 1 x 1 layer learns it",
        ("colour_matrix",),
        words(
            "its weights are within {off} of the best matrix's, its error is {mse}, {times} times",
            off=of("colour_matrix", "off_least_squares", ".2f"),
            mse=of("colour_matrix", "mse"),
            times=times("colour_matrix"),
        ),
    ),
    Statement(
        "F5",
        "5",
        "the matrix beside the learned one is RGB to XYZ",
        ("colour_matrices",),
        words(
            "it is that of CIE RGB, not of these images: entries are up to {srgb} off the right one's, {learned} off "
            "the learned one's, which are {own} off the right one's",
            srgb=one("colour_matrices", "off_srgb", ".2f", matrix="printed"),
            learned=one("colour_matrices", "off_learned", ".2f", matrix="printed"),
            own=one("colour_matrices", "off_srgb", ".2f", matrix="learned"),
        ),
    ),
    Statement("F6", "6", "a network at each pixel is two 1 x 1 layers", ("laws_stated",), law("network_at_each_pixel")),
    Statement(
        "F6",
        "6",
        "it would be more powerful",
        ("network_in_network",),
        words(
            "than the best matrix it is: sigmoid {sigmoid} times, ReLU {relu} times its error",
            sigmoid=times("network_in_network", hidden="sigmoid"),
            relu=times("network_in_network", ".3f", hidden="relu"),
        ),
    ),
    Statement(
        "F7",
        "7",
        "a linear layer learns to undo the Bayer mosaic (stored plot: 1.47e-3)",
        ("demosaicking",),
        words(
            "{mse}, {times} times",
            mse=of("demosaicking", "mse", hidden="linear"),
            times=times("demosaicking", hidden="linear"),
        ),
    ),
    Statement(
        "F8",
        "7",
        "deeper models tend to be substantially better there (stored plot: 2.53e-3, worse)",
        ("demosaicking",),
        inverse("demosaicking"),
    ),
    Statement(
        "F9",
        "8",
        "the trained linear layer is the optimal linear inverse (stored plot: 1.03e-2)",
        ("channel_inverse",),
        words("{times} times", times=times("channel_inverse", hidden="linear")),
    ),
    Statement(
        "F10",
        "8",
        "non-linear inverses generally do significantly better (stored plot: 1.51e-2, worse)",
        ("channel_inverse",),
        inverse("channel_inverse"),
    ),
    Statement(
        "F11",
        "9",
        "a matched filter finds a digit added at half strength",
        ("matched_filter",),
        words(
            "in {half} % of 20 backgrounds; at strength 0.2 in {fifth} %, at 0.1 in {tenth} %",
            half=of("matched_filter", "hits", ".0f", strength=0.5),
            fifth=of("matched_filter", "hits", ".0f", strength=0.2),
            tenth=of("matched_filter", "hits", ".0f", strength=0.1),
        ),
    ),
    Statement(
        "F12",
        "10",
        "localised waves in one and two dimensions",
        ("waves",),
        words(
            "highest values {line} (1-D) and {plane} (2-D) of the first panels; in both the fifth repeats the first",
            line=one("waves", "highest", ".4f", dimensions=1, panel=1),
            plane=one("waves", "highest", ".4f", dimensions=2, panel=1),
        ),
    ),
    Statement(
        "F12",
        "13.2",
        "scaled sigmoids come to the identity and to softplus",
        ("sigmoids",),
        words(
            "off by up to {far} within 4 of 0, {near} within 1; softplus by up to {soft} within 5",
            far=one("sigmoids", "largest", ".3f", of="identity", within=4.0),
            near=one("sigmoids", "largest", ".3f", of="identity", within=1.0),
            soft=one("sigmoids", "largest", ".3f", of="softplus"),
        ),
    ),
    Statement(
        "-",
        "10",
        "sub-sampling by 4 aliases",
        ("subsampling",),
        words(
            "of rings, {plain} % of what is kept is folded; after a Gaussian filter {smooth} %",
            plain=one("subsampling", "folded", before="nothing"),
            smooth=one("subsampling", "folded", before="gaussian"),
        ),
    ),
)

SHAPES = (
    Statement(
        "F13",
        "11.1",
        "circles and squares are told apart without error (0.0)",
        ("circle_or_square",),
        words(
            "test error {batch} % by batch statistics, {running} % in evaluation mode",
            batch=of("circle_or_square", "batch_error", ".1f"),
            running=of("circle_or_square", "error", ".1f"),
        ),
    ),
    Statement(
        "F14, F16",
        "11.2",
        "the same network is hardly better than chance on squares and rectangles (error 0.468)",
        ("square_or_rectangle",),
        words(
            "with the notebook's 1.29 images for each position it errs in {test} % of test images and in {train} % of "
            "training images: it knows them by heart",
            test=outlines(1.29),
            train=outlines(1.29, "train_error"),
        ),
    ),
    Statement(
        "F15",
        "11.2",
        "convolutions cannot capture what tells them apart",
        ("square_or_rectangle",),
        words(
            "the same layers do, given images: {a} % with 2.6 for each position, {b} % with 5.2, {c} % with 10.4, {d} "
            "% with 20.8",
            a=outlines(2.6),
            b=outlines(5.2),
            c=outlines(10.4),
            d=outlines(20.8),
        ),
    ),
    Statement(
        "F17",
        "11.2",
        "(ours) a head that does not see positions",
        ("square_or_rectangle",),
        words("with 1.29 images for each position {test} %", test=outlines(1.29, head="pooled")),
    ),
    Statement(
        "F18",
        "12",
        "from shapes to their boundaries is easy (stored plot: 1.09e-3)",
        ("blob_boundaries",),
        words(
            "overlap {overlap} %, error {mse}",
            overlap=overlap(wanted="boundary"),
            mse=of("blob_boundaries", "mse", wanted="boundary"),
        ),
    ),
    Statement(
        "F19",
        "12",
        "the other direction fails (stored plot: 0.160 to 0.166)",
        ("blob_boundaries", "fields_of_view"),
        words(
            "overlap {overlap} %, error {mse}, where an answer sees {seen} pixels",
            overlap=overlap(wanted="shape", network="convolutional"),
            mse=of("blob_boundaries", "mse", ".3f", wanted="shape", network="convolutional"),
            seen=one("fields_of_view", "seen", network="topology"),
        ),
    ),
    Statement(
        "F20",
        "12, 16",
        "such problems are not well addressed by convolutional layers",
        ("blob_boundaries",),
        words(
            "filling holes, which learns nothing, overlaps by {filled} %; the notebook's own LSTM2, trained, by "
            "{lstm2} %, where filling comes to {also} %",
            filled=overlap("classical_overlap", wanted="shape", network="convolutional"),
            lstm2=overlap(network="lstm2"),
            also=overlap("classical_overlap", network="lstm2"),
        ),
    ),
)

RECURRENT = (
    Statement(
        "F21",
        "13",
        "a network comes to a pretty good 4 x 4 median",
        ("learned_median",),
        words(
            "error {mse}; the mean over the same pixels has {box}, the image itself {same}",
            mse=of("learned_median", "mse"),
            box=one("learned_median", "box_mse", ".2g"),
            same=one("learned_median", "identity_mse", ".2g"),
        ),
    ),
    Statement(
        "F22",
        "13",
        "on isolated dots, whose median is empty, its answer is not",
        ("learned_median",),
        words(
            "median {empty}, answer {mean} on average and {at} at the dots",
            empty=one("learned_median", "dots_median"),
            mean=of("learned_median", "dots_mean", ".3f"),
            at=of("learned_median", "dots_at", ".3f"),
        ),
    ),
    Statement("F23", "15", "a recursive filter is linear", ("laws_stated",), law("recursion_superposition")),
    Statement(
        "F23",
        "15",
        "recursive filters approximate FIR filters well",
        ("recursive_gaussian",),
        words(
            "a first-order one, run forwards and backwards once, is {once} of the Gaussian of sigma 3 off it; twice "
            "{twice}, six times {often}",
            once=one("recursive_gaussian", "off", ".2f", passes=1),
            twice=one("recursive_gaussian", "off", ".2f", passes=2),
            often=one("recursive_gaussian", "off", ".2f", passes=6),
        ),
    ),
    Statement(
        "F24, F25",
        "16",
        "an LSTM learns to smooth (stored plot: 2.4e-3)",
        ("smoothing",),
        words(
            "{lstm}; one linear filter of 25 weights {fir}",
            lstm=of("smoothing", "mse", model="lstm"),
            fir=of("smoothing", "mse", model="fir"),
        ),
    ),
    Statement(
        "F26", "3.1", "every kernel is a sum of separable ones", ("laws_stated",), law("kernel_of_separable_ones")
    ),
    Statement(
        "F26",
        "10",
        "a Fourier transform is a rotation",
        ("laws_stated",),
        words(
            "normalised so, it {unitary}; as numpy and torch define it, it {defined}",
            unitary=law("fft_orthonormal"),
            defined=law("fft_as_defined"),
        ),
    ),
    Statement(
        "F26",
        "16",
        "LSTM2 has an output layer nn.Conv2D",
        ("broken_listings", "network_sizes", "fields_of_view"),
        words(
            "as printed it fails ({raised} of 1); with Conv2d it has {parameters} parameters and sees {seen} "
            "of {of} pixels",
            raised=one("broken_listings", "raised", listing="conv2d_name"),
            parameters=one("network_sizes", "parameters", network="lstm2"),
            seen=one("fields_of_view", "seen", network="lstm2"),
            of=one("fields_of_view", "of", network="lstm2"),
        ),
    ),
)

STATEMENTS = (*LINEAR, *SHAPES, *RECURRENT)


def beside(rows: Rows) -> Figure:
    """Return the notebook's statements beside what happens."""
    return statements.beside(STATEMENTS, rows, notes=NOTES)
