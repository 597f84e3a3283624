"""What a store that lives on this machine answers when S3 would refuse: the same codes, each in one sentence."""

from __future__ import annotations

from core.model.errors import IntegrityError, RemoteError, Retry, UsageError


def no_bucket(bucket: str) -> RemoteError:
    return RemoteError("no-bucket", f"There is no bucket “{bucket}”.", where=bucket)


def no_key(key: str) -> RemoteError:
    return RemoteError("no-key", f"There is no object “{key}”.", where=key)


def no_upload(key: str, upload_id: str) -> RemoteError:
    return RemoteError(
        "no-upload",
        f"The unfinished upload of “{key}” is gone: it was completed or cancelled elsewhere.",
        where=key,
        detail=f"upload id {upload_id}",
    )


def bucket_exists(bucket: str) -> RemoteError:
    return RemoteError("bucket-exists", f"There is a bucket “{bucket}” already.", where=bucket)


def bucket_not_empty(bucket: str) -> RemoteError:
    return RemoteError(
        "bucket-not-empty",
        f"The bucket “{bucket}” still holds objects or open uploads; delete them first.",
        where=bucket,
    )


def changed(key: str) -> RemoteError:
    return RemoteError("changed", f"“{key}” is no longer the version that was asked for.", where=key)


def exists(key: str) -> RemoteError:
    return RemoteError("exists", f"“{key}” exists already and was not replaced.", where=key)


def bad_part(key: str, detail: str) -> RemoteError:
    return RemoteError(
        "bad-part",
        f"The parts of “{key}” are not those the store has; they must be sent again.",
        where=key,
        detail=detail,
    )


def entity_too_small(key: str, number: int) -> RemoteError:
    return RemoteError(
        "entity-too-small", f"Part {number} of “{key}” is too small: only the last may be under 5 MiB.", where=key
    )


def bad_digest(key: str, detail: str) -> IntegrityError:
    return IntegrityError(
        "bad-digest",
        f"What arrived of “{key}” is not what was sent; it is sent again.",
        where=key,
        detail=detail,
        retry=Retry.BACKOFF,
    )


def bad_range(key: str, start: int, size_bytes: int, total_bytes: int) -> RemoteError:
    return RemoteError(
        "bad-answer",
        f"“{key}” does not have the bytes that were asked for.",
        where=key,
        detail=f"asked for {size_bytes} bytes from {start} of an object of {total_bytes}",
    )


def bad_token(token: str) -> UsageError:
    return UsageError("bad-token", "A listing cannot go on from here; start it again.", detail=f"token {token!r}")


def no_links(key: str) -> RemoteError:
    return RemoteError(
        "unsupported", "Only servers can give out links; this store is a part of this machine.", where=key
    )
