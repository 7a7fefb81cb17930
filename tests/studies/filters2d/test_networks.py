"""The notebook's networks: their sizes as printed, what they see, and what they refuse."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from repro.errors import UsageError
from studies.filters2d import fixed, networks
from studies.filters2d.cases import NETWORKS, VIEWS
from studies.filters2d.inspected import LISTINGS, listing_figures


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("full", 226), ("separable", 32), ("dense", 16_781_312), ("shapes", 826_510), ("lstm", 233), ("lstm2", 681),
        ("mosaic", 228), ("channel", 122),
    ],
)  # fmt: skip
def test_parameters_are_those_of_the_notebook(name: str, parameters: int) -> None:
    assert fixed.network_figures(name)["parameters"] == parameters


def test_the_printed_weights_have_their_shapes() -> None:
    assert fixed.make_network("full")[0].weight.shape == (1, 1, 15, 15)
    assert fixed.make_network("mosaic")[0].weight.shape == (3, 3, 5, 5)
    printed = ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 3
    printed += ["Flatten", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    layers = networks.shape_classifier(128)
    assert [type(layer).__name__ for layer in layers] == printed
    assert (layers[13].in_features, layers[13].out_features, layers[16].out_features) == (8192, 100, 10)


@pytest.mark.parametrize(("name", "seen"), [("topology", 49), ("median", 225), ("lstm2", 117), ("mosaic_hidden", 243)])
def test_what_an_answer_sees(name: str, seen: int) -> None:
    assert fixed.view_figures(name)["seen"] == seen


def test_every_network_is_made_and_every_view_is_of_one() -> None:
    assert set(VIEWS) < set(NETWORKS)
    assert all(isinstance(fixed.make_network(name)[0], nn.Module) for name in NETWORKS)


def test_one_direction_does_not_see_everything() -> None:
    """Planted: the transcription's default. The middle of a one-directional LSTM2 sees only what lies before it."""
    network = networks.TwoDirectionLSTM(1, 4, 1, bidirectional=False).double()
    x = torch.rand(1, 1, 9, 13, dtype=torch.float64, requires_grad=True)
    (seen,) = torch.autograd.grad(network(x)[0, 0, 4, 6], x)
    assert int((seen != 0).sum()) == 5 * 7


def test_lstm2_is_two_lstms_in_turn() -> None:
    network = networks.TwoDirectionLSTM(2, 3, 0)
    x = torch.rand(2, 2, 4, 5)
    rows = torch.stack([network.rows.along(x[:, :, row]) for row in range(4)], dim=2)
    columns = torch.stack([network.columns.along(rows[..., column]) for column in range(5)], dim=3)
    assert torch.allclose(network(x), columns, atol=1e-6)
    assert network(x).shape == (2, 6, 4, 5)


def test_a_network_is_drawn_from_its_seed_and_leaves_torchs_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    one, again, other = (networks.made(networks.median_network, seed, "a") for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one[0].weight, again[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: networks.image_to_image(1, 4, "relu"), "an odd kernel, got 1 and 4"),
        (lambda: networks.image_to_image(0, 5, "relu"), "channels from 1 and an odd kernel, got 0 and 5"),
        (lambda: networks.image_to_image(1, 5, "tanh"), "unknown activation 'tanh'; choose sigmoid or relu"),  # type: ignore[arg-type]
        (lambda: networks.shape_classifier(50), "a side that 8 divides, got 50"),
        (lambda: networks.shape_classifier(48, "wide"), "unknown head 'wide'"),  # type: ignore[arg-type]
        (lambda: networks.filter_layer("fft", 8), "unknown filter layer 'fft'"),
        (lambda: networks.smoother("gru"), "unknown smoother 'gru'"),
        (lambda: networks.SequenceLSTM(0, 4), "inputs and hidden units from 1, got 0 and 4"),
        (lambda: networks.SequenceLSTM(2, 4)(torch.ones(3, 1, 9)), r"wanted sequences \(B, 2, L\), got \(3, 1, 9\)"),
        (lambda: fixed.make_network("resnet"), "unknown network 'resnet'"),
    ],
)
def test_bad_input_is_one_clear_line(make: object, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        make()  # type: ignore[operator]
    assert "\n" not in str(raised.value)


class TestListings:
    @pytest.mark.parametrize("name", LISTINGS)
    def test_they_raise_what_they_must(self, name: str) -> None:
        assert listing_figures(name) == {"raised": 1}

    def test_a_line_that_runs_or_fails_otherwise_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(LISTINGS, "runs", (lambda: None, IndexError))
        monkeypatch.setitem(LISTINGS, "fails", (lambda: int("x"), IndexError))
        assert [listing_figures(name)["raised"] for name in ("runs", "fails")] == [0, 0]
        with pytest.raises(UsageError, match="unknown listing 'none'"):
            listing_figures("none")
