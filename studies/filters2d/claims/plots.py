"""Evidence from the notebook's stored plots: losses that were read off them, beside one another and a variance."""

from __future__ import annotations

from repro.audit.evidence import Shown
from repro.errors import UsageError
from studies.common.randomness import stream
from studies.filters2d.cases import SEED
from studies.filters2d.claims.evidence import numbers
from studies.filters2d.claims.shapes import BLOBS
from studies.filters2d.data import shapes

READING = 0.02  # what a loss read off a stored plot may be off, relatively


def _read_off(name: str) -> tuple[float, float]:
    """Return between which values a loss lies that was read off a stored plot to 2 %."""
    (value,) = numbers(name)
    return value * (1 - READING), value * (1 + READING)


def _not_lower(one: str, other: str) -> list[str]:
    """List a stored loss that is not below that of one layer. Raise UsageError where the readings do not tell."""
    (low, high), (other_low, other_high) = _read_off(one), _read_off(other)
    if low <= other_high and other_low <= high:
        raise UsageError(f"the readings {low:.3g} to {high:.3g} and {other_low:.3g} to {other_high:.3g} overlap")
    two, linear = (f"between {least:.3g} and {most:.3g}" for least, most in ((low, high), (other_low, other_high)))
    words = f"as far as the plots can be read, two layers ended {two}, the linear one {linear}"
    return [] if high < other_low else [words]


def stored_mosaic_losses() -> list[str]:
    """List where the notebook's two layers did not end below its single one on the mosaic (section 7, stored plots)."""
    return _not_lower("bayer-nonlinear-loss", "bayer-linear-loss")


def stored_channel_losses() -> list[str]:
    """List where the notebook's two layers did not end below its single one on the channel (section 8)."""
    return _not_lower("channel-nonlinear-loss", "channel-linear-loss")


def _variances() -> tuple[float, float]:
    """Return the variance of noisy boundaries and of noisy blobs: the error of a constant answer (section 12)."""
    whole = shapes.blobs(BLOBS, shapes.FULL_SIDE, stream(SEED, "claims/blobs"))
    noise = stream(SEED, "claims/noise")
    edges, blobs = (shapes.with_noise(one, noise) for one in (shapes.boundary(whole), whole))
    return float(edges.var()), float(blobs.var())


def _explained(name: str, variance: float) -> tuple[float, float]:
    """Return between which shares (%) of a variance a stored loss explains."""
    low, high = _read_off(name)
    return 100 * (1 - high / variance), 100 * (1 - low / variance)


def stored_boundary_loss() -> Shown:
    """Say whether the stored loss explains nine tenths of the boundaries' variance (section 12, stored plot)."""
    low, high = _explained("boundary-loss", _variances()[0])
    return low > 90, f"the stored loss explains {low:.1f} to {high:.1f} % of the variance of boundaries"


def stored_reverse_loss() -> Shown:
    """Say whether the stored loss explains less than a fifth of the shapes' variance (section 12, stored plot)."""
    low, high = _explained("reverse-loss-lowest", _variances()[1])
    return high < 20, f"the lowest stored loss explains {low:.1f} to {high:.1f} % of the variance of shapes"
