"""A chat model by its name, ready to be streamed: the home of langchain; knows no question, limit or fallback.

Names are LangChain's, ``provider:model``, or ``gguf:`` and the path of a file, which is then served on loopback. What
goes wrong comes out as a `ChatFailure` in our own words: what a provider says may repeat the key it was given.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

GGUF = "gguf:"
EXTRAS = {"langchain_openai": "openai", "langchain_ollama": "ollama", "xllamacpp": "gguf"}
# These choose their own temperature and refuse another.
CHOOSES_TEMPERATURE = re.compile(r"^(openai:)?(o\d|gpt-5)")
# Room for a prompt and a reply; a file may know a longer context, which costs memory.
GGUF_CONTEXT_TOKENS = 8_192


@dataclass(frozen=True)
class Message:
    """One message of a conversation with a chat model.

    Attributes:
        role: ``system`` or ``user``.
        text: What it says.
    """

    role: str
    text: str


class ChatFailure(Exception):
    """A chat model could not be had, in words that go behind its name: "the chat model X …".

    Attributes:
        why: What is wrong, in one line, without anything that the provider said.
        again: Whether the same call may go through when tried again.
        down: Whether it says something about calls to come, unlike one bad reply.
        after_s: Seconds that the provider asks to wait, or ``None``.
    """

    def __init__(self, why: str, *, again: bool = False, down: bool = True, after_s: float | None = None) -> None:
        """Say what is wrong."""
        super().__init__(why)
        self.why = why
        self.again = again
        self.down = down
        self.after_s = after_s


@dataclass
class LoadedModel:
    """A chat model that can be streamed.

    Attributes:
        model: LangChain's.
        server: What serves a file, kept as long as the model.
    """

    model: BaseChatModel
    server: Any = field(default=None, repr=False)

    async def stream(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        """Yield the reply in pieces, as they come.

        Args:
            messages: The conversation.

        Yields:
            Text.

        Raises:
            ChatFailure: The model cannot be reached, refuses, or does not speak as a chat model does.
        """
        pieces = self.model.astream([(m.role, m.text) for m in messages])
        try:
            async for piece in pieces:
                yield str(piece.text)
        except Exception as error:  # noqa: BLE001 (every provider has errors of its own)
            raise failure_of(error) from None
        finally:
            # Given up early, the connection is closed now and not when the garbage is collected.
            close = getattr(pieces, "aclose", None)
            if close:
                await close()

    async def close(self) -> None:
        """Let go of connections and of a file's server."""
        for client in (getattr(self.model, "root_async_client", None), _ollama_client(self.model)):
            close = getattr(client, "close", None) or getattr(client, "aclose", None)
            if close:
                await close()
        self.server = None


def load_chat_model(name: str, *, base_url: str | None, timeout_s: float, reply_tokens: int) -> LoadedModel:
    """Return a chat model, ready to be streamed.

    Args:
        name: Its name.
        base_url: Address of an OpenAI-compatible server, or ``None`` for the provider's own.
        timeout_s: Seconds of silence after which a connection is given up.
        reply_tokens: Most tokens in a reply.

    Returns:
        The model.

    Raises:
        ChatFailure: A package, the key or the file is missing, or the provider is unknown.
    """
    server = None
    options: dict[str, Any] = {}
    if name.startswith(GGUF):
        path = Path(name.removeprefix(GGUF)).expanduser()
        server, base_url, key = _serve_file(path)
        name, options = f"openai:{path.stem}", {"api_key": key}
    try:
        # The key of a file's own server goes before what others are called with.
        model = _init(name, base_url, _limits(name, base_url, timeout_s, reply_tokens) | options)
    except ImportError as error:
        raise _missing(error.name or getattr(error.__cause__, "name", None) or "langchain") from None
    except Exception as error:  # noqa: BLE001 (providers refuse in their own ways, and may repeat a key)
        raise ChatFailure(_cannot(error)) from None
    return LoadedModel(model, server)


def _init(name: str, base_url: str | None, options: dict[str, Any]) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    provider = "openai" if base_url and not re.match(r"(openai|ollama):", name) else None
    chosen: BaseChatModel = init_chat_model(name, model_provider=provider, **options)
    return chosen


