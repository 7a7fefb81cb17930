"""One seed per (study, experiment, case, replicate), independent of the order in which runs are made."""

import hashlib
import json


def derive_seed(study: str, experiment: str, case: str, replicate: int) -> int:
    """Return the seed of one run, an integer in [0, 2**63).

    `case` is the case's canonical JSON. The seed is the first 63 bits of the SHA-256 of the four parts, so that
    seeds of different runs are independent for every practical purpose and adding a case moves no other seed.
    """
    parts = json.dumps([study, experiment, case, replicate], separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(parts.encode()).digest()[:8], "big") >> 1
