"""Evidence for chapters 4 and 5 from runs over whole grids, in the listing's reading; missing until there are such."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repro.audit.evidence import LEAST_RUNS, Missing, Runs, grids, values
from studies.rfnn.cases import SCALES, Pair
from studies.rfnn.measured.start import stability_limit

Cell = tuple[float, float]  # scales, or kernel sizes, of the first and the second layer
Grid = Mapping[Cell, float]
Curves = Mapping[Cell, Sequence[float]]
Values = Runs | Missing

PROFILE = "paper"
SMALLEST = SCALES[0]
MIRRORS = tuple((first, second) for first in SCALES for second in SCALES if first > second)
CHOSEN = {"reading": "as_listed", "norm": "raw"}  # what A.1 lists, where a case has these fields
GUESSING = 12.0  # %: above what any constant answer scores, and far below what a network that learns does
NO_NUMBERS = 9.8  # %: a network whose outputs are no numbers names digit 0, and 980 of 10,000 test images show it
FAILING = (SMALLEST, SMALLEST)  # the pair of experiment 1 that section 4.6 says went wrong
RFNNS = ("scale_grid", "upscaled", "without_bias", "upscaled_without_bias")


def each(
    experiments: tuple[str, ...], answer: Callable[..., float], metric: str = "accuracy", column: str = "value"
) -> Values:
    """Return an answer from the grids of each replicate that all these experiments have, or what is missing.

    A cell that diverged has the accuracy that a test shows of it; of a curve or a sharpness it has none, and its
    replicate is one that diverged.
    """
    found = [grids("rfnn", PROFILE, name, metric, column=column, **CHOSEN) for name in experiments]
    shared = sorted(set.intersection(*(set(one) for one in found)))
    if not shared:
        asked = " ".join(f"--experiment {name}" for name in experiments)
        return Missing(f"no faithful run of whole grids yet: `repro run rfnn --profile {PROFILE} {asked}`", LEAST_RUNS)
    shown = NO_NUMBERS if (metric, column) == ("accuracy", "value") else None
    answers, diverged, lost = [], 0, 0
    for replicate in shared:
        mine = [without_failing(one[replicate]) if column == "curve" else one[replicate] for one in found]
        holes = sum(value is None for grid in mine for value in grid.values())
        if holes and shown is None:
            diverged += 1
            continue
        lost += holes
        answers.append(
            answer(*({at: shown if value is None else value for at, value in grid.items()} for grid in mine))
        )
    counted = f"{lost} cells that diverged count as {NO_NUMBERS} %, as a test shows them" if lost else ""
    return Runs(tuple(answers), diverged, counted)


def without_failing(grid: Mapping[Cell, Any]) -> dict[Cell, Any]:
    """Return a grid without the pair that the thesis says went wrong: it settles nowhere."""
    return {cell: value for cell, value in grid.items() if cell != FAILING}


def best(grid: Grid, kept: Callable[[Cell], bool] = lambda _: True) -> float:
    """Return the best accuracy of the cells that are kept."""
    return max(value for cell, value in grid.items() if kept(cell))


def with_half(cell: Cell) -> bool:
    """Say whether one of the two scales is 0.5."""
    return SMALLEST in cell


def slope(grid: Grid) -> float:
    """Return how many points accuracy falls per doubling of both scales, without the pair (0.5, 0.5)."""
    kept = [(math.log2(cell[0] * cell[1]) / 2, value) for cell, value in grid.items() if cell != FAILING]
    return -statistics.linear_regression(*zip(*kept, strict=True)).slope


def mirrored(grid: Grid) -> float:
    """Return the share of mirror pairs in which the larger scale is better placed first."""
    wins = [grid[a, b] > grid[b, a] for a, b in MIRRORS]
    return sum(wins) / len(wins)


def spread(grid: Grid) -> float:
    """Return the deviation of accuracy over the cells."""
    return statistics.stdev(grid.values())


def ranks(grid: Grid, cells: list[Cell]) -> list[float]:
    """Return the rank of each cell by its accuracy."""
    order = sorted(cells, key=lambda cell: grid[cell])
    return [float(order.index(cell)) for cell in cells]


def alike(one: Grid, other: Grid) -> float:
    """Return the rank correlation of two grids over the same cells."""
    cells = sorted(one)
    return statistics.correlation(ranks(one, cells), ranks(other, cells))


def near_rest(cell: Cell) -> Callable[[Grid], float]:
    """Return a function to how far a cell stays above one point below the median of its grid, in points."""
    return lambda grid: grid[cell] - (statistics.median(grid.values()) - 1)


def gain_over(curves: Curves, first: int, last: int) -> float:
    """Return by how many points accuracy rises from one epoch to a later one, on average over the cells."""
    return statistics.fmean(curve[last - 1] - curve[first - 1] for curve in curves.values())


def settled(curve: Sequence[float]) -> int:
    """Return the epoch from which accuracy stays within 0.2 points of where it ends."""
    return max([epoch for epoch, value in enumerate(curve, 1) if abs(value - curve[-1]) > 0.2], default=0) + 1


def control_late_runs() -> Values:
    """Return how accuracy rises from epoch 20 to 30 over the control network's grid (section 4.2)."""
    return each(("cnn_baseline",), lambda control: gain_over(control, 20, 30), column="curve")


