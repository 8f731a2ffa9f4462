"""Who may come in, tried over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.routing import Route

from headroom.memory import UserMemory
from headroom.web import app
from headroom.web.door import HEADERS, comes_from_here, names_loopback

from .serving import Client, served


@pytest.fixture
def client(memory: UserMemory) -> Iterator[Client]:
    with served(memory) as opened:
        yield opened


def test_the_link_opens_the_page_once(client: Client) -> None:
    """The token is exchanged for a cookie; whoever finds the link later is refused."""
    assert client.get("/").status == 403
    entered = client.enter()
    assert entered.status == 200
    assert client.get("/").status == 200
    stranger = Client(client.server)
    assert stranger.enter().status == 403
    assert stranger.get("/").status == 403


def test_the_cookie_is_for_this_page_alone(client: Client) -> None:
    """No script reads it, no other site sends it, and no other server on this machine gets it."""
    cookie = client.enter().headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert f"Path={client.base}" in cookie.split("; ")
    assert len(client.base) > 10


def test_foreign_cookies_lock_nobody_out(client: Client) -> None:
    """Other programs on 127.0.0.1 may set any cookie, and browsers send them here too."""
    client.enter()
    client.cookie = f'broken="a; b=[1,2]; =; headroom_session=old; {client.cookie}; \x01'
    assert client.get("/").status == 200


def test_the_link_works_again_for_who_has_entered(client: Client) -> None:
    """Loading the link once more in the same browser leads to the page and makes no new session."""
    client.enter()
    again = client.send("GET", client.server.link.removeprefix(client.server.address))
    assert again.status == 200
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize("path", ["/", "/nothing", "//", "/enter", "/enter?token=", "/static/page.css"])
def test_every_answer_is_protected(client: Client, path: str) -> None:
    """Pages, refusals, missing ones and files all carry the protecting headers."""
    client.enter()
    answer = client.get(path)
    assert {name: answer.headers.get(name.lower()) for name in HEADERS} == dict(HEADERS)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""])
def test_a_rebound_name_is_refused(client: Client, host: str) -> None:
    """A name that somebody made point to 127.0.0.1 reaches nothing, not even with the cookie."""
    client.enter()
    assert client.get("/", Host=host).status == 403
    assert client.get("/static/page.css", Host=host).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:8000", "LOCALHOST", "[::1]:9", "127.0.0.1"])
def test_this_machine_may_have_any_port(host: str) -> None:
    """A port that is forwarded, by ssh for one, has another number outside."""
    assert names_loopback(host)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_other_sites_send_is_refused(client: Client, site: str) -> None:
    """Neither another site nor another port of this host gets an answer through a visitor's browser."""
    client.enter()
    assert client.get("/", Sec_Fetch_Site=site).status == 403
    assert client.send("POST", "/erase", headers={"Sec-Fetch-Site": site}, body="name=alice").status == 403


def test_a_foreign_origin_changes_nothing(client: Client, memory: UserMemory) -> None:
    """A form of another origin is refused even with the right token."""
    client.enter()
    body = f"csrf={client.get('/overview').csrf}&name=alice"
    foreign = client.send("POST", "/erase", headers={"Origin": "http://127.0.0.1:1"}, body=body)
    assert foreign.status == 403
    assert memory.stats()["total"] > 0
    assert not comes_from_here("POST", {"origin": "http://127.0.0.1:1", "host": "127.0.0.1:2"})


def changing_routes(client: Client) -> list[str]:
    """Return the path of every route that changes something."""
    return [route.path for route in app._changes() if isinstance(route, Route)]


def test_no_change_without_the_token(client: Client, memory: UserMemory) -> None:
    """Every route that changes anything refuses a form without the session's CSRF token, or with a wrong one."""
    client.enter()
    memory_id = memory.get_all()[0].id
    paths = changing_routes(client)
    assert len(paths) >= 8
    for path in paths:
        filled = path.replace("{memory_id}", memory_id).replace("{turn_id}", "t")
        assert client.post(filled, csrf="").status == 403
        assert client.post(filled, csrf="x" * 32).status == 403
        assert client.get(filled).status in (200, 404, 405)
    assert memory.get(memory_id) is not None


def test_only_a_session_sees_anything(client: Client, memory: UserMemory) -> None:
    """Without the cookie no page shows a word of the memory or takes a form, whether there is such a page or not."""
    client.enter()
    csrf = client.get("/overview").csrf
    stranger = Client(client.server)
    for path in (
        "/",
        "/time",
        "/turns",
        "/review",
        "/overview",
        "/export",
        f"/memories/{memory.get_all()[0].id}",
        "/no",
    ):
        assert stranger.get(path).status == 403
    assert stranger.post("/erase", csrf=csrf, name="alice").status == 403
    stranger.cookie = "headroom_session=" + "x" * 32
    assert stranger.get("/").status == 403
    assert stranger.get("//elsewhere").status == 403


def test_the_form_is_bounded(client: Client) -> None:
    """More than a megabyte is refused, and is not kept in memory."""
    client.enter()
    assert client.send("POST", "/erase", body="name=" + "x" * (2 << 20)).status == 400
