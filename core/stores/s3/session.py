"""One HTTP session: connections, TLS, proxies and time limits, all that is the same for every request of an account."""

from __future__ import annotations

import os
import socket
import ssl
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

import core
from core.model.account import Account
from core.model.errors import NetworkError, Retry, Scope
from core.stores.s3.network import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, tls_setting

USER_AGENT = f"sluice/{core.__version__}"
_READ_BUFFER_BYTES = 128 * 1024  # larger ones were slower
# Bytes the kernel may hold that are not yet on the wire: with little of it, progress is true and a slow link's
# last bytes are not mistaken for silence.
_NOT_SENT_BYTES = 128 * 1024
_KEEPALIVE_S = 30.0
_BUNDLES = (  # where systems keep their authorities, for builds whose OpenSSL looks elsewhere
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class HttpSession:
    """Makes its aiohttp session on the loop that first uses it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[tuple[str, str], str | None] = {}

    async def send(
        self, method: str, base_url: str, path: str, query: str, headers: dict[str, str], data: Any
    ) -> aiohttp.ClientResponse:
        """The answer's head; whoever gets it closes it. Raises aiohttp's errors, and NetworkError for bad settings."""
        session = self._session or self._open()
        url = URL(f"{base_url}{path}?{query}" if query else base_url + path, encoded=True)
        proxy = self._proxy(url.scheme, url.host or "")
        return await session.request(method, url, headers=headers, data=data, allow_redirects=False, proxy=proxy)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # whoever calls counts
            ssl=tls_context(self._account),
            keepalive_timeout=_KEEPALIVE_S,
            socket_factory=_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity", "User-Agent": USER_AGENT},
            skip_auto_headers=("Content-Type",),
            read_bufsize=_READ_BUFFER_BYTES,
        )
        return self._session

    def _proxy(self, scheme: str, host: str) -> str | None:
        """Asked once per host: the environment and the system's settings take longer to read than a request to sign."""
        if (scheme, host) not in self._proxies:
            self._proxies[scheme, host] = _proxy_for(scheme, host)
        return self._proxies[scheme, host]


def ca_bundle(account: Account) -> str | None:
    """The file or folder of certificate authorities to trust; None where the TLS library's own will do.

    Raises NetworkError (`tls`) when the file that was asked for is not there.
    """
    chosen = account.ca_file or os.environ.get("AWS_CA_BUNDLE", "")
    if chosen:
        if not Path(chosen).exists():
            source = "AWS_CA_BUNDLE" if chosen == os.environ.get("AWS_CA_BUNDLE") else "the account"
            raise tls_setting(f"There is no CA file “{chosen}”; correct it in {source}.", "", account.endpoint)
        return chosen
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return paths.cafile
    return next((bundle for bundle in _BUNDLES if Path(bundle).exists()), None)


def tls_context(account: Account) -> ssl.SSLContext | bool:
    """The context for an account's connections; True (aiohttp's own) where no TLS is expected. Raises NetworkError."""
    bundle = ca_bundle(account)
    if urlsplit(account.endpoint).scheme == "http":
        return True
    try:
        if bundle is None:
            return ssl.create_default_context()
        folder = Path(bundle).is_dir()
        context = ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
    except (OSError, ssl.SSLError) as problem:
        sentence = f"The CA file “{bundle}” cannot be read as certificates in PEM form."
        raise tls_setting(sentence, str(problem), account.endpoint) from None
    if account.ca_file or os.environ.get("AWS_CA_BUNDLE"):
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # home-made authorities seldom carry every extension
    return context


def _proxy_for(scheme: str, host: str) -> str | None:
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(host):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if urlsplit(proxy).scheme not in ("http", "https"):
        shown = proxy.rsplit("@", 1)[-1]
        sentence = f"The proxy {shown} is of a kind that is not supported; use an HTTP proxy."
        raise NetworkError("proxy", sentence, retry=Retry.CREDENTIALS, scope=Scope.ACCOUNT)
    return proxy


def _socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol = address[:3]
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux and macOS
    if option is not None:
        made.setsockopt(socket.IPPROTO_TCP, option, _NOT_SENT_BYTES)
    return made
