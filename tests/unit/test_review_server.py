"""The server of a review: it tells and takes nothing but from the browser that has the token."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.review.answers import read_images, read_review, update_review
from pytest_failcond.review.page import Blind, page_as_file
from pytest_failcond.review.serving import make_server
from pytest_failcond.subjects.images import png
from tests.decks import CLASSES, read_all, truthful, write_review


def blind_of(path, deck):
    images = read_images(path, deck)
    height, width = images[0].shape[:2]
    return Blind(
        deck.id, tuple(deck.classes), tuple(deck.images), tuple(map(png, images)), (width, height)
    )


class Client:
    """A client that can be as wrong as it likes."""

    def __init__(self, server):
        self.server = server
        self.cookie = None

    def ask(self, method="GET", path="/", body=None, **headers):
        """Return the response, its headers and body; ``headers`` with _ for -, None for none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        sent = {"Host": self.server.authority}
        if self.cookie:
            sent["Cookie"] = self.cookie
        if method == "POST":
            sent |= {
                "Origin": f"http://{self.server.authority}",
                "Content-Type": "application/json",
            }
            body = json.dumps(body) if not isinstance(body, (str, bytes)) else body
            sent["Content-Length"] = str(len(body))
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body.encode() if isinstance(body, str) else body)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def status(self, *arguments, **headers):
        return self.ask(*arguments, **headers)[0].status

    def enter(self):
        """Spend the token."""
        response, page = self.ask(
            path=self.server.url.removeprefix(f"http://{self.server.authority}")
        )
        assert response.status == 200
        self.cookie = response.headers["Set-Cookie"].partition(";")[0]
        return response, page.decode()


@pytest.fixture
def review(tmp_path):
    path = tmp_path / "failcond-review.json"
    return path, write_review(path)


@pytest.fixture
def server(review):
    path, deck = review
    with make_server(blind_of(path, deck), path, "Ann", "person") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def client(server):
    return Client(server)


def test_the_token_is_swapped_once_for_a_cookie_that_no_script_and_no_other_site_has(
    client, server
):
    url = server.url
    response, page = client.enter()
    attributes = response.headers["Set-Cookie"].partition(";")[2]
    assert set(attributes.replace(" ", "").split(";")) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert "What does it show?" in page
    assert client.status() == 200
    again = Client(server)
    assert again.status("GET", url.removeprefix(f"http://{server.authority}")) == 403
    assert again.status() == 403


@pytest.mark.parametrize(
    "cookie",
    [None, "", "failcond=1", "x", "=;=;,", "failcond-{port}=", "failcond-{port}=nö", "{", "\u00e4"],
)
def test_without_the_cookie_there_is_nothing(client, server, review, cookie):
    client.enter()
    client.cookie = None if cookie is None else cookie.replace("{port}", str(server.server_port))
    for path in (
        "/",
        "/image/0",
        "/image/999",
        "/elsewhere",
        "/?token=wrong",
        "/?token=n%C3%B6",
        "/?token=a&token=b",
    ):
        response, content = client.ask(path=path)
        assert response.status == 403
        assert len(content) < 200
    assert client.status("POST", "/answer", {"position": 0, "answer": 1}) == 403
    assert read_review(review[0]).answers == ()


@pytest.mark.parametrize(
    "host",
    [
        None,
        "localhost:{port}",
        "127.0.0.1",
        "evil.example:{port}",
        "127.0.0.1:1",
        "[::1]:{port}",
        "127.0.0.1:{port}.evil.example",
        "",
        "127.0.0.1:{port},x",
    ],
)
def test_another_host_is_told_nothing(client, server, review, host):
    url = server.url
    token = url.removeprefix(f"http://{server.authority}")
    told = None if host is None else host.replace("{port}", str(server.server_port))
    for path in ("/", token):
        response, content = client.ask(path=path, Host=told)
        assert response.status == 421
        assert b"circle" not in content
        assert "Set-Cookie" not in response.headers
    client.enter()  # the token was not spent
    assert client.status("GET", "/image/0", Host=told) == 421
    assert client.status("POST", "/answer", {"position": 0, "answer": 1}, Host=told) == 421
    assert read_review(review[0]).answers == ()


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.example",
        "http://localhost:{port}",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        "http://127.0.0.1:{port}.evil.example",
    ],
)
def test_another_origin_changes_nothing(client, server, review, origin):
    client.enter()
    told = None if origin is None else origin.replace("{port}", str(server.server_port))
    assert client.status("POST", "/answer", {"position": 0, "answer": 1}, Origin=told) == 403
    assert client.status("POST", "/finish", {}, Origin=told) == 403
    assert read_review(review[0]).answers == ()


