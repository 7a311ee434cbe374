"""What a parser's process takes away from itself before it reads a file: network, programs, files to write, memory.

On Linux the system refuses it, to compiled code too. Elsewhere Python code alone is refused the network and programs,
and memory is not bounded; time and output always are, by the one who asked.
"""

from __future__ import annotations

import ctypes
import math
import platform
import signal
import struct
import sys
from typing import Any

# Numbers of the system calls socket, connect, execve, execveat and io_uring_setup; the last can do the work of others.
REFUSED_CALLS = {
    "x86_64": (0xC000003E, (41, 42, 59, 322, 425)),
    "aarch64": (0xC00000B7, (198, 203, 221, 281, 425)),
}
REFUSED_EVENTS = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.fork",
)
# Steps of a filter, what it returns, and arguments of prctl, as the kernel's headers number them.
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


def confine() -> None:
    """Give up the network, starting of programs, writing of files and core dumps, for good."""
    sys.addaudithook(_refuse)
    _refuse_calls()
    if sys.platform != "win32":
        import resource

        for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
            resource.setrlimit(limit, (0, 0))


def bound(*, memory_bytes: int, timeout_s: float) -> None:
    """Bound what is taken from now on.

    Args:
        memory_bytes: Memory beyond what the process has now; on Linux alone.
        timeout_s: Seconds after which the process ends itself, should nobody be left to end it.
    """
    if sys.platform == "win32":
        return
    # The system's own doing: a parser that hangs in compiled code would not come to a handler.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(timeout_s) + 10)
    if sys.platform == "linux":
        import resource

        with open("/proc/self/statm", "rb") as file:
            pages = int(file.read().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory_bytes, hard))


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in REFUSED_EVENTS:
        raise PermissionError(f"a parser may not do this: {event}")


def _refuse_calls() -> None:
    """Let the Linux kernel refuse the calls, to every thread there will be.

    Reference:
        Linux kernel documentation, "Seccomp BPF (SECure COMPuting with filters)".
    """
    known = REFUSED_CALLS.get(platform.machine())
    if sys.platform != "linux" or known is None or sys.maxsize < 2**32:
        return
    architecture, numbers = known
    count = len(numbers)
    # The last step refuses; a jump counts the steps that it passes over.
    program = [
        _step(_LOAD, 4),
        _step(_EQUAL, architecture, 0, count + 3),
        _step(_LOAD, 0),
        # Numbers of the x32 interface, which are others for the same calls.
        _step(_AT_LEAST, 0x40000000, count + 1, 0),
        *(_step(_EQUAL, number, count - n, 0) for n, number in enumerate(numbers)),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _REFUSE),
    ]
    steps = ctypes.create_string_buffer(b"".join(program))
    described = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(steps)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
        prctl(_SECCOMP, _FILTER, ctypes.addressof(described), 0, 0)


def _step(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("HBBI", code, true, false, value)
