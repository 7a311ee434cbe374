"""A service that goes on for long holds no more and more: how that is judged, and what keeps it so."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from eval.bench_soak import LEAK_BYTES, Held, verdict

# Threads that take memory at the same time, and then how many pools there are.
POOLS = """
import ctypes, os, sys, tempfile, threading
from rag.web.arenas import few_arenas
if sys.argv[1] == "few":
    few_arenas()
library, barrier = ctypes.CDLL(None), threading.Barrier(8)
library.malloc.restype = ctypes.c_void_p
def take():
    barrier.wait()
    for _ in range(200):
        library.free(ctypes.c_void_p(library.malloc(5_000)))
    barrier.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(library.fopen(file.name.encode(), b"w"))
    library.malloc_info(0, stream)
    library.fclose(stream)
    print(file.read().count(b"<heap nr="))
"""


def held(*megabytes: float, files: int = 18, threads: int = 5) -> list[Held]:
    return [Held(1_000 * n, round(m * 1e6), files, threads) for n, m in enumerate(megabytes)]


def test_what_stays_as_it_is_is_flat_and_so_is_what_settles_in_the_first_half() -> None:
    assert verdict(held(400, 400, 400, 400, 400)).startswith("flat: ")
    assert verdict(held(390, 400, 409, 409, 409)).startswith("flat: ")
    assert verdict(held(400, 420, 400, 400, 419)).startswith("flat: ")


def test_what_grows_with_the_questions_is_not_flat_and_neither_is_a_late_step() -> None:
    steady = held(*(400 + n * 1.1 * LEAK_BYTES * 1_000 / 1e6 for n in range(21)))
    assert verdict(steady).startswith("not flat: ")
    assert verdict(held(392, 392, 392, 401, 401)).startswith("not flat: ")


def test_one_file_or_thread_more_in_the_second_half_is_not_flat() -> None:
    for more in ({"files": 19}, {"threads": 6}):
        assert verdict([*held(400, 400, 400), *held(400, 400, **more)]).startswith("not flat: ")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="pools of other C libraries are not counted")
def test_threads_share_two_pools_of_memory_unless_the_environment_says_otherwise() -> None:
    def pools(how: str, **environment: str) -> int:
        command = [sys.executable, "-c", POOLS, how]
        said = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
        return int(said.stdout)

    assert pools("few") <= 2 < pools("many")
    assert pools("few", MALLOC_ARENA_MAX="4") > 2
