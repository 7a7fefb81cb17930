"""The pictures: labelled, the same each time, their tables the numbers of what they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure as Canvas

from repro.errors import InfrastructureError, UsageError
from repro.show import figures
from repro.study import Figure
from studies.filters2d import study
from studies.filters2d.cases import Channel, Colour, Filter, Inverse, Law, Median, Search, Smoother, Topology
from studies.filters2d.data import signals
from studies.filters2d.figures import examples, pictures
from studies.filters2d.figures.examples import SETTINGS, Panel
from studies.filters2d.measured import filters, transforms
from studies.filters2d.training.search import search

NAMES = [
    "dots_filtered", "learned_kernels", "colour_images", "mosaic_images", "channel_images", "matched_digit",
    "localised_waves", "aliased_rings", "outline_samples", "blob_images", "activation_curves", "median_images",
    "smoothed_pulses",
]  # fmt: skip
PLANS = (
    "filter", "dense", "colour", "mosaic", "mosaic_linear", "channel", "median", "topology", "crossed", "smoother",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Train the pictures' networks for two batches, at one rate."""
    with pytest.MonkeyPatch.context() as patch:
        plans = {
            name: replace(plan, search=Search(plan.search.rates[:1], 10, 20, 10), adam=plan.adam[:1])
            for name, plan in ((name, getattr(SETTINGS, name)) for name in PLANS)
        }
        plans["mosaic_linear"] = replace(SETTINGS.mosaic_linear, search=Search((1e-2,), 10, 30, 10))  # unlike `mosaic`
        plans["topology"] = replace(plans["topology"], train=20, test=5)
        patch.setattr(examples, "SETTINGS", replace(SETTINGS, **plans))
        examples.learnt.cache_clear()
        yield
    examples.learnt.cache_clear()


def made(name: str) -> Figure:
    return figures.make(study, name, [])


def drawn(figure: Figure) -> Canvas:
    assert figure.draw is not None
    canvas = Canvas()
    figure.draw(canvas)
    return canvas


def pixels(axes: Any) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def by_title(figure: Figure) -> dict[str, np.ndarray]:
    return {axes.get_title(): pixels(axes) for axes in drawn(figure).axes}


def column(figure: Figure, header: str) -> list[Any]:
    return [row[list(figure.headers).index(header)] for row in figure.rows]


class TestEveryPicture:
    def test_the_study_lists_them(self) -> None:
        assert set(NAMES) < set(study.figures)

    @pytest.mark.parametrize("name", NAMES)
    def test_it_draws_something_on_labelled_axes_and_has_a_table(self, name: str) -> None:
        figure = made(name)
        canvas = drawn(figure)
        assert canvas.axes
        for axes in canvas.axes:
            assert axes.get_xlabel()
            assert axes.get_ylabel()
            assert axes.images or axes.lines
        assert figure.rows
        assert figure.notes

    @pytest.mark.parametrize("name", NAMES)
    def test_its_summary_names_the_section_and_says_whether_it_trains(self, name: str) -> None:
        examples.learnt.cache_clear()
        made(name)
        trained = examples.learnt.cache_info().misses > 0
        said = figures.summary(study, name)
        assert "(section" in said
        assert said.endswith(")")
        assert ("trains" in said) == trained

    @pytest.mark.parametrize("name", ["aliased_rings", "smoothed_pulses"])
    def test_it_has_the_same_bytes_each_time(self, name: str, tmp_path: Path) -> None:
        for folder in ("one", "two"):
            examples.learnt.cache_clear()
            figures.write(tmp_path / folder, study, name, made(name), "a test")
        for kind in ("md", "svg", "png"):
            one, two = ((tmp_path / folder / f"{name}.{kind}").read_bytes() for folder in ("one", "two"))
            assert one == two

    @pytest.mark.parametrize("name", ["activation_curves", "smoothed_pulses"])
    def test_lines_of_one_panel_are_told_apart_without_colour(self, name: str) -> None:
        for axes in drawn(made(name)).axes:
            looks = [(line.get_linestyle(), line.get_marker(), line.get_linewidth()) for line in axes.lines]
            assert len(set(looks)) == len(looks)
            assert not axes.get_legend().get_frame_on()


