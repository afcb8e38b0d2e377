"""The server of a review: one page on this machine, for the one browser that has the token.

Other pages in that browser, and other users of the machine, must learn nothing and change nothing. So it
listens on the loopback interface alone and answers to no other name than 127.0.0.1, which keeps out names that
are made to lead here (DNS rebinding); it swaps a token that only the command's user has seen for a cookie that
no script reads and no other site sends; and what changes anything must come from this very page.
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
    """Serves a page and its images, and keeps the answers that it sends.

    Args:
        page: returns the page and its Content-Security-Policy.
        images: PNG files by position.
        save: keeps the answer to the image of a position; an answer is what ``is_answer`` takes, or None where
            it is taken back. May raise a FailcondError.
        is_answer: whether something that was sent is an answer.
        port: to listen on; 0: a free one.

    Raises:
        FailcondError: it cannot listen there.
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
                f"--port: {_HOST}:{port} cannot be listened on ({error.strerror or error}); choose "
                "another port, or none for a free one"
            ) from error

    def server_bind(self) -> None:
        """Bind, without asking the network what this machine is called, as the library's own does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, int(self.server_address[1])

    @property
    def authority(self) -> str:
        """What requests must have as their Host."""
        return f"{_HOST}:{self.server_port}"

    @property
    def url(self) -> str:
        """Where the page is, once."""
        return f"http://{self.authority}/?token={self._token}"

    @property
    def cookie(self) -> str:
        """Name of the cookie: those of all ports of a machine share one jar."""
        return f"failcond-{self.server_port}"

    def spend(self, token: str) -> str | None:
        """Return the session's secret for the token, which is worth nothing from then on."""
        if self._token is None or not secrets.compare_digest(token.encode(), self._token.encode()):
            return None
        self._token = None
        return self._session

    def knows(self, secret: str) -> bool:
        """Whether a cookie is the session's."""
        return secrets.compare_digest(secret.encode(), self._session.encode())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is not our error."""


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
        """Keep the terminal for what the command says."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the library refuses, such as other methods, in our way."""
        status = HTTPStatus(code)
        self.close_connection = True
        self._send(status, (message or status.phrase).encode(), "text/plain; charset=utf-8")

    def _answer(self, respond: Callable[[], None]) -> None:
        try:
            if self.headers.get_all("Host") != [self.server.authority]:
                self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this address leads elsewhere")
            respond()
        except _RefusedError as refused:
            self.close_connection = True  # what is left of the request is not read
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
                "this page is open for the browser that first opened its address; start the command again",
            )

    def _post(self) -> None:
        self._check_session()
        if self.headers.get_all("Origin") != [f"http://{self.server.authority}"]:
            self._refuse(HTTPStatus.FORBIDDEN, "this comes from another page")
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
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "answers are JSON")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "the length of the request is not told")
        if len(length) > 9 or int(length) > _LONGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "an answer is shorter")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            self._refuse(HTTPStatus.BAD_REQUEST, "this is no JSON")

    def _save(self, body: Any) -> None:
        if not isinstance(body, dict) or body.keys() != {"position", "answer"}:
            self._refuse(HTTPStatus.BAD_REQUEST, "an answer has a position and an answer")
        position, answer = body["position"], body["answer"]
        if type(position) is not int or not 0 <= position < len(self.server.images):
            self._refuse(HTTPStatus.BAD_REQUEST, "there is no image at this position")
        if answer is not None and not self.server.is_answer(answer):
            self._refuse(HTTPStatus.BAD_REQUEST, "this is none of the answers")
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
