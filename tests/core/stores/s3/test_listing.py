"""The parser gives what was written, however the answer is cut into pieces and whatever keys hold."""

from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.stores.s3.listing import NotXml, PageParser, parse_time, read_fields

XML_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=30)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


def page_xml(keys: list[str], prefixes: list[str], *, url: bool, pretty: bool) -> bytes:
    encode = quote_plus if url else str
    space = "\n  " if pretty else ""
    contents = "".join(
        f"{space}<Contents>{space}<Key>{escape(encode(key))}</Key>{space}"
        f"<LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;e{index}&quot;</ETag>{space}"
        f"<Owner><ID>o</ID><DisplayName>Key</DisplayName></Owner><Size>{index}</Size>"
        f"<StorageClass>STANDARD</StorageClass>{space}</Contents>"
        for index, key in enumerate(keys)
    )
    common = "".join(
        f"<CommonPrefixes>{space}<Prefix>{escape(encode(prefix))}</Prefix></CommonPrefixes>" for prefix in prefixes
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{space}<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>b</Name><Prefix>not this</Prefix><MaxKeys>1000</MaxKeys>{contents}{space}{common}"
        f"{'<EncodingType>url</EncodingType>' if url else ''}<IsTruncated>true</IsTruncated>"
        "<NextContinuationToken>t&amp;oken</NextContinuationToken></ListBucketResult>"
    ).encode()


@given(st.data(), st.booleans(), st.booleans())
def test_what_was_written_is_read(data: st.DataObject, url: bool, pretty: bool) -> None:
    text = ANY_TEXT if url else XML_TEXT
    keys = data.draw(st.lists(text, max_size=5))
    prefixes = data.draw(st.lists(text, max_size=3))
    xml = page_xml(keys, prefixes, url=url, pretty=pretty)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(xml)), max_size=6)))
    parser = PageParser()
    for start, end in zip([0, *cuts], [*cuts, len(xml)], strict=True):
        parser.feed(xml[start:end])
    page = parser.page()
    assert [item.key for item in page.objects] == keys
    assert list(page.prefixes) == prefixes
    assert page.token == "t&oken"
    for index, item in enumerate(page.objects):
        assert (item.size_bytes, item.etag, item.storage_class) == (index, f"e{index}", "STANDARD")
        assert item.modified_s == parse_time("2026-01-02T03:04:05.678Z") > 0


def test_a_last_page_has_no_token() -> None:
    parser = PageParser()
    parser.feed(
        b"<ListBucketResult><IsTruncated>false</IsTruncated>"
        b"<NextContinuationToken>x</NextContinuationToken></ListBucketResult>"
    )
    assert parser.page().token == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><body></body></html>",
        b"<ListBucketResult>",
        b"<ListBucketResult></Other>",
        b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><ListBucketResult>&c;</ListBucketResult>',
    ],
)
def test_what_is_no_listing_is_refused(data: bytes) -> None:
    parser = PageParser()
    with pytest.raises(NotXml):  # noqa: PT012  (either may notice it)
        parser.feed(data)
        parser.page()


@pytest.mark.parametrize(("text", "seconds"), [("1970-01-01T00:00:10.500Z", 10.5), ("", 0.0), ("yesterday", 0.0)])
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


def test_small_answers() -> None:
    root, fields, groups = read_fields(b"<R><A>1</A><E><K>x&amp;y</K></E><E><K/></E><B> </B></R>", "E")
    assert (root, groups) == ("R", [{"K": "x&y"}, {"K": ""}])
    assert (fields["A"], fields["B"]) == ("1", " ")