class TestTraining:
    def test_a_case_is_trained_once(self) -> None:
        assert examples.learnt(Filter("full")) is examples.learnt(Filter("full"))

    def test_what_left_the_real_numbers_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(examples.TRAINED, Colour("linear"), (1e30, 4))
        examples.learnt.cache_clear()
        with pytest.raises(InfrastructureError, match=r"did not train .*not finite"):
            made("colour_images")

    @pytest.mark.parametrize(
        ("case", "plan", "optimiser"),
        [
            (Filter("full"), "filter", "adam"),
            (Filter("dense"), "dense", "adam"),
            (Colour("relu"), "colour", "sgd"),
            (Inverse("linear", "sgd"), "mosaic_linear", "sgd"),
            (Inverse("relu", "adam"), "mosaic", "adam"),
            (Channel("relu", "adam"), "channel", "adam"),
            (Median("notebook"), "median", "adam"),
            (Topology("shape", "convolutional"), "topology", "adam"),
            (Topology("shape", "lstm2"), "crossed", "adam"),
            (Smoother("lstm"), "smoother", "adam"),
        ],
    )
    def test_each_case_has_the_settings_of_its_experiment(self, case: Any, plan: str, optimiser: str) -> None:
        problem, chosen, by = examples.task(case)
        wanted = getattr(examples.SETTINGS, plan)
        assert by == optimiser
        assert chosen == (transforms.chosen(wanted, by) if plan in ("mosaic", "channel") else wanted.search)
        assert problem.train.images.shape[-1] == wanted.side

    @pytest.mark.parametrize("case", [examples.MOSAIC["linear"], examples.CHANNEL["linear"], Colour("linear")])
    def test_the_rate_is_the_one_that_the_search_of_smoke_ends_with(
        self, case: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(examples, "SETTINGS", SETTINGS)
        problem, plan, optimiser = examples.task(case)
        assert search(problem, plan, optimiser=optimiser, seed=examples.SEED).rate == examples.TRAINED[case][0]

    def test_each_rate_is_tried_by_smoke_and_no_network_sees_more_samples_than_there(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(examples, "SETTINGS", SETTINGS)
        for case, (rate, segments) in examples.TRAINED.items():
            plan = examples.task(case)[1]
            assert rate in plan.rates
            assert examples.short(plan, rate, segments).samples == segments * plan.trial <= plan.samples

    def test_a_case_that_trains_nothing_is_refused(self) -> None:
        with pytest.raises(UsageError, match="no training for the pictures"):
            examples.task(Law("fft_backward"))


class TestPanels:
    def test_grey_is_shown_between_its_limits_and_colour_as_it_is(self) -> None:
        canvas = Canvas()
        colour = torch.tensor([0.2, 0.5, 1.7]).reshape(3, 1, 1).expand(3, 2, 4)
        one, other = examples.draw_panels(canvas, [Panel("a", torch.ones(2, 4), -1, 3), Panel("b", colour)], 2)
        assert one.images[0].get_clim() == (-1, 3)
        assert one.images[0].get_cmap().name == "gray"
        assert pixels(other).shape == (2, 4, 3)
        assert pixels(other)[0, 0] == pytest.approx([0.2, 0.5, 1.0])

    def test_rounding_about_zero_is_zero(self) -> None:
        assert Panel("a", torch.tensor([[-1e-9, 0.25]])).row() == ["a", "0", "0.25"]


class TestNumbers:
    def test_dots_keep_their_sum_and_the_impulse_response_has_33_x_9_pixels(self) -> None:
        figure = made("dots_filtered")
        dots, filtered, response = column(figure, "sum")
        assert float(dots) == float(filtered)
        assert float(response) == 1
        assert column(figure, "pixels that are not 0")[2] == 33 * 9
        shown = by_title(figure)
        assert np.allclose(signals.gaussian(torch.tensor(shown["dots"]), signals.SIGMAS), shown["filtered"])

    def test_kernels_correlate_as_the_weights_shown(self) -> None:
        figure = made("learned_kernels")
        shown = by_title(figure)
        *kernels, dense = map(float, column(figure, "correlation with the filter's weights"))
        for name, found in zip(("15 x 15 layer", "two 1-D layers"), kernels, strict=True):
            wanted = np.corrcoef(shown[name].ravel(), shown["the filter's middle"].ravel())[0, 1]
            assert found == pytest.approx(wanted, abs=1e-4)
        matrix = shown["the filter's matrix, part"]
        assert matrix.shape == (256, 256)
        assert dense == pytest.approx(np.corrcoef(shown["fully connected"].ravel(), matrix.ravel())[0, 1], abs=1e-4)
        assert drawn(figure).axes[4].get_xlim() == (95.5, 159.5)

    def test_xyz_is_that_of_the_rgb_shown_and_its_planes_are_those_of_its_colours(self) -> None:
        figure = made("colour_images")
        shown = by_title(figure)
        xyz = signals.xyz(torch.tensor(shown["RGB"]).permute(2, 0, 1)[None])[0]
        for number, plane in enumerate("XYZ"):
            assert np.allclose(shown[f"{plane} "], xyz[number], atol=1e-5)
            assert column(figure, f"mean {'RGB'[number]} or {plane}")[1] == f"{float(xyz[number].mean()):.3f}"
        assert column(figure, "mean squared error, test images")[1] == "0"
        for number, (name, hidden) in enumerate((("matrix", "linear"), ("network", "relu")), 2):
            learnt = examples.learnt(Colour(hidden))
            assert np.allclose(shown[f"Y by {name}"], learnt.answer(pictures.tile())[0, 1])
            assert column(figure, "mean squared error, test images")[number] == f"{learnt.mse:.3g}"

    @pytest.mark.parametrize("name", ["mosaic_images", "channel_images"])
    def test_errors_are_those_of_the_answers_shown(self, name: str) -> None:
        figure = made(name)
        shown = by_title(figure)
        networks_named = column(figure, "network")
        assert networks_named == ["linear", "sigmoid", "ReLU", "best linear filter"]
        test_errors = [float(text) for text in column(figure, "mean squared error, test images")]
        assert test_errors[3] < test_errors[0]  # least squares, beside two batches of descent
        for one in networks_named[:3]:
            off = np.abs(shown[one] - shown["image"])
            by_pixel = off.mean(axis=2) if off.ndim == 3 else off
            assert shown[f"{one}, error"].shape == by_pixel.shape
            if off.ndim == 2:
                assert np.allclose(shown[f"{one}, error"], by_pixel, atol=1e-6)
                assert float(figure.rows[networks_named.index(one)][2]) == pytest.approx((off**2).mean(), rel=1e-2)

    def test_the_mosaic_is_that_of_the_image(self) -> None:
        shown = by_title(made("mosaic_images"))
        image = torch.tensor(shown["image"]).permute(2, 0, 1)[None]
        assert np.allclose(signals.mosaic(image)[0].permute(1, 2, 0), shown["mosaic"])

    def test_the_digit_is_found_where_it_was_added(self) -> None:
        figure = made("matched_digit")
        assert figure.rows[2][3:5] == [127, 127]
        shown = by_title(figure)
        assert shown["correlation"].shape == (283, 283)
        high = shown["sigmoid(10 (correlation - 0.7 max))"]
        assert ((high > 0.5) == (shown["correlation"] > 0.7 * shown["correlation"].max())).all()
        assert figure.rows[3][5] == (high > 0.5).sum() < 2000

    def test_a_digit_that_was_not_added_is_not_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pictures, "STRENGTH", 0.0)
        assert made("matched_digit").rows[2][3:5] != [127, 127]

    def test_waves_are_the_panels_of_the_study(self) -> None:
        figure = made("localised_waves")
        assert [row[:2] for row in figure.rows] == [[1, n] for n in range(1, 7)] + [[2, n] for n in range(1, 10)]
        axes = drawn(figure).axes
        assert len(axes) == 15
        assert np.array_equal(axes[3].lines[0].get_ydata(), filters.panel(1, 4))
        assert np.array_equal(pixels(axes[7]), filters.panel(2, 2))
        assert axes[7].images[0].get_clim() == (-1, 1)

    def test_rings_alias_less_after_the_filter(self) -> None:
        figure = made("aliased_rings")
        plain, prepared = column(figure, "power folded back, %")
        assert plain > 90
        assert prepared < 10
        rings, every_fourth, smooth = map(pixels, drawn(figure).axes)
        assert np.array_equal(rings[::4, ::4], every_fourth)
        assert np.array_equal(filters.every_fourth(rings, "gaussian"), smooth)

    def test_outlines_stand_by_class(self) -> None:
        figure = made("outline_samples")
        assert [row[:2] for row in figure.rows] == [
            ["rectangle or circle", "rectangle"], ["rectangle or circle", "circle"],
            ["square or rectangle", "square"], ["square or rectangle", "rectangle"],
        ]  # fmt: skip
        counts = column(figure, "of 100")
        assert counts[0] + counts[1] == counts[2] + counts[3] == 100
        left, right = drawn(figure).axes
        assert [label.get_text() for label in right.get_yticklabels()] == ["squares", "rectangles"]
        assert pixels(left).shape == (4 * 66, 4 * 66)
        for row in range(4):
            for place in range(4):
                image = pixels(right)[66 * row + 1 : 66 * row + 65, 66 * place + 1 : 66 * place + 65] > 0.5
                down, across = (int(image.any(axis=axis).sum()) for axis in (1, 0))
                assert (down == across) == (row < 2)

    def test_the_blob_shown_leaves_the_image_so_that_filling_holes_fails(self) -> None:
        figure = made("blob_images")
        shown = by_title(figure)
        blob, filled = (shown[name] > 0.5 for name in ("blob", "shape, holes filled"))
        assert blob[0].any()
        assert not filled[~blob].any()
        assert filled.sum() < 0.7 * blob.sum()
        assert column(figure, "answer") == ["learned boundary", "learned shape", "shape by LSTM2"]
        assert float(column(figure, "overlap without learning, %")[0]) > 99

    def test_each_blob_shown_is_the_answer_of_the_network_it_names(self) -> None:
        shown = by_title(made("blob_images"))
        for title, given, case in (
            ("boundary, learned", "blob", Topology("boundary", "convolutional")),
            ("shape, learned", "boundary", Topology("shape", "convolutional")),
            ("shape, LSTM2", "boundary", Topology("shape", "lstm2")),
        ):
            answer = examples.learnt(case).answer(torch.tensor(shown[given])[None, None])
            assert np.allclose(shown[title], answer[0, 0], atol=1e-6)

    def test_activations_are_those_of_torch(self) -> None:
        axes = drawn(made("activation_curves")).axes[0]
        x = torch.linspace(-2, 2, 100, dtype=torch.float64)
        found = {line.get_label(): line.get_ydata() for line in axes.lines}
        for name, layer in (("sigmoid", "Sigmoid"), ("ReLU", "ReLU"), ("softplus", "Softplus")):
            assert np.allclose(found[name], getattr(torch.nn, layer)()(x))
        assert np.allclose(found["identity"], x)

    def test_the_median_of_dots_is_nothing_and_the_learned_one_is_not(self) -> None:
        figure = made("median_images")
        rows = {(row[0], row[1]): row for row in figure.rows}
        assert rows[("dots", "median")][2:5] == ["0", "0", "0"]
        assert float(rows[("dots", "learned")][4]) > 0
        box, image = (float(rows[("image", name)][5]) for name in ("mean of 4 x 4", "image"))
        assert box < image

    def test_pulses_are_filtered_and_smoothed_as_in_the_study(self) -> None:
        upper, lower = drawn(made("smoothed_pulses")).axes
        given = np.zeros(100)
        for bar in upper.collections[0].get_segments():
            given[int(bar[0, 0])] = bar[1, 1]
        assert np.allclose(upper.lines[0].get_ydata(), signals.recursive(given))
        places = [int(bar[0, 0]) for bar in lower.collections[0].get_segments()]
        pulses = torch.zeros(1, 1, 100)
        pulses[..., places] = 1
        assert np.allclose(lower.lines[0].get_ydata(), signals.smoothed(pulses)[0, 0])
        for line, model in zip(lower.lines[1:], ("lstm", "fir"), strict=True):
            answer = examples.learnt(Smoother(model)).answer(pulses)
            assert np.allclose(line.get_ydata(), answer[0, 0], atol=1e-6)


def test_a_planted_shift_of_the_mosaic_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    mosaic = signals.mosaic
    monkeypatch.setattr(signals, "mosaic", lambda images: mosaic(images, row=1))
    shown = by_title(made("mosaic_images"))
    image = torch.tensor(shown["image"]).permute(2, 0, 1)[None]
    assert not np.allclose(mosaic(image)[0].permute(1, 2, 0), shown["mosaic"])
