"""Where a bucket's requests go: scheme, host and path, for AWS and for endpoints of one's own."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.model.account import Account
from core.stores.s3.sign import encode_path

DEFAULT_REGION = "us-east-1"
_DNS_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Base:
    """What stands before the bucket: `scheme://host` and a path prefix without a slash at its end."""

    scheme: str
    host: str  # as the Host header has it: without the scheme's own port
    prefix: str = ""
    path_style: bool = True

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"


@dataclass(frozen=True, slots=True)
class Place:
    """The address of one bucket or object, ready to be signed."""

    scheme: str
    host: str
    path: str  # encoded

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://{self.host}"


def is_aws(endpoint: str) -> bool:
    """True for AWS's own servers, which keep CRC-64/NVME and have a host per region."""
    host = urlsplit(endpoint).hostname or ""
    return not endpoint or host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def signing_region(account: Account) -> str:
    """The region to sign for; servers that are not AWS take any."""
    return DEFAULT_REGION if account.region in ("", "aws-global") else account.region


def base_of(account: Account, region: str) -> Base:
    """The base of an account's requests to buckets of a region."""
    if is_aws(account.endpoint) and (not account.endpoint or region != signing_region(account)):
        suffix = ".cn" if region.startswith("cn-") else ""
        return Base("https", f"s3.{region}.amazonaws.com{suffix}", path_style=account.path_style)
    return parse_base(account.endpoint, path_style=account.path_style)


def parse_base(url: str, *, path_style: bool) -> Base:
    """An endpoint taken apart."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None and parts.port != _DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{parts.port}"
    return Base(parts.scheme, host, parts.path.rstrip("/"), path_style)


def place_of(base: Base, bucket: str, key: str = "") -> Place:
    """Bucket in the host name where the base wants it and the name allows it, else in the path."""
    if bucket and not base.path_style and _fits_host(base, bucket):
        return Place(base.scheme, f"{bucket}.{base.host}", f"{base.prefix}/{encode_path(key)}")
    tail = f"/{encode_path(bucket)}/{encode_path(key)}" if key else f"/{encode_path(bucket)}"
    return Place(base.scheme, base.host, base.prefix + tail)


def _fits_host(base: Base, bucket: str) -> bool:
    """A dot in the name would leave the wildcard certificate; an IP address has no subdomains."""
    try:
        ipaddress.ip_address(base.host.rsplit(":", 1)[0].strip("[]"))
    except ValueError:
        return _DNS_LABEL.fullmatch(bucket) is not None
    return False


def redirected(location: str, bucket: str) -> Base | None:
    """The base a Location header means for this bucket, which stands in its host or in its path."""
    parts = urlsplit(location)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    root = f"{parts.scheme}://{parts.netloc}"
    if parts.netloc.startswith(f"{bucket}."):
        return parse_base(f"{parts.scheme}://{parts.netloc.removeprefix(f'{bucket}.')}", path_style=False)
    prefix, found, _ = f"{parts.path}/".partition(f"/{encode_path(bucket)}/")
    return parse_base(root + prefix, path_style=True) if found else parse_base(root, path_style=True)
