"""The collections of one library in Milvus, asked and written in batches; a failure is one line that names the address.

The only module that calls pymilvus. All that it calls servers from Milvus 2.5 on have, as Milvus Lite does: filters are
written out, as Lite has no templates, and rows are put whole, as servers before 2.6 have no partial updates.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from rag.address import MilvusAddress
from rag.errors import LibraryError, LibraryNotFound

# Seconds until a call is given up; making and loading collections may take longer.
CALL_S, ADMIN_S, CONNECT_S = 30.0, 120.0, 10.0
# Rows of one call: a server takes 64 MB at a time and answers with at most 16,384 rows.
PUT_ROWS, GET_ROWS, ITERATED_ROWS = 256, 512, 4_096
# Milvus takes 65,535 bytes a string; a character has at most four.
MOST_CHARS = 16_000
# Every collection has to have a vector; most of ours are only looked up.
NOTHING = [0.0, 0.0]
NOT_FOUND = 100
# Of a server, and of Milvus Lite: "can't find collection[…]", "alias not found[…]", "collection 'x' does not exist".
MISSING = re.compile(r"can't find collection|\b(?:collection|alias|database)\b.{0,150}\bnot (?:found|exist)")
# As gRPC and pymilvus say it.
AWAY = re.compile(r"\bunavailable\b|\bdeadline.?exceeded\b|\btimeout\b|\bfail connecting\b|\bdns resolution\b")
Row = dict[str, Any]
LOG = logging.getLogger(__name__)
_opened: Counter[str] = Counter()
_opening = threading.Lock()


def chunked(text: str) -> list[str]:
    """Return a text in parts that Milvus takes for strings, at least one."""
    return [text[i : i + MOST_CHARS] for i in range(0, len(text), MOST_CHARS)] or [""]


def batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def among(field: str, numbers: Iterable[int]) -> str:
    """Return the condition that a field is one of some numbers."""
    return f"{field} in [{','.join(map(str, numbers))}]"


class Milvus:
    """One connection; safe to share between threads."""

    def __init__(self, address: MilvusAddress, token: str | None) -> None:
        """Connect.

        Args:
            address: Where the library is.
            token: ``user:password`` or an API key; ``None`` where the server asks for none.

        Raises:
            LibraryError: pymilvus is not installed, nobody answers, or the file is in use.
        """
        self.address = address
        # Called before rows are written or deleted, so that one who may no more refuses by raising.
        self.before_writing: Callable[[], None] = lambda: None
        self._client = _connected(address, token)
        self._closed = False
        try:
            self.is_lite = "lite" in str(self.call("get_server_version"))
        except LibraryError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it; who closes a file of Milvus Lite last lets other processes open it."""
        if self._closed:
            return
        self._closed = True
        self._client.close()
        if not self.address.is_file:
            return
        with _opening:
            _opened[self.address.uri] -= 1
            if not _opened[self.address.uri]:
                from milvus_lite.server_manager import server_manager_instance

                server_manager_instance.release_server(self.address.uri)

    def named(self, kind: str) -> str:
        """Return the name of one of the library's collections."""
        return f"{self.address.name}_{kind}"

    def call(self, method: str, /, *arguments: Any, timeout: float = CALL_S, **options: Any) -> Any:
        """Call a method of pymilvus's client.

        Args:
            method: Its name.
            *arguments: Its arguments.
            timeout: Seconds until it is given up.
            **options: Further arguments by name.

        Returns:
            What it returns.

        Raises:
            LibraryError: It failed.
        """
        import grpc
        from pymilvus.exceptions import MilvusException

        made = partial(getattr(self._client, method), *arguments, timeout=timeout, **options)
        try:
            return self._loaded(made, arguments[0]) if arguments else made()
        except (MilvusException, grpc.RpcError) as error:
            raise explained(error, self.address) from error

    # -- rows ---------------------------------------------------------------------------------------------------------

    def put(self, kind: str, rows: Iterable[Row]) -> None:
        """Write rows, in place of those of the same keys."""
        for batch in batches(rows, PUT_ROWS):
            self.before_writing()
            self.call("upsert", self.named(kind), batch)

    def delete(self, kind: str, condition: str) -> None:
        """Delete the rows that meet a condition."""
        self.before_writing()
        self.call("delete", self.named(kind), filter=condition)

    def get(self, kind: str, keys: Sequence[int], fields: Sequence[str], *, key: str = "key") -> list[Row]:
        """Return rows by their keys; those that are not there are left out."""
        found: list[Row] = []
        for batch in batches(dict.fromkeys(keys), GET_ROWS):
            found += self.call("query", self.named(kind), among(key, batch), output_fields=[key, *fields])
        return found

    def first(self, kind: str, condition: str, fields: Sequence[str], *, most: int) -> list[Row]:
        """Return some of the rows that meet a condition, at most so many."""
        found: list[Row] = self.call("query", self.named(kind), condition, output_fields=list(fields), limit=most)
        return found

    def rows(self, kind: str, condition: str, fields: Sequence[str]) -> Iterator[Row]:
        """Yield all rows that meet a condition, in order of their keys."""
        import grpc
        from pymilvus.exceptions import MilvusException

        made = partial(
            self._client.query_iterator,
            self.named(kind),
            batch_size=ITERATED_ROWS,
            filter=condition,
            output_fields=list(fields),
            timeout=CALL_S,
        )
        try:
            found = self._loaded(made, self.named(kind))
            try:
                while batch := found.next():
                    yield from batch
            finally:
                found.close()
        except (MilvusException, grpc.RpcError) as error:
            raise explained(error, self.address) from error

    def _loaded(self, made: Callable[[], Any], collection: str) -> Any:
        """Return what a call gives, once its collection is loaded again, as after a server was started anew."""
        from pymilvus.exceptions import MilvusException

        try:
            return made()
        except MilvusException as error:
            if not _is_released(error):
                raise
            self._client.load_collection(collection, timeout=ADMIN_S)
            return made()

    def search(
        self, kind: str, vectors: Mapping[str, Any], k: int, *, condition: str, fields: Sequence[str] = ()
    ) -> list[tuple[int, float, Row]]:
        """Return the nearest rows by inner product.

        Args:
            kind: Which collection.
            vectors: The query's vector by name of the field; one.
            k: At most so many rows, up to 16,384.
            condition: What they have to meet.
            fields: What is wanted of them besides.

        Returns:
            Key, inner product and wanted fields, best first.
        """
        ((field, vector),) = vectors.items()
        found = self.call(
            "search",
            self.named(kind),
            data=[vector],
            anns_field=field,
            limit=min(k, 16_384),
            filter=condition,
            output_fields=list(fields) or ["key"],
            # Of an HNSW index, how many nodes are kept in sight; others have no such thing.
            search_params={"params": {"ef": max(64, 2 * k)}} if field == "vector" and not self.is_lite else None,
        )
        return [(hit["key"], float(hit["distance"]), hit["entity"]) for hit in found[0]]

    def new_schema(self) -> Any:
        """Return an empty schema, as pymilvus has it."""
        return self._client.create_schema(auto_id=False, enable_dynamic_field=False)

    def new_indexes(self) -> Any:
        """Return an empty list of indexes, as pymilvus has it."""
        return self._client.prepare_index_params()

    # -- collections --------------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Tell whether there is a collection, or an alias, of a name."""
        return bool(self.call("has_collection", name))

    def field_names(self, name: str) -> set[str]:
        """Return the names of a collection's fields."""
        return {field["name"] for field in self.call("describe_collection", name)["fields"]}

    def aliased(self, alias: str) -> str | None:
        """Return the name of the collection that an alias stands for, ``None`` where there is no such alias."""
        try:
            return str(self.call("describe_alias", alias)["collection_name"])
        except LibraryNotFound:
            return None

    def settle(self, kinds: Iterable[str]) -> None:
        """Let Milvus Lite index what was written last; a server does so by itself, and refuses to be told often."""
        if self.is_lite:
            for kind in kinds:
                self.call("flush", self.named(kind), timeout=ADMIN_S)


