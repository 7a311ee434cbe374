"""An e-mail as it is sent (RFC 5322) to its text; attachments are named and not read."""

from __future__ import annotations

from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

from rag.errors import UnreadableSource
from rag.formats.decode import decode
from rag.formats.extracted import Extracted, UnreadableError, unpaged
from rag.formats.html_text import html_to_text

SHOWN = ("From", "To", "Cc", "Date")


def mail_to_text(data: bytes) -> Extracted:
    """Return an e-mail's subject, who wrote it to whom and when, and what it says.

    Args:
        data: The message; its plain text is preferred to its HTML.

    Returns:
        Its text; title and date are those of its headers.

    Raises:
        UnreadableError: It is no e-mail.
    """
    message = BytesParser(policy=policy.default).parsebytes(data)
    if not any(_header(message, name) for name in ("From", "To", "Subject", "Date", "Message-ID")):
        raise UnreadableError("is no e-mail: it has no headers such as From and Subject")
    subject = _header(message, "Subject")
    # One line each, none of which reads like a heading.
    envelope = "\n".join(f"{name}: {value}." for name in SHOWN if (value := _header(message, name)))
    attached = [name for part in message.walk() if (name := _attachment(part))]
    attachments = f"Attachments: {', '.join(attached)}." if attached else ""
    title = f"# {subject}" if subject else ""
    return unpaged([title, envelope, _body(message), attachments], title=subject, date=_day(message))


def _header(message: EmailMessage, name: str) -> str:
    # What a header holds may be damaged in ways that the standard library does not expect.
    try:
        return " ".join(str(message.get(name, "")).split())
    except (MessageError, ValueError, IndexError, TypeError, AttributeError, LookupError):
        return ""


def _day(message: EmailMessage) -> str | None:
    try:
        return parsedate_to_datetime(_header(message, "Date")).date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _attachment(part: EmailMessage) -> str:
    try:
        return part.get_filename() or "" if part.get_content_disposition() == "attachment" else ""
    except (MessageError, ValueError, IndexError, TypeError, AttributeError, LookupError):
        return ""


def _body(message: EmailMessage) -> str:
    plain: list[str] = []
    marked_up: list[str] = []
    for part in message.walk():
        if part.is_multipart() or _attachment(part):
            continue
        if part.get_content_type() == "text/plain":
            plain.append(_content(part))
        elif part.get_content_type() == "text/html":
            marked_up.append(html_to_text(_content(part)).text)
    return "\n\n".join(plain if any(text.strip() for text in plain) else marked_up)


def _content(part: EmailMessage) -> str:
    data = part.get_payload(decode=True)
    data = data if isinstance(data, bytes) else b""
    charset = part.get_content_charset("")
    try:
        return data.decode(charset or "ascii")
    except (LookupError, UnicodeDecodeError, ValueError):
        pass
    try:
        return decode(data)
    except UnreadableSource:
        return data.decode("utf-8", "replace")