def rfnn_late_runs() -> Values:
    """Return how much more accuracy rises from epoch 15 to 20 in the control network than in the RFNN (4.2)."""
    return each(
        ("cnn_baseline", "scale_grid"),
        lambda control, rfnn: gain_over(control, 15, 20) - gain_over(rfnn, 15, 20),
        column="curve",
    )


def sooner_runs() -> Values:
    """Return how many epochs later the control network settles than the RFNN, on average over the cells (chapter 5)."""
    return each(
        ("cnn_baseline", "scale_grid"),
        lambda control, rfnn: (
            statistics.fmean(map(settled, control.values())) - statistics.fmean(map(settled, rfnn.values()))
        ),
        column="curve",
    )


def baseline_best_runs() -> Values:
    """Return the best accuracy over the control network's grid (section 4.5)."""
    return each(("cnn_baseline",), best)


def baseline_row_runs() -> Values:
    """Return the best accuracy of the control networks whose first kernel is 7 by 7 (section 4.5)."""
    return each(("cnn_baseline",), lambda grid: best(grid, lambda cell: cell[0] == 7))


def baseline_nine_runs() -> Values:
    """Return by how much the best with a 9 by 9 kernel exceeds the best without (section 4.5)."""
    return each(("cnn_baseline",), lambda grid: best(grid, lambda c: 9 in c) - best(grid, lambda c: 9 not in c))


def exp1_half_runs() -> Values:
    """Return 100 for each run of experiment 1's pair (0.5, 0.5) that ends as one that guesses, 0 for another (4.6).

    Where it diverges a test shows no numbers, which is as guessing. The thesis has one run, and the outcome two ways to
    end, of which a mean would tell nothing.
    """
    found = values("rfnn", PROFILE, "scale_grid", "accuracy", Pair("as_listed", *FAILING))
    if not found.values and not found.diverged:
        chosen = "--experiment scale_grid --where reading=as_listed --where first=0.5 --where second=0.5"
        return Missing(f"no faithful run yet: `repro run rfnn --profile {PROFILE} {chosen}`", LEAST_RUNS)
    counted = f"{found.diverged} runs that diverged count as {NO_NUMBERS} %, as a test shows them"
    ends = (*found.values, *[NO_NUMBERS] * found.diverged)
    shown = f"accuracies {', '.join(f'{end:.4g}' for end in ends)}"
    words = [shown] + [counted] * (found.diverged > 0) + [found.besides] * bool(found.besides)
    return Runs(tuple(100.0 * (end < GUESSING) for end in ends), besides="; ".join(words))


def exp1_best_runs() -> Values:
    """Return experiment 1's best accuracy (section 4.6)."""
    return each(("scale_grid",), best)


def exp2_best_runs() -> Values:
    """Return experiment 2's best accuracy (section 4.7)."""
    return each(("upscaled",), best)