def _connected(address: MilvusAddress, token: str | None) -> Any:
    # Read by gRPC when it is imported. Its handlers around a fork wait for its threads, in some runs for ever: a Ray
    # cluster that was started after a file of Milvus Lite was closed did not come up in two of three.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    try:
        from pymilvus import MilvusClient
        from pymilvus.exceptions import MilvusException
    except ImportError as error:
        raise LibraryError(f'{address} needs another package; run: pip install "leadgoose[milvus]"') from error
    # It writes every failure to stderr, with its traceback, before we say it in one line.
    for name in ("pymilvus", "pymilvus.milvus_client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if address.is_file:
        return _opened_file(address, MilvusClient)
    try:
        return MilvusClient(address.uri, token=token or "", timeout=CONNECT_S)
    except MilvusException as error:
        raise explained(error, address) from error


def _opened_file(address: MilvusAddress, client_class: Any) -> Any:
    from pymilvus.exceptions import MilvusException

    heard = _Heard()
    logger = logging.getLogger("milvus_lite")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(heard)
    try:
        with _opening:
            client = client_class(address.uri)
            _opened[address.uri] += 1
            return client
    except MilvusException as error:
        if "lock" in heard.said.lower():
            raise LibraryError(
                f"{address} is open in another process, and Milvus Lite lets one at a time; to share it: milvus-lite "
                f"server --data-dir {address.uri} --port 19530, then use milvus+http://127.0.0.1:19530/{address.name}"
            ) from error
        said = heard.said or " ".join(str(error).split())
        raise LibraryError(f"{address} cannot be opened ({said[:200]}); is milvus-lite installed?") from error
    finally:
        logger.removeHandler(heard)
        logger.propagate = propagate


class _Heard(logging.Handler):
    """Listens to why Milvus Lite does not start, which it tells to its log alone."""

    said = ""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error:
            self.said = f"{type(error).__name__}: {error}"


def explained(error: Exception, address: MilvusAddress) -> LibraryError:
    """Return what a failure of Milvus is to people, in one line."""
    said = " ".join(str(getattr(error, "message", "") or error).split())[:300]
    lower = f"{said} {_beneath(error)}".lower()
    if "should create connection" in lower:
        return LibraryError(f"the library {address} was closed; open it again")
    if "unauthenticated" in lower or "auth check" in lower or "permission" in lower or "privilege" in lower:
        return LibraryError(
            f"{address} refuses the token ({said}); set RAG_MILVUS_TOKEN to user:password or an API key"
        )
    # Before what is missing: a server of a name that nobody has is "not found" as well.
    if AWAY.search(lower):
        return LibraryError(f"{address} does not answer ({said}); start the server or mend the address, then try again")
    if getattr(error, "code", None) == NOT_FOUND or MISSING.search(lower):
        return LibraryNotFound(
            f"there is no library at {address} ({said}); make one: rag --library '{address}' index PATH"
        )
    return LibraryError(f"{address} failed ({said}); see the log of Milvus, then try again")


def _is_released(error: Exception) -> bool:
    """Tell whether a call failed because its collection is not in the server's memory."""
    return any(words in str(error) for words in ("'released'", "not loaded"))


def _beneath(error: Exception) -> str:
    """Return what a failure was made of: that a token is refused stands there alone, where a client cannot connect."""
    beneath = error.__cause__ or error.__context__
    told = str(getattr(beneath, "code", lambda: "")()) if callable(getattr(beneath, "code", None)) else ""
    return f"{told} {beneath}" if beneath else ""


def now_ms() -> int:
    """Return the time of day in milliseconds, as machines that share a library compare it."""
    return time.time_ns() // 1_000_000
