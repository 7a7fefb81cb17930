"""The blog's Table 1: "ours" and, as it quotes them, the rows of the paper that it reproduces.

Source: Reproducibility Project Blog (Lukacs and Petrescu, 2021), Table 1; the paper is Sosnovik, Szmaja and Smeulders
(2020), "Scale-Equivariant Steerable Networks".
"""

from __future__ import annotations

from dataclasses import dataclass

from repro.errors import UsageError

PAPER_RUNS = 6  # one a realisation; assumed, the blog does not quote it


@dataclass(frozen=True)
class Column:
    """A method and a column of Table 1: mean and standard deviation of the test error (%), digits as printed.

    `model` and `factor` are the setting that the column stands for in the paper.
    """

    name: str
    model: str
    factor: float
    ours: tuple[str, str]
    paper: tuple[str, str]


TABLE_1 = (
    Column("scalar_28", "scalar_28", 1.0, ours=("1.95", "0.17"), paper=("2.10", "0.10")),
    Column("scalar_28+", "scalar_28p", 0.5, ours=("1.98", "0.14"), paper=("1.79", "0.09")),
    Column("scalar_56", "scalar_56", 1.0, ours=("1.68", "0.12"), paper=("1.74", "0.09")),
    Column("scalar_56+", "scalar_56p", 0.5, ours=("1.67", "0.18"), paper=("1.50", "0.07")),
    Column("vector_28", "vector_28", 1.0, ours=("2.00", "0.2"), paper=("2.08", "0.09")),
    Column("vector_28+", "vector_28p", 0.5, ours=("2.00", "0.21"), paper=("1.76", "0.08")),
    Column("vector_56", "vector_56", 1.0, ours=("1.66", "0.17"), paper=("1.68", "0.06")),
    Column("vector_56+", "vector_56p", 0.5, ours=("1.59", "0.16"), paper=("1.42", "0.07")),
)


def column_named(name: str) -> Column:
    """Return a column of Table 1 by its name. Raise UsageError for any other name."""
    for column in TABLE_1:
        if column.name == name:
            return column
    known = ", ".join(column.name for column in TABLE_1)
    raise UsageError(f"no column '{name}' in the blog's Table 1; choose one of {known}")
