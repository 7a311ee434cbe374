"""Parses files in throwaway child processes, so that a file that crashes, hangs or swells costs itself alone."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, cast

from rag.errors import UnreadableSource
from rag.formats import wire
from rag.formats.extracted import Extracted
from rag.formats.parse_limits import ParseLimits, beyond, beyond_memory, beyond_time

# A child is replaced after so many files: what parsers leak stays small, and starting one takes a fifth of a second.
FILES_PER_CHILD = 200
# A child that nobody needs is ended after so many seconds.
IDLE_S = 5.0
# What a child is told of its surroundings: no keys, tokens or proxies.
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
# What a child says first.
MOST_READY_BYTES = 100
CURE = "install leadgoose anew (rag doctor names what is missing)"
_NO_MEMORY = (b"memory allocation of", b"MemoryError", b"bad_alloc", b"Cannot allocate memory", b"out of memory")


class Parser:
    """Children that wait for files; safe to share between threads, each of which gets one of its own."""

    def __init__(self) -> None:
        """Begin without a child."""
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._timer: threading.Timer | None = None
        atexit.register(self.close)

    def parse(self, data: bytes, suffix: str, limits: ParseLimits) -> Extracted:
        """Return what a file says.

        Args:
            data: The whole file.
            suffix: Its suffix in lower case, with the dot.
            limits: What it may take.

        Returns:
            Its text, headings and pages.

        Raises:
            UnreadableSource: It cannot be parsed within the limits; the message is to be put after the file's name.
        """
        child = self._take()
        try:
            extracted = child.parse(data, suffix, limits)
        except BaseException:
            # Whatever went wrong, with the file or by Ctrl-C, this child is in the middle of something.
            child.end()
            raise
        self._give_back(child)
        if isinstance(extracted, str):
            raise UnreadableSource(extracted)
        return extracted

    def close(self) -> None:
        """End all children that wait."""
        with self._lock:
            children, self._idle = self._idle, []
            if self._timer:
                self._timer.cancel()
                self._timer = None
        for child in children:
            child.end()

    def _take(self) -> _Child:
        with self._lock:
            if self._timer:
                self._timer.cancel()
                self._timer = None
            if self._idle:
                return self._idle.pop()
        return _Child()

    def _give_back(self, child: _Child) -> None:
        if child.files >= FILES_PER_CHILD:
            child.end()
            return
        with self._lock:
            self._idle.append(child)
            if self._timer:
                self._timer.cancel()
            self._timer = threading.Timer(IDLE_S, self.close)
            self._timer.daemon = True
            self._timer.start()


class _Child:
    """One process that parses one file at a time."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        # One arena for all threads: each reserves address space, which is what memory is bounded by.
        environment |= {"PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "1"}
        # -P: nothing is imported from the working directory, which may be full of documents. A session of its own:
        # Ctrl-C comes to the parent alone, which ends the child.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rag.formats.parser_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self.files = 0
        self._ready = False
        self._said: deque[bytes] = deque(maxlen=20)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def parse(self, data: bytes, suffix: str, limits: ParseLimits) -> Extracted | str:
        """Return what a file says, or why it cannot be read.

        Args:
            data: The whole file.
            suffix: Its suffix.
            limits: What it may take.

        Returns:
            What was extracted, or the child's reason.

        Raises:
            UnreadableSource: The child did not live to say.
        """
        self.files += 1
        late = threading.Event()
        timer = threading.Timer(limits.parse_timeout_s, self._stop, (late,))
        timer.daemon = True
        timer.start()
        try:
            answer = self._exchange(data, suffix, limits)
        except wire.FrameTooLargeError:
            what = f"gives more than {limits.parse_chars:,} characters"
            raise UnreadableSource(beyond(what, "parse_chars")) from None
        except ValueError:
            answer = None
        finally:
            timer.cancel()
        if answer is None:
            raise UnreadableSource(self._why(limits, late=late.is_set()))
        header, text = answer
        return str(header["error"]) if "error" in header else _extracted(header, text)

    def end(self) -> None:
        """End the process and wait for it."""
        process = self._process
        process.kill()
        process.wait()
        self._listener.join(timeout=1.0)
        for stream in (process.stdin, process.stdout, process.stderr):
            try:
                if stream:
                    stream.close()
            except OSError:
                pass

    def _exchange(self, data: bytes, suffix: str, limits: ParseLimits) -> tuple[dict[str, Any], bytes] | None:
        stdin, stdout = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)
        try:
            self._ready = self._ready or wire.receive(stdout, most_bytes=MOST_READY_BYTES) is not None
            if not self._ready:
                return None
            wire.send(stdin, {"suffix": suffix, "limits": asdict(limits)}, data)
            return wire.receive(stdout, most_bytes=4 * limits.parse_chars + 100 * limits.parse_pages + 100_000)
        except OSError:
            return None

    def _stop(self, late: threading.Event) -> None:
        late.set()
        self._process.kill()

    def _listen(self) -> None:
        """Keep the last of what the child says when it dies, and let it never wait for a reader."""
        if self._process.stderr:
            try:
                for line in self._process.stderr:
                    self._said.append(line[:500])
            except ValueError:
                pass

    def _why(self, limits: ParseLimits, *, late: bool) -> str:
        if late:
            return beyond_time(limits)
        code = self._process.wait()
        self._listener.join(timeout=1.0)
        if not self._ready:
            said = self._said[-1].decode("utf-8", "replace").strip() if self._said else _cause(code)
            return f"cannot be read: what parses files does not start ({said}); the installation is broken: {CURE}"
        if any(sign in line for line in self._said for sign in _NO_MEMORY):
            return beyond_memory(limits)
        if sys.platform != "win32" and code == -signal.SIGALRM:
            return beyond_time(limits)
        return f"crashes its parser ({_cause(code)}); open it in its own program and save it anew"


def _cause(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def _extracted(header: dict[str, Any], text: bytes) -> Extracted:
    starts = tuple(int(start) for start in header["page_starts"])
    date = header["date"]
    return Extracted(text.decode("utf-8"), starts, str(header["title"]), None if date is None else str(date))


PARSER = Parser()
