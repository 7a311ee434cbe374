"""A chat model called within limits: a deadline, bounded replies, a few retries, a circuit breaker; knows no question.

A model runs on an event loop of its own, so that whatever it waits for can be given up at once, connection and all.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future

from rag import abandon
from rag.phrasing.breaker import Breaker
from rag.phrasing.chat_model import ChatFailure, LoadedModel, Message, load_chat_model
from rag.phrasing.reply_limits import fault_of

LOG = logging.getLogger(__name__)
# A call is tried so often in all, where trying again may help; the pauses between double, and are cut at random by up
# to half, so that those who were refused together do not come back together.
TRIES, FIRST_PAUSE_S = 3, 0.4
# After so many failures in a row the model is left alone so long.
FAILURES, REST_S = 3, 30.0
# A reply is looked at whenever so much has come.
LOOK_CHARS = 40
# Who waits for a reply is told this often that nothing has come.
WAKE_S = 0.1

_Piece = str | ChatFailure | None


class Chat:
    """One chat model; safe to share between threads.

    Attributes:
        id: The model's name.
        timeout_s: Seconds that a reply may take in all.
    """

    def __init__(self, name: str, *, base_url: str | None, timeout_s: float, reply_tokens: int) -> None:
        """Note what to call; the model is loaded by the first call.

        Args:
            name: Its name, as `rag.phrasing.chat_model` takes it.
            base_url: Address of an OpenAI-compatible server, or ``None`` for the provider's own.
            timeout_s: Seconds that a reply may take in all.
            reply_tokens: Most tokens in a reply.
        """
        self.id = name
        self.timeout_s = timeout_s
        self.breaker = Breaker(failures=FAILURES, rest_s=REST_S)
        self._base_url = base_url
        self._reply_tokens = reply_tokens
        self._loading, self._starting = threading.Lock(), threading.Lock()
        self._loaded: LoadedModel | None = None
        self._coming: Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def reply(self, messages: Sequence[Message], *, deadline_s: float | None = None) -> Generator[str, None, None]:
        """Yield the reply in pieces as they come, and ``""`` now and then while nothing comes.

        Args:
            messages: The conversation.
            deadline_s: Moment on the monotonic clock by which it is complete; ``None`` for `timeout_s` from now.

        Yields:
            Text.

        Raises:
            ChatFailure: There is no complete reply; pieces that came before are not to be used.
        """
        ends_s = time.monotonic() + self.timeout_s if deadline_s is None else deadline_s
        if not self.breaker.admit():
            rest = self.breaker.rest_s()
            raise ChatFailure(f"failed {FAILURES} times in a row and is left alone for {max(1.0, rest):.0f} s more")
        settle = self.breaker.undecided
        pieces: queue.SimpleQueue[_Piece] = queue.SimpleQueue()
        call = asyncio.run_coroutine_threadsafe(self._produce(messages, pieces, ends_s), self._running())
        try:
            yield from self._relay(pieces, ends_s)
            settle = self.breaker.succeeded
        except ChatFailure as failure:
            settle = self.breaker.failed if failure.down else self.breaker.succeeded
            raise
        finally:
            call.cancel()
            settle()

    def load(self) -> None:
        """Load the model, so that the first reply need not wait for it.

        Raises:
            ChatFailure: It cannot be loaded.
        """
        with self._loading:
            if self._loaded is None:
                self._loaded = load_chat_model(
                    self.id, base_url=self._base_url, timeout_s=self.timeout_s, reply_tokens=self._reply_tokens
                )

    def _load_aside(self) -> Future[None]:
        """Return what tells when the model is loaded; all who call meanwhile wait for the same.

        The thread is a daemon: those of asyncio's own pool hold up the end of the program until they are done.
        """
        with self._starting:
            if self._coming is None or self._coming.done():
                coming: Future[None] = Future()
                coming.set_running_or_notify_cancel()
                threading.Thread(target=_settle, args=(coming, self.load), name="rag-load", daemon=True).start()
                self._coming = coming
            return self._coming

    def warm_up(self) -> None:
        """Load the model ahead of the first question; what is wrong with it is logged, as answers come without it."""
        try:
            self.load()
        except ChatFailure as failure:
            LOG.warning("the chat model %s %s", self.id, failure.why)

    def close(self) -> None:
        """Give up what is under way and let go of connections."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        asyncio.run_coroutine_threadsafe(self._shut(), loop)
        thread.join(timeout=2.0)

    def _relay(self, pieces: queue.SimpleQueue[_Piece], ends_s: float) -> Iterator[str]:
        while (left_s := ends_s - time.monotonic()) > 0:
            try:
                piece = pieces.get(timeout=min(WAKE_S, left_s))
            except queue.Empty:
                abandon.check()
                yield ""
                continue
            if isinstance(piece, ChatFailure):
                raise piece
            if piece is None:
                return
            yield piece
        raise ChatFailure(f"did not finish its reply within {self.timeout_s:g} s")

    async def _produce(self, messages: Sequence[Message], pieces: queue.SimpleQueue[_Piece], ends_s: float) -> None:
        try:
            # Loading imports much, or reads a large file, and the deadline holds meanwhile.
            if self._loaded is None:
                await asyncio.wrap_future(self._load_aside())
            for left in reversed(range(TRIES)):
                failure = await self._try(messages, pieces)
                if failure is None:
                    break
                await _pause(failure, tries_left=left, tried=TRIES - left, ends_s=ends_s)
            pieces.put(None)
        except ChatFailure as failure:
            pieces.put(failure)
        except asyncio.CancelledError:
            # Either nobody reads on, or the model is let go of while somebody does, who need not wait for the deadline.
            pieces.put(ChatFailure("was closed meanwhile", down=False))
            raise
        except Exception as error:  # noqa: BLE001 (whatever goes wrong, whoever waits is told at once)
            LOG.error("the chat model %s met a fault of ours: %s", self.id, type(error).__name__)
            pieces.put(ChatFailure(f"met a fault inside leadgoose ({type(error).__name__})"))

    async def _try(self, messages: Sequence[Message], pieces: queue.SimpleQueue[_Piece]) -> ChatFailure | None:
        """Relay one reply; return the failure if trying again may help."""
        if self._loaded is None:
            raise ChatFailure("was closed meanwhile")
        so_far, looked = "", 0
        try:
            async for piece in self._loaded.stream(messages):
                so_far += piece
                # Checked before it is passed on: one piece may be a megabyte.
                if len(so_far) - looked >= LOOK_CHARS:
                    looked = len(so_far)
                    _refuse(fault_of(so_far))
                pieces.put(piece)
        except ChatFailure as failure:
            if failure.again and so_far:
                raise ChatFailure("broke off in the middle of its reply") from None
            if failure.again:
                return failure
            raise
        _refuse(fault_of(so_far) or ("sent an empty reply" if not so_far.strip() else None))
        return None

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_run, args=(self._loop,), name="rag-chat", daemon=True)
                self._thread.start()
            return self._loop

    async def _shut(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._loaded:
            await self._loaded.close()
        self._loaded = None
        asyncio.get_running_loop().stop()


def probe(chat: Chat) -> tuple[str | None, float]:
    """Ask a model for a word, and let go of it.

    Args:
        chat: The model.

    Returns:
        What is wrong with it, in words that follow its name, or ``None``; and the seconds it took.
    """
    start_s = time.monotonic()
    try:
        for _ in chat.reply([Message("user", "Reply with one word: ready")]):
            pass
    except ChatFailure as failure:
        return failure.why, time.monotonic() - start_s
    finally:
        chat.close()
    return None, time.monotonic() - start_s


def _settle(future: Future[None], work: Callable[[], None]) -> None:
    """Do the work, and say how it went to whoever waits."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 (raised again where it is waited for)
        future.set_exception(error)
    else:
        future.set_result(None)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _pause(failure: ChatFailure, *, tries_left: int, tried: int, ends_s: float) -> None:
    """Wait before the next try, or raise the failure where none is left or the wait would outlast the deadline."""
    pause_s = FIRST_PAUSE_S * 2 ** (tried - 1) * random.uniform(0.5, 1.0)  # noqa: S311 (nothing secret)
    pause_s = max(pause_s, failure.after_s or 0.0)
    if not tries_left or time.monotonic() + pause_s >= ends_s:
        raise failure
    await asyncio.sleep(pause_s)


def _refuse(fault: str | None) -> None:
    if fault:
        raise ChatFailure(fault, down=False)
