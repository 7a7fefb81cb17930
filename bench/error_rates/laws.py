"""Print how often the judges of runs accuse a claim that is true by its whole margin, by the law of the runs.

Usage: python -m bench.error_rates.laws [documents]

A document has 1, 3 or 20 claims of a threshold, each true by its whole margin of one standard deviation, and we have
five runs of each, or ten; it is accused where one of its claims is, after Holm's correction. A single value is one more
run of the same law, with a margin of nearly nothing. Each law has the mean 0 and the deviation 1, with its longer tail
on the side that harms.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping

import numpy as np

from repro.audit.claims import Claim
from repro.audit.judges import JUDGES, accused

Random = np.random.Generator
Law = Callable[[Random, int], "np.ndarray"]
DOCUMENTS = 4000  # of one claim; of more, as many fewer, and 500 at least
CLAIMS = (1, 3, 20)
LAWS: Mapping[str, Law] = {
    "normal": lambda random, n: random.normal(size=n),
    "gamma of shape 2": lambda random, n: (random.gamma(2.0, size=n) - 2.0) / math.sqrt(2.0),
    "exponential": lambda random, n: random.exponential(size=n) - 1.0,
    "two modes, 80 and 20 %": lambda random, n: np.where(random.random(n) < 0.2, 2.0, -0.5) + random.normal(0, 0.01, n),
    "two values, 80 and 20 %": lambda random, n: np.where(random.random(n) < 0.2, 2.0, -0.5),
}
THRESHOLD = Claim("", "it", "", "bound", "", ("> 0",), 0, margin=1.0, judge="threshold")


def documents(law: Law, random: Random, claims: int, runs: int, number: int) -> float:
    """Return the share of so many documents that are accused."""
    decide, found = JUDGES["threshold"].decide, 0
    for _ in range(number):
        said = accused([(THRESHOLD, decide(THRESHOLD, law(random, runs) - 1.0)) for _ in range(claims)])
        found += any(one.verdict == "not reproduced" for _, one in said)
    return found / number


def single(law: Law, random: Random, runs: int, number: int) -> float:
    """Return the share of single values that are accused."""
    found = 0
    for _ in range(number):
        text = f"{law(random, 1)[0]:.6f}"
        claim = Claim("", "it", "", "value", "", (text,), 0, margin=1e-3, judge="interval")
        found += JUDGES["interval"].decide(claim, law(random, runs)).verdict == "not reproduced"
    return found / number


def shares(law: Law, number: int, seed: int = 0) -> list[float]:
    """Return the shares of a row of the table: documents of five runs by their claims, of ten runs, single values."""
    random = np.random.default_rng(seed)
    by_claims = [documents(law, random, claims, 5, max(number // claims, min(number, 500))) for claims in CLAIMS]
    return [*by_claims, documents(law, random, 1, 10, number), single(law, random, 5, number)]


def main() -> int:
    """Print the table."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS
    print("| runs are | one claim | 3 claims | 20 claims | one claim, 10 runs | a single value |")
    print("| --- | --: | --: | --: | --: | --: |")
    for name, law in LAWS.items():
        print(f"| {name} | {' | '.join(f'{100 * share:.1f} %' for share in shares(law, number))} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
