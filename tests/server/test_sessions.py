"""Logging in and out, over the console and over the interface."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from county_gov.contract.access import Scope
from county_gov.deployment import County, read_settings
from county_gov.server.signing_in import local_path
from county_gov.store.access import AuditFilter, read_audit
from tests.server.conftest import Serve, Site
from tests.store_fixtures import StandingClock


def cookies_of(headers: object) -> SimpleCookie:
    """The cookies that an answer sets."""
    jar = SimpleCookie()
    for line in headers.getall("Set-Cookie", []):  # type: ignore[attr-defined]
        jar.load(line)
    return jar


async def test_logging_in_and_out(site: Site) -> None:
    """The right password opens the console where one wanted to go; logging out shuts it."""
    visitor = site.visitor()
    async with visitor.get("/cases?show=mine", allow_redirects=False) as answer:
        assert "/login?next=/cases%3Fshow%3Dmine" == answer.headers["Location"]
    form = {"login": "dispatch1", "password": site.passwords["dispatch1"], "next": "/cases"}
    async with visitor.post("/login", data=form, allow_redirects=False) as answer:
        assert (303, "/cases") == (answer.status, answer.headers["Location"])
        cookie = cookies_of(answer.headers)["county_session"]
        assert cookie["httponly"]
        assert ("Lax", "/", "") == (cookie["samesite"], cookie["path"], cookie["domain"])
    async with visitor.get("/cases") as answer:
        assert 200 == answer.status
        assert "示范·甲" in await answer.text()
    kept = cookie.value
    async with visitor.post("/logout", allow_redirects=False) as answer:
        assert 303 == answer.status
    async with site.visitor(kept).get("/api/v1/session") as answer:
        assert 401 == answer.status


async def test_secure_cookies(folder: Path, clock: StandingClock, serve_county: Serve) -> None:
    """Behind HTTPS the cookie has the __Host- prefix and Secure, and HSTS is sent."""
    file = folder / "county.toml"
    file.write_text(file.read_text().replace("secure_cookies = false", "secure_cookies = true"))
    async with County(read_settings(file), clock=clock) as county:
        site = await serve_county(county)
        body = {"login": "dispatch1", "password": site.passwords["dispatch1"]}
        async with site.visitor().post("/api/v1/session", json=body) as answer:
            cookie = cookies_of(answer.headers)["__Host-county_session"]
            assert cookie["secure"]
            assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
        await site.runner.cleanup()


@pytest.mark.parametrize(("login", "password"), [("dispatch1", "wrong"), ("nobody", "x"), ("", "")])
async def test_a_refused_login_says_nothing_more(site: Site, login: str, password: str) -> None:
    """Wrong password and unknown account are told alike."""
    visitor = site.visitor()
    form = {"login": login, "password": password}
    async with visitor.post("/login", data=form) as answer:
        page = await answer.text()
    assert 401 == answer.status
    assert "账号或密码不正确" in page
    assert not cookies_of(answer.headers).get("county_session")


async def test_the_interface_signs_in(site: Site) -> None:
    """POST, GET and DELETE of the session."""
    visitor = site.visitor()
    body = {"login": "dispatch1", "password": site.passwords["dispatch1"]}
    async with visitor.post("/api/v1/session", json=body) as answer:
        said = await answer.json()
        assert (200, "示范·甲") == (answer.status, said["name"])
        assert "core.alerts.read" in said["permissions"]
    async with visitor.get("/api/v1/session") as answer:
        assert 200 == answer.status
    async with visitor.delete("/api/v1/session") as answer:
        assert 200 == answer.status
    async with visitor.get("/api/v1/session") as answer:
        assert 401 == answer.status
    async with visitor.post("/api/v1/session", json={**body, "password": "no"}) as answer:
        assert 401 == answer.status


async def test_sessions_are_listed_and_ended(site: Site) -> None:
    """One sees where one is logged in, and ends another session."""
    here, there = await site.person("dispatch1"), await site.person("dispatch1")
    sessions = site.county.access.sessions
    token = next(iter(there.cookie_jar)).value
    other = await sessions.look_up(token)
    async with here.get("/account") as answer:
        assert f"/account/sessions/{other.id}/end" in await answer.text()
    stranger = await site.person("environment1")
    async with stranger.post(f"/account/sessions/{other.id}/end") as answer:
        assert 404 == answer.status
    async with here.post(f"/account/sessions/{other.id}/end") as answer:
        assert 200 == answer.status
        assert "已结束该处登录" in await answer.text()
    async with there.get("/api/v1/session") as answer:
        assert 401 == answer.status


async def test_one_changes_the_own_password(site: Site) -> None:
    """The new password counts, the other sessions end, this one stays, and the audit knows."""
    here, there = await site.person("dispatch1"), await site.person("dispatch1")
    new = "neun-neue-Woerter"
    form = {"old": site.passwords["dispatch1"], "new": new, "again": new}
    async with here.post("/account/password", data=form) as answer:
        page = await answer.text()
        assert (200, "/account") == (answer.status, answer.url.path)
    assert "密码已更改" in page
    assert new not in page
    async with there.get("/api/v1/session") as answer:
        assert 401 == answer.status
    body = {"login": "dispatch1", "password": new}
    async with site.visitor().post("/api/v1/session", json=body) as answer:
        assert 200 == answer.status
    wanted = AuditFilter(action="account.password")
    audited = site.county.store.read_now(
        lambda snapshot: read_audit(snapshot, Scope.everything(), wanted, day=0)
    )
    assert ["示范·甲"] == [row.actor for row in audited]


@pytest.mark.parametrize(
    ("language", "changed", "field", "words"),
    [
        ("zh", {"old": "wrong"}, "old", "当前密码不正确"),
        ("en", {"old": "wrong"}, "old", "The current password is wrong"),
        ("zh", {"again": "another-password"}, "again", "与上面的新密码不一致"),
        ("en", {"new": "short", "again": "short"}, "new", "12 to 256 characters"),
        ("zh", {"new": "dispatch1-dispatch1", "again": "dispatch1-dispatch1"}, "new", "不含账号名"),
    ],
)
async def test_a_refused_password_is_told_at_its_field(
    site: Site, language: str, changed: dict[str, str], field: str, words: str
) -> None:
    """In the reader's language, at the field, without what was typed; nothing is changed."""
    visitor = await site.person("dispatch1")
    new = "neun-neue-Woerter"
    form = {"old": site.passwords["dispatch1"], "new": new, "again": new, **changed}
    async with visitor.post(f"/account/password?lang={language}", data=form) as answer:
        page = await answer.text()
        assert 422 == answer.status
    assert f'id="action-password-{field}-error"' in page
    assert f'href="#action-password-{field}"' in page
    assert words in page
    for typed in (form["old"], form["new"]):
        assert f'value="{typed}"' not in page
    body = {"login": "dispatch1", "password": site.passwords["dispatch1"]}
    async with site.visitor().post("/api/v1/session", json=body) as answer:
        assert 200 == answer.status