@pytest.mark.parametrize(("body", "headers", "status"), [
    ({"position": 0, "answer": 1}, {"Content_Type": "text/plain"}, 415),
    ({"position": 0, "answer": 1}, {"Content_Type": None}, 415),
    ({"position": 0, "answer": 1}, {"Content_Length": None}, 411),
    ({"position": 0, "answer": 1}, {"Content_Length": "-1"}, 411),
    ({"position": 0, "answer": 1}, {"Content_Length": "²"}, 411),
    ({"position": 0, "answer": 1}, {"Transfer_Encoding": "chunked"}, 411),
    ({"position": 0, "answer": 1, "more": "x" * 2000}, {}, 413),
    ({"position": 0, "answer": 1}, {"Content_Length": "9" * 30}, 413),
    ("", {}, 400), ("{", {}, 400), ("[" * 900, {}, 400), (b"\xff\xfe", {}, 400), ("[]", {}, 400), ("null", {}, 400),
    ({"position": 0}, {}, 400), ({"position": 0, "answer": 1, "reader": "Eve"}, {}, 400),
    ({"position": -1, "answer": 1}, {}, 400), ({"position": 25, "answer": 1}, {}, 400),
    ({"position": True, "answer": 1}, {}, 400), ({"position": 0.0, "answer": 1}, {}, 400),
    ({"position": "0", "answer": 1}, {}, 400), ({"position": 0, "answer": 3}, {}, 400),
    ({"position": 0, "answer": -2}, {}, 400), ({"position": 0, "answer": True}, {}, 400),
    ({"position": 0, "answer": "circle"}, {}, 400), ({"position": 0, "answer": [1]}, {}, 400),
])  # fmt: skip
def test_what_is_no_answer_is_refused_and_changes_nothing(client, review, body, headers, status):
    path, _ = review
    client.enter()
    assert client.status("POST", "/answer", {"position": 3, "answer": 2}) == 204
    before = path.read_bytes()
    assert client.status("POST", "/answer", body, **headers) == status
    assert path.read_bytes() == before


def test_other_methods_and_places_are_refused(client):
    client.enter()
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "HEAD", "CONNECT"):
        response, _ = client.ask(method)
        assert response.status == 501
        assert "Access-Control-Allow-Origin" not in response.headers
    for path in (
        "/image/25",
        "/image/-1",
        "/image/1.5",
        "/image/%C2%B2",
        "/image/",
        "/image/0/0",
        "/../x",
        "/answer",
        "//[x",
        "/image/00000000000",
    ):
        assert client.status("GET", path) == 404
    assert client.status("POST", "/image/0", {}) == 404
    assert client.status("POST", "/finish", {"a": 1}) == 404


def test_a_raw_request_that_is_none_ends_in_silence_or_a_refusal(client, server):
    for raw in (
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x00",
        b"GET /" + b"a" * 70000,
    ):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as peer:
            peer.sendall(raw)
            peer.shutdown(socket.SHUT_WR)
            answer = b""
            while part := peer.recv(4096):
                answer += part
        assert b"circle" not in answer
        assert b"Set-Cookie" not in answer
    client.enter()
    assert client.status() == 200


