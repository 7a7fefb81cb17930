"""Evidence on the text itself: what its cells are written with, use and call."""

from __future__ import annotations

import builtins

import numpy as np

from repro.audit.evidence import Shown
from studies.filters2d.claims.inverse import printed_mosaic_runs, printed_subsampling
from studies.filters2d.claims.shapes import images_for_labels

# What cells of the text use and what its first cells import; numbers are those of the cells.
IMPORTED_MODULES = ("imgclass", "imgimg", "layers")
USED_MODULES = {"imgimg": 6, "imging": 21, "layers": 51, "imgclass": 52}
DEFINED_FUNCTIONS = ("Cl", "Fl", "N", "Nim", "T", "Tim", "showgrid", "showrow", "tshow")
CALLED_FUNCTIONS = {"Tim": 6, "N": 9, "Fl": 15, "F1": 16, "Nim": 22, "Cl": 52, "T": 83}
TRAINING_CELLS = (6, 11, 15, 21, 28, 31, 37, 40, 52, 55, 59, 61, 74, 83)


def python_3_takes_the_cells() -> Shown:
    """Say whether Python 3 takes four constructs that the notebook's cells are written with (In [6], [18], [56])."""
    try:
        compile("print 1, 2", "cell", "exec")
        prints = True
    except SyntaxError:
        prints = False
    taken = {
        "print without brackets": prints,
        "reload": hasattr(builtins, "reload"),
        "xrange": hasattr(builtins, "xrange"),
        "an array of a map": np.array(map(abs, [1, 2])).shape == (2,),
    }
    refused = [name for name, works in taken.items() if not works]
    return not refused, f"Python 3 does not run as meant {len(refused)} of {len(taken)}: {', '.join(refused)}"


def modules_are_imported() -> Shown:
    """Say whether the cells of the text use modules that it imports only (In [2] and later)."""
    strange = [f"{name} (In [{cell}])" for name, cell in USED_MODULES.items() if name not in IMPORTED_MODULES]
    return not strange, f"not imported: {', '.join(strange) or 'none'}"


def functions_are_defined() -> Shown:
    """Say whether the cells of the text call helper functions that it defines only (In [2] and later)."""
    strange = [f"{name} (In [{cell}])" for name, cell in CALLED_FUNCTIONS.items() if name not in DEFINED_FUNCTIONS]
    return not strange, f"not defined: {', '.join(strange) or 'none'}"


def conversion_is_damaged() -> Shown:
    """Say whether some cells of the conversion cannot be what ran (preface)."""
    broken = {
        "a module that nothing imports": not modules_are_imported()[0],
        "a function that nothing defines": not functions_are_defined()[0],
        "images in the place of classes": not images_for_labels()[0],
        "four indices on three axes": not printed_mosaic_runs()[0],
        "a slice that does not keep every fourth pixel": not printed_subsampling()[0],
    }
    found = [name for name, is_broken in broken.items() if is_broken]
    return bool(found), f"{len(found)} of {len(broken)}: {'; '.join(found)}"