def exp2_gain_runs() -> Values:
    """Return by how much experiment 2's best exceeds experiment 1's (section 4.7)."""
    return each(("upscaled", "scale_grid"), lambda upscaled, plain: best(upscaled) - best(plain))


def exp2_better_runs() -> Values:
    """Return how far the share of cells that upscaling improves exceeds a half (section 4.9)."""

    def share(upscaled: Grid, plain: Grid) -> float:
        wins = [upscaled[cell] > plain[cell] for cell in plain]
        return sum(wins) / len(wins) - 0.5

    return each(("upscaled", "scale_grid"), share)


def exp2_alike_runs() -> Values:
    """Return the rank correlation of experiments 1 and 2 over their cells (section 4.7)."""
    return each(("scale_grid", "upscaled"), alike)


def exp2_half_runs() -> Values:
    """Return how well the pair (0.5, 0.5) keeps up with the rest of experiment 2 (section 4.7)."""
    return each(("upscaled",), near_rest(FAILING))


def exp2_two_runs() -> Values:
    """Return how well the pair (2, 2) keeps up with the rest of experiment 2 (section 4.7)."""
    return each(("upscaled",), near_rest((SCALES[-1], SCALES[-1])))


def exp1_taper_runs() -> Values:
    """Return how accuracy falls with scale in experiment 1 (section 4.6)."""
    return each(("scale_grid",), slope)


def exp2_taper_runs() -> Values:
    """Return how accuracy falls with scale in experiment 2 (section 4.7)."""
    return each(("upscaled",), slope)


def exp3_taper_runs() -> Values:
    """Return how accuracy falls with scale in experiment 3 (section 4.8)."""
    return each(("without_bias",), slope)


def exp3_mirror_runs() -> Values:
    """Return how far the share of mirror pairs better with the larger scale first exceeds a half, experiment 3."""
    return each(("without_bias",), lambda grid: mirrored(grid) - 0.5)


def exp3_first_runs() -> Values:
    """Return by how much that share is larger in experiment 3 than in experiments 1 and 2 (section 4.8)."""
    return each(
        ("without_bias", "scale_grid", "upscaled"),
        lambda third, first, second: mirrored(third) - max(mirrored(first), mirrored(second)),
    )


def exp4_mirror_runs() -> Values:
    """Return by how much that share is larger in experiment 3 than in experiment 4 (section 4.9)."""
    return each(("without_bias", "upscaled_without_bias"), lambda third, fourth: mirrored(third) - mirrored(fourth))


def exp4_spread_runs() -> Values:
    """Return by how much accuracy spreads more in experiment 4 than in experiment 2 (section 4.9)."""
    return each(("upscaled_without_bias", "upscaled"), lambda fourth, second: spread(fourth) - spread(second))


def half_in_best_runs() -> Values:
    """Return the least lead, over the four experiments, of the best pair with a 0.5 before that without (chapter 5)."""
    return each(
        RFNNS, lambda *all_four: min(best(one, with_half) - best(one, lambda c: not with_half(c)) for one in all_four)
    )


def scale_matters_runs() -> Values:
    """Return by how much more than a point the best and the worst pair of experiment 1 differ (chapter 5).

    Without the pair that went wrong: a scale matters where networks train, too.
    """

    def apart(grid: Grid) -> float:
        trained = [value for cell, value in grid.items() if cell != FAILING]
        return max(trained) - min(trained) - 1

    return each(("scale_grid",), apart)


def sharp_at_half_runs() -> Values:
    """Return log10 of the curvature at (0.5, 0.5) over what the optimiser bears, before training (section 4.6)."""
    limit = stability_limit(0.001, 0.99)
    return each(("start_of_training",), lambda grid: math.log10(max(grid[FAILING], 1e-9) / limit), "sharpness")


def sharp_mirror_runs() -> Values:
    """Return how far the share of mirror pairs sharper with the larger scale first exceeds a half (ours)."""
    return each(("start_of_training",), lambda grid: mirrored(grid) - 0.5, "sharpness")
