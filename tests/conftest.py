"""What all tests share: no network, no settings of the user, one library of the seeds, small libraries on demand."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

# Read by the hub's client when it is imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
import hypothesis
import pytest

from rag import Document, Library, Settings

# The same code gives the same result twice, however busy the machine; HYPOTHESIS_PROFILE=explore looks for examples
# that nobody has tried.
UNHURRIED = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("repeatable", derandomize=True, **UNHURRIED)
hypothesis.settings.register_profile("explore", derandomize=False, **UNHURRIED)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

SEEDS = Path(__file__).parents[1] / "seeds"
LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")
MakeLibrary = Callable[..., Library]

HARBOUR = Document(
    id="harbour.md",
    title="Pilots of Norrwick harbour",
    date="2023-05-02",
    language="en",
    metadata={"kind": "report", "year": 2023},
    text="The harbour of Norrwick employs 41 pilots. They brought 6,200 ships into the port in 2022.\n\n"
    "The pilot station was moved to the northern pier in March 2019, after the old one had flooded twice.",
)
LIGHTHOUSE = Document(
    id="old/lighthouse.md",
    title="The lighthouse",
    date="2021-11-30",
    language="en",
    metadata={"kind": "history", "year": 2021},
    text="The lighthouse of Norrwick was built in 1874 by Ada Lindqvist. Its lamp can be seen from 31 kilometres.",
)
BAKERY = Document(
    id="bakery.md",
    title="面包店",
    date="2021-02-03",
    language="zh",
    metadata={"kind": "report", "year": 2021},
    text="磨坊街的面包店早上六点开门。它出售黑麦面包、大麦面包和燕麦饼。店主名叫林晓梅，她在这里工作了十二年。",
)
TOWN = (HARBOUR, LIGHTHOUSE, BAKERY)


def refuse_strangers(address: Any) -> None:
    """Raise unless an address is a path or on this machine."""
    host = address[0] if isinstance(address, tuple) else ""
    if host and not str(host).startswith(LOOPBACK):
        raise RuntimeError(f"a test reached for the network: {address}")


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Let nothing but loopback be connected to or looked up."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def checked_connect(self: socket.socket, address: Any) -> None:
        refuse_strangers(address)
        connect(self, address)

    def checked_connect_ex(self: socket.socket, address: Any) -> int:
        refuse_strangers(address)
        return connect_ex(self, address)

    def checked_look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        refuse_strangers((host,))
        return look_up(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", checked_connect)
        patch.setattr(socket.socket, "connect_ex", checked_connect_ex)
        patch.setattr(socket, "getaddrinfo", checked_look_up)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep out the user's settings and default library; the cache of exported models is shared, by digest."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("RAG_") and n != "RAG_CACHE"]:
            patch.delenv(name)
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_default_encoder() -> Iterator[None]:
    """Load the default model once for all libraries of this process: that takes longer than most tests."""
    from embeddings import encoder

    load, default = encoder.load_encoder, cache(encoder.load_encoder)

    def load_once(model: str, **options: Any) -> encoder.Encoder:
        return load(model, **options) if options or model != encoder.DEFAULT_MODEL else default(model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "load_encoder", load_once)
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for a file of tests; without one at hand they are skipped."""
    from served import chromium

    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def seeds_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The seeds, indexed; shared, so only to be read."""
    with Library.open(tmp_path_factory.mktemp("seeds") / "library") as library:
        library.index(SEEDS)
        yield library


@pytest.fixture(scope="session")
def town_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Three short documents in two languages; shared, so only to be read."""
    with Library.open(tmp_path_factory.mktemp("town") / "library") as library:
        library.add(TOWN)
        yield library


@pytest.fixture
def make_library(tmp_path: Path) -> Iterator[MakeLibrary]:
    """A factory of libraries below the test's folder, closed when the test ends."""
    opened: list[Library] = []

    def make(*documents: Document, name: str = "library", **settings: Any) -> Library:
        library = Library.open(tmp_path / name, settings=Settings(**settings))
        opened.append(library)
        if documents:
            library.add(documents)
        return library

    yield make
    for library in opened:
        library.close()
