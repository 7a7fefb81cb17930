"""What the laws are tried on: random values beside the awkward ones."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

NOMINAL_SCALES = tuple(0.5 * 4 ** (step / 4) for step in range(5))
LISTED_SCALES = (1.0000000000000002, 2.0000000000000004)  # what a float series makes of 1 and 2

scales = st.sampled_from(NOMINAL_SCALES + LISTED_SCALES) | st.floats(0.4, 4)
orders = st.integers(0, 8)
points = st.sampled_from((0.0, -0.0, 1.0, -1.0, 5.0, np.sqrt(0.5))) | st.floats(-6, 6)
truncations = st.sampled_from(("listing", "text"))
norms = st.sampled_from(("raw", "sigma^n"))
