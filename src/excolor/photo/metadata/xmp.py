"""Properties of an XMP packet set or removed, with all else in it staying as it is, byte for byte."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from xml.parsers import expat
from xml.sax.saxutils import escape

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDF_ROOT, _RDF_DESCRIPTION = (_RDF, "RDF"), (_RDF, "Description")

_ATTRIBUTE = rb"""\s+([^\s=/>"']+)\s*=\s*("[^"]*"|'[^']*')"""
_START_TAG = re.compile(rb"<[^\s/>]+((?:" + _ATTRIBUTE + rb")*)\s*(/?)>")

Name: TypeAlias = tuple[str, str]
"""Namespace and local name of a property."""

Rule: TypeAlias = Callable[[Name], str | None]
"""The value that a property is to have; None removes it. Raises KeyError for those that stay as they are."""


@dataclass(frozen=True)
class _Edit:
    """Bytes from `start` to `stop` of a packet, replaced."""

    start: int
    stop: int
    replacement: bytes = b""


def with_properties(packet: bytes, rule: Rule, unused: frozenset[str] = frozenset()) -> bytes:
    """Apply a rule to the properties that a packet has; it adds none.

    Args:
        packet: in UTF-8. One that is damaged, or has a DTD, is left as it is.
        rule: is asked for each property of the picture, not for the fields of structures.
        unused: namespaces whose declarations go, too, if nothing is left that needs them.
    """
    if not packet:
        return packet
    try:
        edits, declarations = _Walk(packet, rule, unused).edits
    except (expat.ExpatError, ValueError, LookupError):  # the latter two for a DTD and unknown encodings
        return packet
    without = _applied(packet, edits + declarations) if edits else packet
    return without if _is_whole(without) else _applied(packet, edits)


def _applied(packet: bytes, edits: list[_Edit]) -> bytes:
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):  # so that positions stay right
        packet = packet[: edit.start] + edit.replacement + packet[edit.stop :]
    return packet


def _is_whole(packet: bytes) -> bool:
    try:
        expat.ParserCreate(namespace_separator=" ").Parse(packet, True)
    except expat.ExpatError:
        return False
    return True


class _Walk:
    """Through a packet, noting what a rule changes. Raises ExpatError and ValueError."""

    def __init__(self, packet: bytes, rule: Rule, unused: frozenset[str]) -> None:
        self._packet, self._rule, self._unused = packet, rule, unused
        self._prefixes: dict[str, list[str]] = {}
        self._open: list[tuple[Name, int]] = []
        self._edits: list[_Edit] = []
        self._declarations: list[_Edit] = []
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartNamespaceDeclHandler = self._declare
        parser.EndNamespaceDeclHandler = lambda prefix: self._prefixes[prefix or ""].pop()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse
        parser.Parse(packet, True)

    @property
    def edits(self) -> tuple[list[_Edit], list[_Edit]]:
        """Of properties; and of declarations of namespaces."""
        removed = [edit for edit in self._edits if not edit.replacement]
        within = [
            edit
            for edit in self._declarations
            if not any(part.start <= edit.start and edit.stop <= part.stop for part in removed)
        ]
        return self._edits, within

    def _refuse(self, *_: object) -> None:
        raise ValueError("a packet with a DTD")

    def _declare(self, prefix: str | None, namespace: str) -> None:
        self._prefixes.setdefault(prefix or "", []).append(namespace)

    def _start(self, expanded: str, _attributes: dict[str, str]) -> None:
        start = self._parser.CurrentByteIndex
        namespace, _, local = expanded.rpartition(" ")
        name = namespace, local
        tag = self._tag(start)
        is_description = name == _RDF_DESCRIPTION and bool(self._open) and self._open[-1][0] == _RDF_ROOT
        for match in re.finditer(_ATTRIBUTE, tag[1]):
            at = tag.start(1) + match.start()
            prefix, _, own = match[1].decode().rpartition(":")
            if prefix == "xmlns" and match[2][1:-1].decode() in self._unused:
                self._declarations.append(_Edit(at, at + len(match[0])))
            elif is_description and prefix and self._prefixes.get(prefix):
                self._apply((self._prefixes[prefix][-1], own), at, match)
        self._open.append((name, start))

    def _apply(self, name: Name, at: int, attribute: re.Match[bytes]) -> None:
        try:
            value = self._rule(name)
        except KeyError:
            return
        if value is None:
            self._edits.append(_Edit(at, at + len(attribute[0])))
        else:
            first = at + attribute.start(2) - attribute.start()
            self._edits.append(_Edit(first, first + len(attribute[2]), _quoted(value)))

    def _end(self, _expanded: str) -> None:
        name, start = self._open.pop()
        if len(self._open) < 2 or self._open[-1][0] != _RDF_DESCRIPTION or self._open[-2][0] != _RDF_ROOT:
            return
        try:
            value = self._rule(name)
        except KeyError:
            return
        tag = self._tag(start)
        closing = self._parser.CurrentByteIndex
        stop = tag.end() if tag[4] else self._packet.index(b">", closing) + 1
        if value is None:
            before = self._packet[:start].rstrip(b" \t\r\n")
            self._edits.append(_Edit(len(before), stop))
        elif not tag[4]:
            self._edits.append(_Edit(tag.end(), closing, escape(value).encode()))

    def _tag(self, start: int) -> re.Match[bytes]:
        found = _START_TAG.match(self._packet, start)
        if found is None:
            raise ValueError("a tag that begins in no known way")
        return found


def _quoted(value: str) -> bytes:
    return b'"' + escape(value, {'"': "&quot;"}).encode() + b'"'
