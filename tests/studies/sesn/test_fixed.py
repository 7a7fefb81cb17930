"""Networks on fixed inputs: the figures do not move, and planted mistakes move them."""

from __future__ import annotations

import pytest
import torch

from studies.common.rounding import significant
from studies.sesn.measured.fixed import fill, forward_figures, wave
from studies.sesn.model import bases, layers, wrn


def test_wave_is_a_sine_in_the_order_of_the_entries() -> None:
    values = wave((2, 3), 0.5, 0.1)
    assert values[1, 2].item() == pytest.approx(torch.sin(torch.tensor(2.6, dtype=torch.float64)).item())


def test_fill_tells_gains_from_offsets() -> None:
    gain, offset, kernel = torch.zeros(4), torch.zeros(4), torch.zeros(2, 8)
    fill([("norm.weight", gain), ("norm.bias", offset), ("conv.weight", kernel)], 2.0)
    assert ((gain - 1).abs() <= 0.2).all()
    assert (offset.abs() <= 0.1).all()
    torch.testing.assert_close(kernel, (wave((2, 8), 0.7, 2.6) * 2 / 8**0.5).float())


@pytest.mark.parametrize(
    ("name", "parameters"), [("scalar_28", 494_549), ("stl10_wrn", 10_961_370), ("stl10_c", 10_979_802)]
)
def test_figures_repeat_and_count_the_published_parameters(name: str, parameters: int) -> None:
    first, again = forward_figures(name), forward_figures(name)
    assert first == again
    assert first["parameters"] == parameters


def test_every_layer_has_a_part_in_the_gradient() -> None:
    variants = {forward_figures(f"stl10_{variant}")["gradient_norm"] for variant in wrn.VARIANTS}
    assert len(variants) == len(wrn.VARIANTS)


class TestPlanted:
    """Each mistake moves a figure by more than its rounding."""

    def test_physicists_polynomials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = forward_figures("scalar_small")
        monkeypatch.setattr(bases, "hermite", lambda x, n: 2 ** (n / 2) * bases.hermite_e.HermiteE.basis(n)(2**0.5 * x))
        forget()
        try:
            assert forward_figures("scalar_small")["logit_norm"] != before["logit_norm"]
        finally:
            monkeypatch.undo()
            forget()

    def test_mean_over_scales(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = forward_figures("stl10_a")
        monkeypatch.setattr(wrn, "project", lambda x_BCSHW: x_BCSHW.mean(dim=2))
        assert forward_figures("stl10_a")["logit_norm"] != before["logit_norm"]

    def test_a_reshape_without_a_permutation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = forward_figures("scalar_small")

        def reshaped(self: layers.LiftConv2d) -> torch.Tensor:
            kernels = torch.tensordot(self.weight, self.basis.functions().to(self.weight), dims=1)
            outputs, channels, scales = kernels.shape[:3]
            return kernels.flatten(0, 2).view(outputs, scales, channels, *kernels.shape[3:]).transpose(1, 2)

        monkeypatch.setattr(layers.LiftConv2d, "kernels", reshaped)
        monkeypatch.setattr(layers.LiftConv2d, "forward", plain_forward)
        assert forward_figures("scalar_small")["loss"] != before["loss"]
        monkeypatch.undo()
        monkeypatch.setattr(layers.LiftConv2d, "forward", plain_forward)
        assert forward_figures("scalar_small") == before


def plain_forward(
    self: layers.LiftConv2d, x: torch.Tensor, *, project: bool = False, pool: int = 1, pool_padding: int = 0
) -> torch.Tensor:
    """Evaluate a layer as its equations read."""
    out = self.plain(x).amax(2) if project else self.plain(x)
    return torch.nn.functional.max_pool2d(out, pool, padding=pool_padding) if pool > 1 else out


def forget() -> None:
    """Empty what the bases remember of their functions."""
    for module in (bases, *(vars(layers).get(name) for name in ("fast",))):
        for thing in vars(module).values():
            if hasattr(thing, "cache_clear"):
                thing.cache_clear()


@pytest.mark.parametrize(
    ("value", "rounded"), [(123456789.0, 123457000.0), (-0.000123456789, -0.000123457), (0.0, 0.0)]
)
def test_significant_digits(value: float, rounded: float) -> None:
    assert significant(value) == rounded
