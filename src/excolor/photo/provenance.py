"""How a result was made, recorded in its XMP packet, where people and programs look for it.

The packet is changed as text, at the one place that matters: programs that parse and write it anew lose prefixes,
padding and what they do not know.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import escape

from excolor.photo.metadata import Metadata


@dataclass(frozen=True)
class Provenance:
    """How a result was made, to be recorded in its metadata."""

    version: str
    """Of excolor."""
    model: str
    """Its name."""
    checkpoints: Mapping[str, str]
    """Role ("encoder", "decoder", "colorizer") -> sha256 in hex."""
    references: tuple[tuple[str, str], ...]
    """File name without folder and sha256 in hex of each; empty if there was none."""
    settings: Mapping[str, str]
    """What shaped the picture, by name."""


NAMESPACE = "urn:uuid:e7253500-cf07-4fb6-8850-a08b59bb4b71#"
"""Of our properties: a random number, so that it claims no domain. It never changes, so older results stay known."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDF_ROOT, _RDF_DESCRIPTION = f"{_RDF} RDF", f"{_RDF} Description"
_IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_SOURCE_TYPE_NAME = f"{_IPTC_EXT} DigitalSourceType"
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"

_OPENING = f'<rdf:Description xmlns:excolor="{NAMESPACE}"'.encode()
_CLOSING = b"</rdf:Description>\n"
_RDF_CLOSING = re.compile(rb"</(?:[\w.-]{1,64}:)?RDF\s*>")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def with_provenance(metadata: Metadata, provenance: Provenance) -> Metadata:
    """Record in the XMP packet how the picture was made, in place of what an earlier run recorded there.

    All else in the packet stays as it is, byte for byte. The IPTC digital source type "algorithmically enhanced" is
    added unless there is another. In a damaged packet the lines are put before the last </rdf:RDF> all the same, where
    lenient programs find them. One without such a place is left alone: a person may still read in it what would be lost
    for ever. What is not XML at all is replaced by a new packet.
    """
    return replace(metadata, xmp=_recorded(metadata.xmp, provenance))


def read_provenance(metadata: Metadata) -> Provenance | None:
    """What `with_provenance` has recorded; None if there is nothing, or the packet is damaged or has a DTD."""
    if not _Survey(metadata.xmp).is_whole:
        return None
    ours = ET.fromstring(metadata.xmp).find(f".//{{{_RDF}}}Description/{{{NAMESPACE}}}Provenance")
    if ours is None:
        return None
    return Provenance(
        _text(ours, "version"),
        _text(ours, "model"),
        dict(_pairs(ours, "checkpoints", "role", "sha256")),
        tuple(_pairs(ours, "references", "name", "sha256")),
        dict(_pairs(ours, "settings", "name", "value")),
    )


def _text(parent: ET.Element, name: str) -> str:
    return parent.findtext(f"{{{NAMESPACE}}}{name}") or ""


def _pairs(parent: ET.Element, name: str, first: str, second: str) -> Iterator[tuple[str, str]]:
    for item in parent.iterfind(f"{{{NAMESPACE}}}{name}/*/{{{_RDF}}}li"):
        yield _text(item, first), _text(item, second)


# Writing


def _recorded(packet: bytes, provenance: Provenance) -> bytes:
    if b"<" not in packet:
        return _new_packet(_description(provenance, "", with_source_type=True))
    survey = _Survey(packet)
    if not survey.is_whole:
        return _recorded_in_damaged(packet, _description(provenance, "", with_source_type=True))
    if survey.place is None:
        return packet
    start, stop, before, after = survey.place
    ours = _description(provenance, survey.about or "", with_source_type=not survey.has_source_type)
    # From the end to the beginning, so that positions stay right
    packet = packet[:start] + before + ours + after + packet[stop:]
    for part in reversed(survey.earlier):
        packet = packet[: part.start] + packet[part.stop :]
    return packet


def _recorded_in_damaged(packet: bytes, ours: bytes) -> bytes:
    start = packet.find(_OPENING)
    stop = packet.find(_CLOSING, start)
    if 0 <= start < stop:
        packet = packet[:start] + packet[stop + len(_CLOSING) :]
    places = [match.start() for match in _RDF_CLOSING.finditer(packet)]
    return packet[: places[-1]] + ours + packet[places[-1] :] if places else packet


def _new_packet(ours: bytes) -> bytes:
    # The number is the same in all packets (XMP specification, part 1, section 7.3.2)
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        b'<rdf:RDF xmlns:rdf="' + _RDF.encode() + b'">\n' + ours + b"</rdf:RDF>\n</x:xmpmeta>\n"
        b'<?xpacket end="w"?>'
    )


