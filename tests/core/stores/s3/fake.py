"""A small real HTTP server that answers as a test tells it to: for faults no sound server can be made to show."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from core.model.account import Account, Credentials
from core.stores.base import Access

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ERROR = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>R1</RequestId></Error>'


@dataclass
class Seen:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Fake:
    """Answers come from `answers`, one after another; the last one stays."""

    endpoint: str = ""
    answers: list[Handler] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    pause_s: float = 0.0  # between two looks at what has come of a request's body

    def say(self, *answers: Handler) -> None:
        self.answers = list(answers)

    @property
    def account(self) -> Account:
        return Account(name="fake", endpoint=self.endpoint, region="eu-test-1", access_key="AKIDFAKE")

    def access(self, **facts: object) -> Access:
        return Access(self.account, Credentials("AKIDFAKE", "secret"), **facts)  # type: ignore[arg-type]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = b""
        async for piece in request.content.iter_any():  # `request.read` refuses more than a MiB
            body += piece
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
        self.seen.append(Seen(request.method, request.raw_path, dict(request.headers), body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)  # type: ignore[arg-type]


@asynccontextmanager
async def serving() -> AsyncIterator[Fake]:
    fake = Fake()
    runner = web.ServerRunner(web.Server(fake.handle))
    await runner.setup()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # little, so that a slow reader is felt
    listener.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    host, port = runner.addresses[0][:2]
    fake.endpoint = f"http://{host}:{port}"
    try:
        yield fake
    finally:
        await runner.cleanup()


def plain(status: int = 200, body: bytes | str = b"", **headers: str) -> Handler:
    """An answer in one go; underscores in header names are hyphens."""

    async def handler(_: web.Request) -> web.StreamResponse:
        data = body.encode() if isinstance(body, str) else body
        return web.Response(status=status, body=data, headers=_names(headers))

    return handler


def error(status: int, code: str, message: str = "Because.", **headers: str) -> Handler:
    return plain(status, ERROR.format(code=code, message=message), Content_Type="application/xml", **headers)


def cut(status: int, body: bytes, **headers: str) -> Handler:
    """An answer whose connection is cut after `body`, whatever length the headers promise."""

    async def handler(request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in _names(headers).items())]
        transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await asyncio.sleep(0.05)
        transport.abort()
        return web.Response()

    return handler


async def drop(request: web.Request) -> web.StreamResponse:
    """No answer at all: the connection is cut."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
