"""The notebook's networks: their sizes as printed, what they see, and what they refuse."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from repro.errors import UsageError
from studies.filters2d import model
from studies.filters2d.cases import NETWORKS, VIEWS


def test_the_printed_weights_have_their_shapes() -> None:
    assert model.make_network("full")[0].weight.shape == (1, 1, 15, 15)
    assert model.make_network("mosaic")[0].weight.shape == (3, 3, 5, 5)
    printed = [nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.ReLU] * 3  # the last two in turn, as of one block below
    printed += [nn.Flatten, nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]
    layers = model.shape_classifier(128)
    assert all(isinstance(layer, wanted) for layer, wanted in zip(layers, printed, strict=True))
    assert (layers[13].in_features, layers[13].out_features, layers[16].out_features) == (8192, 100, 10)


def test_the_maximum_before_relu_is_the_maximum_after_it_to_the_bit() -> None:
    ours = model.block(3, 4)
    printed = [ours[0], ours[1], ours[3], ours[2]]
    x, found = torch.randn(5, 3, 12, 12), []
    for layers in (ours, printed):
        network = nn.Sequential(*layers)
        network.zero_grad()
        answer = network(x)
        answer.square().sum().backward()
        found.append([answer.detach(), *(one.grad.clone() for one in network.parameters() if one.grad is not None)])
    assert len(found[0]) == 5
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_every_network_is_made_and_every_view_is_of_one() -> None:
    assert set(VIEWS) < set(NETWORKS)
    assert all(isinstance(model.make_network(name)[0], nn.Module) for name in NETWORKS)


def test_one_direction_does_not_see_everything() -> None:
    """Planted: the transcription's default. The middle of a one-directional LSTM2 sees only what lies before it."""
    network = model.TwoDirectionLSTM(1, 4, 1, bidirectional=False).double()
    x = torch.rand(1, 1, 9, 13, dtype=torch.float64, requires_grad=True)
    (seen,) = torch.autograd.grad(network(x)[0, 0, 4, 6], x)
    assert int((seen != 0).sum()) == 5 * 7


def test_lstm2_is_two_lstms_in_turn() -> None:
    network = model.TwoDirectionLSTM(2, 3, 0)
    x = torch.rand(2, 2, 4, 5)
    rows = torch.stack([network.rows.along(x[:, :, row]) for row in range(4)], dim=2)
    columns = torch.stack([network.columns.along(rows[..., column]) for column in range(5)], dim=3)
    assert torch.allclose(network(x), columns, atol=1e-6)
    assert network(x).shape == (2, 6, 4, 5)


def test_a_network_is_drawn_from_its_seed_and_leaves_torchs_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    one, again, other = (model.made(model.median_network, seed, "a") for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one[0].weight, again[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: model.image_to_image(1, 4, "relu"), "an odd kernel, got 1 and 4"),
        (lambda: model.image_to_image(0, 5, "relu"), "channels from 1 and an odd kernel, got 0 and 5"),
        (lambda: model.image_to_image(1, 5, "tanh"), "unknown activation 'tanh'; choose sigmoid or relu"),  # type: ignore[arg-type]
        (lambda: model.shape_classifier(50), "a side that 8 divides, got 50"),
        (lambda: model.shape_classifier(48, "wide"), "unknown head 'wide'"),  # type: ignore[arg-type]
        (lambda: model.filter_layer("fft", 8), "unknown filter layer 'fft'"),
        (lambda: model.smoother("gru"), "unknown smoother 'gru'"),
        (lambda: model.SequenceLSTM(0, 4), "inputs and hidden units from 1, got 0 and 4"),
        (lambda: model.SequenceLSTM(2, 4)(torch.ones(3, 1, 9)), r"wanted sequences \(B, 2, L\), got \(3, 1, 9\)"),
        (lambda: model.make_network("resnet"), "unknown network 'resnet'"),
    ],
)
def test_bad_input_is_one_clear_line(make: object, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        make()  # type: ignore[operator]
    assert "\n" not in str(raised.value)