async def test_guessing_the_current_password_locks_the_account(site: Site) -> None:
    """A session that was left open is no way around the lock."""
    visitor = await site.person("dispatch1")
    new = "neun-neue-Woerter"
    old = site.passwords["dispatch1"]
    for typed in (*["wrong"] * 5, old):
        form = {"old": typed, "new": new, "again": new}
        async with visitor.post("/account/password", data=form) as answer:
            assert 422 == answer.status
            assert "被暂时锁定" in await answer.text()


async def test_a_page_that_renews_itself_keeps_no_session_alive(
    site: Site, clock: StandingClock
) -> None:
    """Fragments and event streams do not count as use; the idle time runs on."""
    visitor = await site.person("dispatch1")
    last = 0
    for _ in range(4):
        clock.advance(seconds=10 * 60)
        async with visitor.get("/cases?fragment=1", allow_redirects=False) as answer:
            last = answer.status
    assert 303 == last


async def test_language(site: Site) -> None:
    """The language is chosen for the browser and kept with the account."""
    visitor = await site.person("dispatch1")
    form = {"language": "en", "next": "/cases"}
    async with visitor.post("/language", data=form) as answer:
        assert "Cases" in await answer.text()
        assert "/cases" == answer.url.path
    fresh = site.visitor()
    login = {"login": "dispatch1", "password": site.passwords["dispatch1"]}
    async with fresh.post("/login", data=login) as answer:
        assert '<html lang="en">' in await answer.text()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/cases?show=mine", "/cases?show=mine"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("", "/"),
    ],
)
def test_only_our_own_pages_follow_a_login(target: str, expected: str) -> None:
    """What ``next`` says cannot lead to another host."""
    assert expected == local_path(target)