def _limits(name: str, base_url: str | None, timeout_s: float, reply_tokens: int) -> dict[str, Any]:
    fixed = {} if CHOOSES_TEMPERATURE.match(name) else {"temperature": 0.0}
    if name.startswith("ollama:"):
        where = {"base_url": base_url} if base_url else {}
        return {**fixed, **where, "num_predict": reply_tokens, "client_kwargs": {"timeout": timeout_s}}
    options: dict[str, Any] = {**fixed, "max_tokens": reply_tokens, "timeout": timeout_s, "max_retries": 0}
    if base_url:
        # Servers on this machine mostly need no key, and LangChain refuses to go without one. Those that know only
        # the older name of the limit get it too.
        key = {} if os.environ.get("OPENAI_API_KEY") else {"api_key": "none"}
        options |= {"base_url": base_url, "extra_body": {"max_tokens": reply_tokens}, **key}
    return options


def _serve_file(path: Path) -> tuple[Any, str, str]:
    if not path.is_file():
        raise ChatFailure(f"cannot be loaded: there is no file {path}")
    try:
        import xllamacpp
    except ImportError:
        raise _missing("xllamacpp") from None
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.verbosity = GGUF_CONTEXT_TOKENS, 1, -1
    # Any user of this machine can reach loopback, hence a key of our own; what waits for work must not spin.
    key = secrets.token_urlsafe(24)
    params.hostnames, params.port, params.api_keys, params.ui = ["127.0.0.1"], 0, [key], False
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    try:
        server = xllamacpp.Server(params)
    except RuntimeError:
        raise ChatFailure(f"cannot be loaded: {path} is not a GGUF file that can be served") from None
    return server, f"{server.listening_address}/v1", key


def _missing(package: str) -> ChatFailure:
    home = package.partition(".")[0]
    wanted = f"leadgoose[{EXTRAS[home]}]" if home in EXTRAS else home.replace("_", "-")
    return ChatFailure(f"needs a package that is not installed; run: pip install '{wanted}'")


def _cannot(error: Exception) -> str:
    if isinstance(error, ValueError) and "provider" in str(error):
        return "has a provider that is not known; write provider:model, for example openai:gpt-4o-mini"
    return (
        f"cannot be set up ({type(error).__name__}); its key belongs into the provider's environment variable, "
        "for example OPENAI_API_KEY"
    )


def failure_of(error: BaseException) -> ChatFailure:
    """Return what went wrong in our own words; a provider's words, which may hold a key, are left out."""
    chain = list(_causes(error))
    status = next((s for s in map(_status, chain) if s), None)
    if status:
        return _refusal(status, next((h for h in map(_headers, chain) if h is not None), {}))
    names = " ".join(type(e).__name__ for e in chain)
    if "Timeout" in names:
        return ChatFailure("fell silent")
    if "Connect" in names or "RemoteProtocol" in names or "ReadError" in names:
        return ChatFailure("cannot be reached", again=True)
    if isinstance(error, OSError):
        return ChatFailure("cannot be reached", again=True)
    return ChatFailure(f"sent what is no reply of a chat model ({type(error).__name__})")


def _refusal(status: int, headers: Mapping[str, str]) -> ChatFailure:
    meaning = {
        401: "does not accept the key",
        403: "does not accept the key",
        404: "is not known at its address",
        413: "finds the prompt too long; lower chat_tokens",
        429: "takes no more requests at present",
    }.get(status, "has a fault" if status >= 500 else "does not accept the request")
    return ChatFailure(
        f"{meaning} (HTTP {status})", again=status == 429 or status >= 500, after_s=_seconds(headers.get("retry-after"))
    )


def _seconds(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d{1,6}(\.\d+)?", text) else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error, seen = error.__cause__ or error.__context__, seen + 1


def _status(error: BaseException) -> int | None:
    found = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    return found if isinstance(found, int) and found >= 400 else None


def _headers(error: BaseException) -> Mapping[str, str] | None:
    found = getattr(getattr(error, "response", None), "headers", None)
    return found if isinstance(found, Mapping) else None


def _ollama_client(model: Any) -> Any:
    return getattr(getattr(model, "_async_client", None), "_client", None)
