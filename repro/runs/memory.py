"""Memory that a worker has freed stays its own, for the next step of the same training."""

from __future__ import annotations

import ctypes
import os

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of mallopt(3)
MOST = 2**31 - 1  # bytes that mallopt can be told
THEIRS = ("MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed() -> bool:
    """Let this process keep what it frees, where the C library can; say whether it does.

    glibc takes each block above 32 MB from the system and gives it back when it is freed, and a training asks for the
    same blocks again in every step: the system clears their pages each time, which was half of the CPU time of
    convolutions over large images (docs/performance.md). Blocks of one heap do not fit one another as well, so that
    more memory can be held, twice as much at worst of what was seen. Whoever has told glibc's allocator something else
    by an environment variable is not overruled.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in os.environ for name in THEIRS):
        return False
    return all([mallopt(M_MMAP_MAX, 0), mallopt(M_TRIM_THRESHOLD, MOST)])
