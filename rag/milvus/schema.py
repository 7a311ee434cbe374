"""The collections of a library in Milvus: their fields and indexes, and how they are made.

NAME_settings        what the library was built with, its newest revision, its calibration
NAME_documents       documents without their texts, with the revisions that added and removed them
NAME_texts           canonical texts in parts
NAME_passages        what is searched: vectors, weights of terms, the terms themselves
NAME_contents        what is read of passages that were found: text, sentences, token vectors
NAME_terms           of every term and word, how many passages hold it, by revision
NAME_abbreviations   short and long forms, by document
NAME_v<revision>     what a published revision holds; NAME is an alias of the newest
NAME_writer_<hex>    who writes, for as long as that lasts; NAME_writer is an alias of it
"""

from __future__ import annotations

import time
from typing import Any

from rag.errors import LibraryError, LibraryMismatch, LibraryNotFound
from rag.milvus.client import ADMIN_S, Milvus

# Of what was not removed. As large as a number can be, so that it is above every revision.
STAYS = 2**63 - 1
INT, TEXT, TEXTS, INTS, DENSE, SPARSE = "INT64", "VARCHAR", "TEXTS", "INTS", "FLOAT_VECTOR", "SPARSE_FLOAT_VECTOR"
KEY, KEPT = {"key": INT}, {"nothing": DENSE}
COLLECTIONS: dict[str, dict[str, str]] = {
    "settings": {"key": INT, "name": TEXT, "body": TEXTS, **KEPT},
    "documents": {
        **KEY,
        **dict.fromkeys(("id_hash", "digest_hash", "added", "removed", "sealed", "day", "passages"), INT),
        "facets": INTS,
        "body": TEXTS,
        **KEPT,
    },
    "texts": {**KEY, "text": TEXT, **KEPT},
    "passages": {
        **KEY,
        **dict.fromkeys(("document", "added", "removed"), INT),
        "terms": TEXTS,
        "vector": DENSE,
        "weights": SPARSE,
    },
    "contents": {**KEY, "body": TEXTS, "words": TEXTS, "tokens": TEXTS, **KEPT},
    "terms": {**KEY, "word": TEXT, "chars": INT, "counts": INTS, **KEPT},
    "abbreviations": {**KEY, "document": INT, "short_hash": INT, "long_hash": INT, "body": TEXTS, **KEPT},
}
# What a published revision is.
MANIFEST = {**KEY, "body": TEXTS, **KEPT}
# Looked up by value: a scan of all rows otherwise.
LOOKED_UP = {
    "documents": ("id_hash", "digest_hash", "added", "removed", "facets"),
    "passages": ("document",),
    "terms": ("word",),
    "abbreviations": ("short_hash", "long_hash", "document"),
}
MOST_PARTS = 4_096
TRIES, AGAIN_S = 5, 0.2


def check_ours(milvus: Milvus) -> bool:
    """Tell whether the library is there.

    Args:
        milvus: The connection.

    Returns:
        Whether it is.

    Raises:
        LibraryMismatch: What is there under its names is another program's.
    """
    name, settings = milvus.address.name, milvus.named("settings")
    for other, known in ((settings, COLLECTIONS["settings"]), (name, MANIFEST)):
        if milvus.has(other) and milvus.field_names(other) != known.keys():
            raise LibraryMismatch(
                f"{milvus.address}: the collection {other} there is another program's; name the library otherwise"
            )
    if milvus.has(name) and milvus.aliased(name) is None:
        raise LibraryMismatch(
            f"{milvus.address}: {name} there is a collection and no library's alias; name the library otherwise"
        )
    return milvus.has(settings)


def make_library(milvus: Milvus) -> None:
    """Make the collections of a new library, but that of its passages, whose vectors are not known yet."""
    # The settings last: with them the library is there.
    for kind in reversed([kind for kind in COLLECTIONS if kind != "passages"]):
        if not milvus.has(milvus.named(kind)):
            make_collection(milvus, milvus.named(kind), COLLECTIONS[kind], looked_up=LOOKED_UP.get(kind, ()))


def make_passages(milvus: Milvus, *, dim: int) -> None:
    """Make the collection of passages, unless it is there."""
    name = milvus.named("passages")
    if not milvus.has(name):
        make_collection(milvus, name, COLLECTIONS["passages"], looked_up=LOOKED_UP["passages"], dim=dim)


def load(milvus: Milvus) -> None:
    """Let all collections be asked, as after a restart of the server.

    Args:
        milvus: The connection.

    Raises:
        LibraryNotFound: One is missing.
    """
    for kind in COLLECTIONS:
        try:
            milvus.call("load_collection", milvus.named(kind), timeout=ADMIN_S)
        except LibraryNotFound:
            # Made with the first passage.
            if kind != "passages":
                raise


def make_collection(
    milvus: Milvus, name: str, fields: dict[str, str], *, looked_up: tuple[str, ...] = (), dim: int = 2
) -> None:
    """Make a collection, and let it be asked.

    Args:
        milvus: The connection.
        name: Its name.
        fields: Kinds of fields by name; the first is its key.
        looked_up: Names of those that are looked up by value.
        dim: Number of components of its vectors.
    """
    schema = milvus.new_schema()
    for number, (field, kind) in enumerate(fields.items()):
        schema.add_field(field, **_described(kind, dim), **({"is_primary": True} if number == 0 else {}))
    for tries_left in reversed(range(TRIES)):
        try:
            if not milvus.has(name):
                milvus.call("create_collection", name, schema=schema, consistency_level="Strong", timeout=ADMIN_S)
            # Not with the collection, which waits half a second for every index of nothing.
            _make_indexes(milvus, name, fields, looked_up)
            milvus.call("load_collection", name, timeout=ADMIN_S)
            return
        except LibraryError:
            # Others may make it this moment, as when several processes open a new library at once.
            if not tries_left:
                raise
            time.sleep(AGAIN_S)


def _make_indexes(milvus: Milvus, name: str, fields: dict[str, str], looked_up: tuple[str, ...]) -> None:
    for field, kind in fields.items():
        indexes = milvus.new_indexes()
        if kind in (DENSE, SPARSE):
            indexes.add_index(field, **_index(field, kind, lite=milvus.is_lite))
        elif field in looked_up and not (milvus.is_lite and kind == INTS):
            indexes.add_index(field, index_type="INVERTED")
        else:
            continue
        try:
            milvus.call("create_index", name, indexes, sync=False, timeout=ADMIN_S)
        except LibraryError as error:
            # Milvus Lite refuses what is there already; a server takes it for the same again.
            if "already exists" not in str(error):
                raise


def _described(kind: str, dim: int) -> dict[str, Any]:
    from pymilvus import DataType

    if kind == INTS:
        return {"datatype": DataType.ARRAY, "element_type": DataType.INT64, "max_capacity": MOST_PARTS}
    text = {"max_length": 65_535}
    if kind == TEXTS:
        return {"datatype": DataType.ARRAY, "element_type": DataType.VARCHAR, "max_capacity": MOST_PARTS, **text}
    own = {TEXT: text, DENSE: {"dim": dim}}.get(kind, {})
    return {"datatype": DataType[kind], **own}


def _index(field: str, kind: str, *, lite: bool) -> dict[str, Any]:
    if kind == SPARSE:
        return {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "IP"}
    if field == "nothing" or lite:
        # Exact. A server scans small segments too, whatever their index.
        return {"index_type": "FLAT", "metric_type": "IP"}
    return {"index_type": "HNSW", "metric_type": "IP", "params": {"M": 16, "efConstruction": 200}}
