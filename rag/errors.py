"""What can go wrong in the world, as a small tree of exceptions; knows nothing of how they are shown.

    RagError
    ├── SourceError            a file or folder to be indexed
    │   ├── SourceNotFound     the path does not exist
    │   └── UnreadableSource   the file holds no text that can be read
    ├── LibraryError           an indexed collection, in a folder or in Milvus
    │   ├── LibraryNotFound    there is no library at that address
    │   ├── LibraryEmpty       it holds no documents yet
    │   ├── LibraryBusy        another process is writing to it
    │   ├── LibraryMismatch    it was built with other settings than those asked for
    │   ├── LibraryChanged     what a question was reading has left it meanwhile
    │   └── LibraryDamaged     a file or row of it is missing or is not what was written
    ├── CollectionError        a library among several that cannot be made, named or removed
    │   └── CollectionNotFound there is none of that name
    ├── ClusterError           a Ray cluster cannot be reached or cannot do what it is asked
    ├── AccessError            who asks may not do that
    ├── ModelError             a model cannot be found, read or trusted
    ├── QuestionError          the question is empty or too long
    ├── SpanError              a document has no such span
    ├── FilterError            a filter names what no document has, or its value is none; a ValueError too
    ├── GoldError              a gold set that cannot be used
    └── ConfigurationError     an unknown setting or a value out of its range

A programmer's mistake is a ``ValueError``; "not in these documents" is an ``Answer``, never an error.
"""


class RagError(Exception):
    """The world is not as it has to be; the message says what is wrong and what to do next."""


class SourceError(RagError):
    """Something about a file or folder to be indexed."""


class SourceNotFound(SourceError):
    """The path does not exist."""


class UnreadableSource(SourceError):
    """The file holds no text that can be read."""


class LibraryError(RagError):
    """Something about an indexed collection, in a folder or in Milvus."""


class LibraryNotFound(LibraryError):
    """There is no library at that address."""


class LibraryEmpty(LibraryError):
    """The library holds no documents yet."""


class LibraryBusy(LibraryError):
    """Another process is writing to the library."""


class LibraryMismatch(LibraryError):
    """The library was built with other settings than those asked for."""


class LibraryChanged(LibraryError):
    """What a question was reading has left the library meanwhile; asking again reads what is there now."""

    def __init__(self) -> None:
        """Say so and what to do."""
        super().__init__("the library changed while it was asked; ask again")


class LibraryDamaged(LibraryError):
    """A file of the library is missing or does not match its digest."""


class CollectionError(RagError):
    """A library among several that one service holds cannot be made, named or removed."""


class CollectionNotFound(CollectionError):
    """The service holds no library of that name."""


class ClusterError(RagError):
    """A Ray cluster cannot be reached, or a machine of it cannot do what it is asked."""


class AccessError(RagError):
    """Who asks may not do that, or nobody is known to ask."""


class ModelError(RagError):
    """A model cannot be found, read or trusted."""


class QuestionError(RagError):
    """The question is empty or too long."""


class SpanError(RagError):
    """A document has no such span."""


class FilterError(RagError, ValueError):
    """A filter names what no document has, or its value is of the wrong kind; whether typed or programmed."""


class GoldError(RagError):
    """A gold set that cannot be used."""


class ConfigurationError(RagError):
    """An unknown setting or a value out of its range."""
