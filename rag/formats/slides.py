"""Which slide of a PPTX is shown at which place, and whose the notes are: its files may be numbered otherwise."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass

_SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml")
_NOTES = re.compile(r"ppt/notesSlides/_rels/notesSlide(\d+)\.xml\.rels")
_SHOWN = re.compile(rb"<p:sldId\b[^>]*\br:id=[\"']([^\"']+)[\"']")
_RELATION = re.compile(rb"<Relationship\b[^>]*>")
_ID = re.compile(rb"\bId=[\"']([^\"']+)[\"']")
_TARGET = re.compile(rb"\bTarget=[\"'][^\"']*?slides/slide(\d+)\.xml[\"']")
MOST_BYTES = 5_000_000


@dataclass(frozen=True)
class Places:
    """Where the slides of a presentation are shown, from 1.

    Attributes:
        of_slide: Place by the rank of the slide's file among those of all slides, from 1.
        of_notes: Place of the slide that notes belong to, by the number of the notes' file.
    """

    of_slide: dict[int, int]
    of_notes: dict[int, int]


def slide_places(data: bytes) -> Places:
    """Return where the slides of a presentation are shown.

    Args:
        data: A PPTX file.

    Returns:
        The places; of a slide that the presentation does not name, none.

    Reference:
        ECMA-376-1, 13.3.6 (presentation part) and ECMA-376-2, 9.3 (relationships).
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        numbers = sorted(int(match[1]) for name in archive.namelist() if (match := _SLIDE.fullmatch(name)))
        targets = {}
        for relation in _RELATION.findall(_part(archive, "ppt/_rels/presentation.xml.rels")):
            identity, slide = _ID.search(relation), _TARGET.search(relation)
            if identity and slide:
                targets[identity[1]] = int(slide[1])
        shown = [targets[key] for key in _SHOWN.findall(_part(archive, "ppt/presentation.xml")) if key in targets]
        places = {number: place for place, number in enumerate(shown, start=1)}
        notes = {}
        for part in archive.namelist():
            match = _NOTES.fullmatch(part)
            of = _TARGET.search(_part(archive, part)) if match else None
            if match and of and int(of[1]) in places:
                notes[int(match[1])] = places[int(of[1])]
    of_slide = {rank: places[number] for rank, number in enumerate(numbers, start=1) if number in places}
    return Places(of_slide, notes)


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as part:
            return part.read(MOST_BYTES)
    except KeyError:
        return b""