def _description(provenance: Provenance, about: str, *, with_source_type: bool) -> bytes:
    """Our part of a packet, in ASCII, so that it is right in any encoding that the packet may claim."""
    source_type = f"<Iptc4xmpExt:DigitalSourceType>{_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>\n"
    lines = [
        f' xmlns:rdf="{_RDF}" xmlns:Iptc4xmpExt="{_IPTC_EXT}" rdf:about="{_escaped(about)}">\n',
        source_type if with_source_type else "",
        '<excolor:Provenance rdf:parseType="Resource">\n',
        _element("tool", "excolor"),
        _element("version", provenance.version),
        _element("model", provenance.model),
        _list("checkpoints", "Bag", "role", "sha256", provenance.checkpoints.items()),
        _list("references", "Seq", "name", "sha256", provenance.references),
        _list("settings", "Bag", "name", "value", provenance.settings.items()),
        "</excolor:Provenance>\n",
    ]
    return _OPENING + "".join(lines).encode("ascii", "xmlcharrefreplace") + _CLOSING


def _list(name: str, kind: str, first: str, second: str, pairs: Iterable[tuple[str, str]]) -> str:
    items = (
        f'<rdf:li rdf:parseType="Resource">\n{_element(first, a)}{_element(second, b)}</rdf:li>\n' for a, b in pairs
    )
    return f"<excolor:{name}><rdf:{kind}>\n{''.join(items)}</rdf:{kind}></excolor:{name}>\n"


def _element(name: str, value: str) -> str:
    return f"<excolor:{name}>{_escaped(value)}</excolor:{name}>\n"


def _escaped(value: str) -> str:
    """As XML text or attribute. What XML cannot hold becomes U+FFFD: control characters, undecodable bytes of names."""
    return escape(_FORBIDDEN.sub("\ufffd", value), {'"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


# Looking


@dataclass
class _Element:
    """An element that the survey is in."""

    name: str  # namespace, space, local name
    start: int
    is_empty: bool = True
    ours: list[slice] = field(default_factory=list)  # properties of this description that are ours
    has_source_type: bool = False
    has_others: bool = False  # other properties than these


class _Survey:
    """Where in a packet things are, in bytes."""

    def __init__(self, packet: bytes) -> None:
        self.is_whole = False
        """Whether it is well-formed XML without a DTD, which XMP has no use for and attacks are made of."""
        self.place: tuple[int, int, bytes, bytes] | None = None
        """Where a description can be put: start and stop of what it replaces, and what comes before and after it."""
        self.about: str | None = None
        """What the packet calls the picture; all descriptions in it have to say the same."""
        self.has_source_type = False
        """Whether there is a digital source type that stays."""
        self.earlier: list[slice] = []
        """What an earlier run has put there, in order."""
        self._packet = packet
        self._open: list[_Element] = []
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse
        parser.DefaultHandlerExpand = self._content
        with suppress(expat.ExpatError, ValueError, LookupError):  # the latter two for unknown encodings
            parser.Parse(packet, True)
            self.is_whole = True

    def _refuse(self, *_: object) -> None:
        raise ValueError("a packet with a DTD")

    def _content(self, _: str) -> None:
        if self._open:
            self._open[-1].is_empty = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._content("")
        element = _Element(name, self._parser.CurrentByteIndex)
        if self._is_in(_RDF_ROOT) and name == _RDF_DESCRIPTION:
            about = {f"{_RDF} about", "about"}
            element.has_source_type = _SOURCE_TYPE_NAME in attributes
            element.has_others = not attributes.keys() <= about
            if self.about is None:
                self.about = next((attributes[key] for key in about & attributes.keys()), "")
        self._open.append(element)

    def _end(self, _: str) -> None:
        element = self._open.pop()
        position = self._parser.CurrentByteIndex  # of the closing tag, or behind an element that is its own
        is_single = element.is_empty and self._packet.startswith(b"/>", position - 2)
        stop = position if is_single else self._packet.find(b">", position) + 1
        whole = slice(element.start, stop)
        if self._is_in(_RDF_DESCRIPTION):
            parent = self._open[-1]
            if element.name.startswith(f"{NAMESPACE} "):
                parent.ours.append(whole)
            elif element.name == _SOURCE_TYPE_NAME:
                parent.has_source_type = True
            else:
                parent.has_others = True
        elif self._is_in(_RDF_ROOT) and element.name == _RDF_DESCRIPTION:
            self._leave_description(element, whole)
        elif element.name == _RDF_ROOT and self.place is None:
            self._leave_root(element, position, is_single)

    def _is_in(self, name: str) -> bool:
        return bool(self._open) and self._open[-1].name == name

    def _leave_description(self, element: _Element, whole: slice) -> None:
        if self.place is not None:  # a second rdf:RDF, which XMP does not allow
            self.has_source_type |= element.has_source_type
        elif element.ours and not element.has_others:  # all of it is from an earlier run
            line_break = self._packet.startswith(b"\n", whole.stop)
            self.earlier.append(slice(whole.start, whole.stop + line_break))
        else:
            self.earlier += element.ours
            self.has_source_type |= element.has_source_type

    def _leave_root(self, element: _Element, position: int, is_single: bool) -> None:
        if is_single:
            name = re.split(rb"[\s/]", self._packet[element.start + 1 : position], maxsplit=1)[0]
            self.place = (position - 2, position, b">\n", b"</" + name + b">")
        else:
            self.place = (position, position, b"", b"")
