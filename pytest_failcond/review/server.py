"""The server of a review: one page on this machine, for the one browser that has the token.

Other pages in that browser, and other users of the machine, must learn nothing and change nothing:

- The server listens on the loopback interface alone, and answers to the name 127.0.0.1 alone, so that another
  name that leads to this address is refused (DNS rebinding).
- It exchanges the token, which only the user of the command has seen, for a cookie that scripts cannot read
  and other sites cannot send.
- It accepts changes from its own page alone.
"""

from __future__ import annotations

import json
import secrets
import socketserver
from collections.abc import Callable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn
from urllib.parse import parse_qs

from pytest_failcond.errors import FailcondError

_HOST = "127.0.0.1"
_LONGEST_BODY = 1000  # bytes; an answer has some 40
_PATIENCE_SECONDS = 30.0  # for a request that has begun
_ALWAYS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NOTHING_ELSE = "default-src 'none'; frame-ancestors 'none'"


class ReviewServer(ThreadingHTTPServer):
    """Serves a page and its images, and saves the answers from the page.

    Args:
        page: returns the page and its Content-Security-Policy.
        images: PNG files by position.
        save: saves the answer to the image at a position: a value that ``is_answer`` accepts, or None if the
            reader takes the answer back. May raise a FailcondError.
        is_answer: whether a received value is an answer.
        port: to listen on; 0: a free one.

    Raises:
        FailcondError: the server cannot listen on the port.
    """

    daemon_threads = True

    def __init__(
        self,
        page: Callable[[], tuple[str, str]],
        images: tuple[bytes, ...],
        save: Callable[[int, int | None], None],
        is_answer: Callable[[Any], bool],
        port: int = 0,
    ) -> None:
        self.page, self.images, self.save, self.is_answer = page, images, save, is_answer
        self._token: str | None = secrets.token_urlsafe(24)
        self._session = secrets.token_urlsafe(24)
        try:
            super().__init__((_HOST, port), _Handler)
        except OSError as error:
            raise FailcondError(
                f"--port: the server cannot listen on {_HOST}:{port} ({error.strerror or error}); "
                "choose another port, or leave out --port for a free one"
            ) from error

    def server_bind(self) -> None:
        """Bind, but do not ask the network for this machine's name, as the library's own method does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, int(self.server_address[1])

    @property
    def authority(self) -> str:
        """The Host that requests must have."""
        return f"{_HOST}:{self.server_port}"

    @property
    def url(self) -> str:
        """The page's address, which works once."""
        return f"http://{self.authority}/?token={self._token}"

    @property
    def cookie(self) -> str:
        """The cookie's name, with the port: a browser keeps the cookies of all ports together."""
        return f"failcond-{self.server_port}"

    def spend(self, token: str) -> str | None:
        """Return the session's secret for the token, which is not accepted again; None for another token."""
        if self._token is None or not secrets.compare_digest(token.encode(), self._token.encode()):
            return None
        self._token = None
        return self._session

    def knows(self, secret: str) -> bool:
        """Whether a cookie is the session's."""
        return secrets.compare_digest(secret.encode(), self._session.encode())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that closes a connection is not an error of ours."""


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_SECONDS

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def version_string(self) -> str:
        return "failcond"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is for the command's own lines."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send the library's refusals, such as of other methods, with our headers."""
        status = HTTPStatus(code)
        self.close_connection = True
        self._send(status, (message or status.phrase).encode(), "text/plain; charset=utf-8")

    def _answer(self, respond: Callable[[], None]) -> None:
        try:
            if self.headers.get_all("Host") != [self.server.authority]:
                self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this server has another address")
            respond()
        except _RefusedError as refused:
            self.close_connection = True  # the rest of the request is not read
            self._send(refused.status, str(refused).encode(), "text/plain; charset=utf-8")

    def _refuse(self, status: HTTPStatus, why: str) -> NoReturn:
        raise _RefusedError(status, why)

    def _get(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/":
            self._get_page(parse_qs(query).get("token", []))
            return
        self._check_session()
        start, _, number = path.rpartition("/")
        known = start == "/image" and number.isascii() and number.isdigit() and len(number) < 9
        if not known or int(number) >= len(self.server.images):
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
        self._send(HTTPStatus.OK, self.server.images[int(number)], "image/png")

    def _get_page(self, tokens: list[str]) -> None:
        headers = {}
        secret = self.server.spend(tokens[0]) if len(tokens) == 1 else None
        if secret is not None:
            made = f"{self.server.cookie}={secret}; Path=/; HttpOnly; SameSite=Strict"
            headers["Set-Cookie"] = made
        else:
            self._check_session()
        page, policy = self.server.page()
        headers["Content-Security-Policy"] = policy
        self._send(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8", headers)

    def _check_session(self) -> None:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(self.server.cookie)
        except CookieError:
            found = None
        if found is None or not self.server.knows(found.value):
            self._refuse(
                HTTPStatus.FORBIDDEN,
                "another browser opened this address first; start the command again",
            )

    def _post(self) -> None:
        self._check_session()
        if self.headers.get_all("Origin") != [f"http://{self.server.authority}"]:
            self._refuse(HTTPStatus.FORBIDDEN, "the request comes from another page")
        body = self._read_json()
        if self.path == "/answer":
            self._save(body)
        elif self.path == "/finish" and body == {}:
            self._send(HTTPStatus.NO_CONTENT)
            self.close_connection = True
            self.server.shutdown()
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _read_json(self) -> Any:
        if self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected JSON")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "expected a request with its length")
        if len(length) > 9 or int(length) > _LONGEST_BODY:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected {_LONGEST_BODY} bytes or fewer"
            )
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            self._refuse(HTTPStatus.BAD_REQUEST, "the request is not valid JSON")

    def _save(self, body: Any) -> None:
        if not isinstance(body, dict) or body.keys() != {"position", "answer"}:
            self._refuse(HTTPStatus.BAD_REQUEST, "expected a position and an answer")
        position, answer = body["position"], body["answer"]
        if type(position) is not int or not 0 <= position < len(self.server.images):
            self._refuse(HTTPStatus.BAD_REQUEST, "there is no image at this position")
        if answer is not None and not self.server.is_answer(answer):
            self._refuse(HTTPStatus.BAD_REQUEST, "there is no class of this number")
        try:
            self.server.save(position, answer)
        except FailcondError as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        self._send(HTTPStatus.NO_CONTENT)

    def _send(
        self,
        status: HTTPStatus,
        body: bytes = b"",
        kind: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        told = {"Content-Security-Policy": _NOTHING_ELSE} | _ALWAYS | (headers or {})
        if kind:
            told["Content-Type"] = kind
        if status != HTTPStatus.NO_CONTENT:
            told["Content-Length"] = str(len(body))
        if self.close_connection:
            told["Connection"] = "close"
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
