"""S3's XML read as it arrives: pages of ListObjectsV2, and small answers as plain text fields.

expat with three handlers: botocore spends fifty milliseconds on a page of 1,000 keys, this a tenth. Memory is that
of one page, however long the bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote_plus
from xml.parsers import expat

from core.model.objects import ObjectInfo, Page

_PAGE_ROOT = "ListBucketResult"
_PAGE_FIELDS = frozenset({"EncodingType", "IsTruncated", "NextContinuationToken"})


class NotXml(ValueError):
    """The bytes are no XML, or XML with a document type, which S3 never sends, or not the answer that was asked for."""


class PageParser:
    """Feed it an answer's bytes in any pieces, then ask for the `page`."""

    def __init__(self) -> None:
        self._objects: list[dict[str, str]] = []
        self._prefixes: list[str] = []
        self._top: dict[str, str] = {}
        self._parser = self._reader()

    def feed(self, data: bytes) -> None:
        """Raises NotXml."""
        _parse(self._parser, data, final=False)

    def page(self) -> Page:
        """The page, once everything was fed. Raises NotXml for what ended early or is no listing."""
        _parse(self._parser, b"", final=True)
        if _PAGE_ROOT not in self._top:
            raise NotXml(f"no <{_PAGE_ROOT}>")
        decode = unquote_plus if self._top.get("EncodingType") == "url" else str
        truncated = self._top.get("IsTruncated") == "true"
        return Page(
            objects=tuple([_object(fields, decode) for fields in self._objects]),
            prefixes=tuple([decode(prefix) for prefix in self._prefixes]),
            token=self._top.get("NextContinuationToken", "") if truncated else "",
        )

    def _reader(self) -> expat.XMLParserType:
        """Handlers over local variables rather than attributes: they run twenty thousand times a page."""
        text = ""
        fields: dict[str, str] = {}  # of the object being read; whatever else passes is overwritten or unused
        objects, prefixes, top = self._objects, self._prefixes, self._top

        def start(_name: str, _attributes: dict[str, str]) -> None:
            nonlocal text
            text = ""

        def characters(data: str) -> None:  # may come in two halves where one piece of the answer ends
            nonlocal text
            text += data

        def end(name: str) -> None:
            nonlocal text, fields
            if name == "Contents":
                objects.append(fields)
                fields = {}
            elif name == "CommonPrefixes":
                prefixes.append(fields["Prefix"])
            elif name in _PAGE_FIELDS or name == _PAGE_ROOT:
                top[name] = text
            else:
                fields[name] = text
            text = ""

        parser = _parser()
        parser.StartElementHandler = start
        parser.CharacterDataHandler = characters
        parser.EndElementHandler = end
        return parser


def read_fields(data: bytes, group: str = "") -> tuple[str, dict[str, str], list[dict[str, str]]]:
    """A small answer: its root element's name, its fields, and those of each element named `group`. Raises NotXml."""
    groups: list[dict[str, str]] = []
    top: dict[str, str] = {}
    fields = top
    text = root = ""

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal text, root, fields
        root = root or name
        text = ""
        if name == group:
            fields = {}

    def characters(data: str) -> None:
        nonlocal text
        text += data

    def end(name: str) -> None:
        nonlocal text, fields
        if name == group:
            groups.append(fields)
            fields = top
        else:
            fields[name] = text
        text = ""

    parser = _parser()
    parser.StartElementHandler = start
    parser.CharacterDataHandler = characters
    parser.EndElementHandler = end
    _parse(parser, data, final=True)
    return root, top, groups


def parse_time(text: str) -> float:
    """Seconds since the epoch of `2026-01-02T03:04:05.000Z`; 0 for anything else."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _object(fields: dict[str, str], decode: Callable[[str], str]) -> ObjectInfo:
    get = fields.get
    return ObjectInfo(
        decode(fields["Key"]),
        int(fields["Size"]),
        get("ETag", "").strip('"'),
        parse_time(get("LastModified", "")),
        get("StorageClass", ""),
    )


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def _refuse(*_: object) -> None:
    raise NotXml("a document type")


def _parse(parser: expat.XMLParserType, data: bytes, *, final: bool) -> None:
    try:
        parser.Parse(data, final)
    except expat.ExpatError as problem:
        raise NotXml(str(problem)) from None
