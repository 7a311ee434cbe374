"""How many pools the C library takes memory from; knows nothing of what needs it."""

from __future__ import annotations

import ctypes
import os

# From <malloc.h> of glibc.
M_ARENA_MAX = -8
# With one for each thread, up to eight a processor, as glibc has it, every thread that answers its first question adds
# what a question takes at most, 9 MB and more, and keeps it: 64 askers at once took 600 to 680 MB, and 450 to 510 with
# two pools, in the same time (threads of Python take turns anyway).
ARENAS = 2


def few_arenas() -> None:
    """Let all threads share a few pools, unless ``MALLOC_ARENA_MAX`` says how many; elsewhere than in glibc, nothing.

    Reference: https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    try:
        tune = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another system, or another C library
        return
    tune(M_ARENA_MAX, ARENAS)