def test_every_response_allows_nothing_else(client):
    first, page = client.enter()
    nonces = set(re.findall(r'nonce="([^"]+)"', page))
    assert len(nonces) == 1
    policy = first.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert f"script-src 'nonce-{nonces.pop()}'" in policy
    assert "frame-ancestors 'none'" in policy
    second, _ = client.ask()
    assert second.headers["Content-Security-Policy"] != policy  # a nonce is used once
    for response in (first, second, client.ask(path="/image/0")[0], client.ask(path="/nothing")[0]):
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert "Python" not in response.headers["Server"]
        assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_it_listens_on_this_machine_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_answers_are_kept_at_once_and_taken_back(client, review):
    path, deck = review
    client.enter()
    for answer, expected in ((1, ["square"]), (-1, [None]), (0, ["circle"]), (None, [])):
        assert client.status("POST", "/answer", {"position": 4, "answer": answer}) == 204
        found = read_review(path).answers
        assert [a.answer for a in found] == expected
        assert all((a.image, a.reader, a.kind) == (deck.images[4], "Ann", "person") for a in found)


def test_what_cannot_be_saved_is_said(client, review):
    path, _ = review
    client.enter()
    path.write_text("{")
    response, content = client.ask("POST", "/answer", {"position": 4, "answer": 1})
    assert response.status == 500
    assert b"take it from the last commit" in content
    assert path.read_text() == "{"


def test_images_come_by_position_and_as_they_are(client, review):
    path, deck = review
    client.enter()
    expected = blind_of(path, deck).pngs
    for position, content in enumerate(expected):
        response, got = client.ask(path=f"/image/{position}")
        assert (response.status, response.headers["Content-Type"]) == (200, "image/png")
        assert got == content


def embedded(page):
    return json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page)[1])


def test_a_stopped_review_goes_on_and_each_reader_has_own_answers(review):
    path, deck = review
    given = read_all(deck, truthful)[:7]
    update_review(path, lambda r: r.with_answers(given))
    for reader, done in (("Ann", 7), ("Bob", 0)):
        with make_server(blind_of(path, deck), path, reader, "person") as server:
            page, _ = server.page()
            answers = embedded(page)["answers"]
            assert [a is not None for a in answers] == [True] * done + [False] * (25 - done)
            assert embedded(page)["reader"] == reader
            server.server_close()
    with pytest.raises(FailcondError, match="is a person in the review and a model here"):
        make_server(blind_of(path, deck), path, "Ann", "model")


def test_a_port_that_is_taken_is_said(review, server):
    path, deck = review
    with pytest.raises(FailcondError, match=r"--port: the server cannot listen on 127.0.0.1:\d+"):
        make_server(blind_of(path, deck), path, "Ann", "person", port=server.server_port)


def test_finish_ends_the_server(review):
    path, deck = review
    with make_server(blind_of(path, deck), path, "Ann", "person") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        client = Client(server)
        client.enter()
        assert client.status("POST", "/finish", {}) == 204
        thread.join(10)
        assert not thread.is_alive()


def leaks(text, deck):
    """What of the claims stands in a text that a reader can get."""
    found = [
        claim.direction for claim in deck.claims if claim.direction and claim.direction in text
    ]
    found += [str(claim.level) for claim in deck.claims if claim.level and str(claim.level) in text]
    return found + [
        word
        for word in ("break", "rejected", "direction", "level", "claim", "sample")
        if f'"{word}' in text
    ]


def test_no_page_and_no_request_knows_a_claim(client, review):
    """Pages of decks that differ in their claims alone are the same to the last byte."""
    path, deck = review
    _, served = client.enter()
    file = page_as_file(blind_of(path, deck), "Ann", "person")
    for page in (served, file):
        assert leaks(page, deck) == []
        assert set(embedded(page)) == {
            "deck", "classes", "keys", "count", "size", "reader", "kind", "images", "hashes", "answers",
        }  # fmt: skip
    other = deck.model_copy(update={"claims": [
        claim.model_copy(update={"kind": "test", "class_name": CLASSES[0], "level": None, "direction": None})
        for claim in deck.claims
    ]})  # fmt: skip
    assert page_as_file(blind_of(path, other), "Ann", "person") == file


def test_names_are_data_and_nothing_else(tmp_path):
    evil = ("</script><script>alert(1)</script>", "<!--", 'a & "b"')
    path = tmp_path / "review.json"
    deck = write_review(path, classes=evil)
    page = page_as_file(blind_of(path, deck), "<b>\u2028</b>", "person")
    assert page.count("</script>") == 2
    assert "<!--" not in page
    assert tuple(embedded(page)["classes"]) == evil
