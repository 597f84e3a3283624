"""Making one object of an upload's parts."""

from __future__ import annotations

from collections.abc import Sequence

from core.model.errors import RemoteError
from core.model.objects import Digests, ObjectInfo
from core.stores import refusals, rules
from core.stores.base import CompletePart
from core.stores.checksum import crc_text, joined_crc, multipart_etag
from core.stores.local import objects, uploads
from core.stores.local.disk import on_disk
from core.stores.local.drafts import Draft, drafting
from core.stores.local.places import BucketPlace
from core.stores.local.records import Facts


async def complete(
    place: BucketPlace, key: str, upload_id: str, parts: Sequence[CompletePart], crc64nvme: str
) -> ObjectInfo:
    """Check the parts, copy them into one file and put that in its place, then remove the upload.

    A crash before the file is in its place leaves the upload as it was; one after it leaves an upload that can be
    completed again. Raises `no-upload`, `bad-part`, `entity-too-small`, `bad-digest`.
    """
    about = await on_disk(key, uploads.find, place, key, upload_id)
    kept = await on_disk(key, uploads.read_some_parts, place, upload_id, [part.number for part in parts])
    wanted = rules.check_parts(key, parts, kept)
    crc = joined_crc(wanted)
    if crc64nvme not in ("", crc_text(crc)):
        raise refusals.bad_digest(key, f"the whole has CRC {crc_text(crc)}, not {crc64nvme}")
    facts = Facts(multipart_etag([part.md5 for part in wanted]), crc, about.content_type)
    async with drafting(place.new_draft(), key) as draft:
        for given, part in zip(parts, wanted, strict=True):
            await _append(place, key, upload_id, given.number, draft, part)
        await on_disk(key, _install, place, key, upload_id, draft, facts)
    await on_disk(key, uploads.throw_away, place, upload_id)
    return (await on_disk(key, objects.find, place, key)).info(key)


async def _append(place: BucketPlace, key: str, upload_id: str, number: int, draft: Draft, part: Digests) -> None:
    done = 0
    while done < part.size_bytes:
        try:
            count = await on_disk(key, uploads.copy_part, place, upload_id, number, draft, done, part)
        except uploads.PartGone:
            await on_disk(key, uploads.find, place, key, upload_id)
            raise refusals.bad_part(key, f"part {number} was replaced meanwhile") from None
        done += count


def _install(place: BucketPlace, key: str, upload_id: str, draft: Draft, facts: Facts) -> None:
    def still_open() -> None:
        uploads.find(place, key, upload_id)

    objects.install(place, key, draft, facts, check=still_open, lasting=True)


async def completed_before(place: BucketPlace, key: str, parts: Sequence[CompletePart]) -> ObjectInfo | None:
    """The object, if it is what these parts make: the answer to an earlier call was lost."""
    try:
        info = (await on_disk(key, objects.find, place, key)).info(key)
    except RemoteError:
        return None
    return info if info.etag == multipart_etag([part.etag for part in parts]) else None
