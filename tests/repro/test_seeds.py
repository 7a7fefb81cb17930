"""Seeds depend on what a run is, and on nothing else."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from repro.seeds import derive_seed

parts = st.tuples(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.integers(0, 1000))


@given(parts, parts)
def test_equal_parts_equal_seeds_and_other_parts_other_seeds(one: tuple, other: tuple) -> None:
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)


@given(parts)
def test_seeds_are_63_bit_integers(run: tuple) -> None:
    assert 0 <= derive_seed(*run) < 2**63


def test_the_derivation_is_the_documented_one() -> None:
    digest = hashlib.sha256(b'["rfnn","scale_grid","{}",3]').digest()
    assert derive_seed("rfnn", "scale_grid", "{}", 3) == int.from_bytes(digest[:8], "big") // 2
