"""How many pools the C library takes memory from; knows nothing of what needs it."""

from __future__ import annotations

import ctypes
import os

# From <malloc.h> of glibc.
M_ARENA_MAX = -8
# With one for each thread, up to eight a processor, as glibc has it, every thread that answers adds what a question
# takes at most and keeps it, 9 MB for one that comes late: 64 askers at once took 695 and 745 MB, with two pools 523
# and 553, 8 of them 552 and 520, and perhaps a little longer
# (4.1 to 5.3 s against 3.6 to 4.1 of 64, beside other work).
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
