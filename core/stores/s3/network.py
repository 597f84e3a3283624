"""What sockets, TLS, proxies and HTTP fail with, as NetworkErrors that name the cause."""

from __future__ import annotations

import socket
import ssl

import aiohttp

from core.model.errors import NetworkError, Retry, Scope
from core.stores.s3.answers import Target

CONNECT_TIMEOUT_S = 15.0
READ_TIMEOUT_S = 60.0


def network_error(failure: BaseException, target: Target, host: str) -> NetworkError:
    """The error for what aiohttp or ssl raised while talking to `host`."""
    code, sentence, retry, scope = _meaning(failure, host)
    detail = f"{type(failure).__name__}: {failure}"
    return NetworkError(code, sentence, detail=detail, where=target.url, retry=retry, scope=scope)


def lost(target: Target, host: str, detail: str) -> NetworkError:
    """The connection ended in the middle of an answer."""
    sentence = f"The connection to {host} was lost in the middle; it will be tried again."
    return NetworkError("unreachable", sentence, detail=detail, where=target.url, retry=Retry.BACKOFF)


def tls_setting(sentence: str, detail: str, where: str) -> NetworkError:
    """A CA file that cannot be used; only the user can put it right."""
    return NetworkError("tls", sentence, detail=detail, where=where, retry=Retry.CREDENTIALS, scope=Scope.ACCOUNT)


def _meaning(failure: BaseException, host: str) -> tuple[str, str, Retry, Scope]:
    if isinstance(failure, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return "proxy", f"The proxy does not let us through to {host}; check the proxy.", Retry.ONLINE, Scope.ACCOUNT
    if isinstance(failure, aiohttp.ClientSSLError | ssl.SSLError):
        return _tls_meaning(failure, host)
    if isinstance(failure, aiohttp.ConnectionTimeoutError):
        sentence = f"{host} could not be reached within {CONNECT_TIMEOUT_S:.0f} seconds; check the network."
        return "unreachable", sentence, Retry.ONLINE, Scope.ACCOUNT
    if isinstance(failure, TimeoutError):
        return "timed-out", f"{host} has gone silent; it will be tried again.", Retry.BACKOFF, Scope.ITEM
    if isinstance(failure, aiohttp.ClientConnectorError):
        return "unreachable", _unreachable(failure, host), Retry.ONLINE, Scope.ACCOUNT
    if isinstance(failure, aiohttp.InvalidURL):
        return "unreachable", f"{host} is no address; correct the endpoint.", Retry.CREDENTIALS, Scope.ACCOUNT
    if isinstance(failure, aiohttp.ClientResponseError):
        sentence = "The address answered, but not as an S3 server; check the endpoint."
        return "bad-answer", sentence, Retry.BACKOFF, Scope.ITEM
    return "unreachable", f"The connection to {host} was lost; it will be tried again.", Retry.BACKOFF, Scope.ITEM


def _unreachable(failure: aiohttp.ClientConnectorError, host: str) -> str:
    cause = failure.os_error
    if isinstance(failure, aiohttp.ClientConnectorDNSError) or isinstance(cause, socket.gaierror):
        return f"The name {host} is not known; check the endpoint and the network."
    if isinstance(cause, ConnectionRefusedError):
        return f"Nothing answers at {host}; check the endpoint, and that the server is running."
    return f"{host} cannot be reached; check the network."


def _tls_meaning(failure: aiohttp.ClientSSLError | ssl.SSLError, host: str) -> tuple[str, str, Retry, Scope]:
    cause: BaseException = failure
    if isinstance(failure, aiohttp.ClientConnectorCertificateError):
        cause = failure.certificate_error
    elif isinstance(failure, aiohttp.ClientConnectorError):
        cause = failure.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        sentence = (
            f"The certificate of {host} is not trusted ({cause.verify_message}); "
            "if it comes from an authority of your own, name its CA file in the account."
        )
        return "tls", sentence, Retry.CREDENTIALS, Scope.ACCOUNT
    if getattr(cause, "reason", "") in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"):
        sentence = f"{host} does not speak TLS at this port; if that is meant to be, write the endpoint with http://."
        return "tls", sentence, Retry.CREDENTIALS, Scope.ACCOUNT
    return "tls", f"The secure connection to {host} failed; it will be tried again.", Retry.BACKOFF, Scope.ITEM
