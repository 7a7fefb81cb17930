"""Whether a count of a simulation is compatible with a rate."""

import scipy.stats


def bounded(count: int, trials: int, rate: float) -> bool:
    """Say whether so many are compatible (at one in 10,000) with a true rate of at most `rate`."""
    return bool(scipy.stats.binom.sf(count - 1, trials, rate) > 1e-4)
