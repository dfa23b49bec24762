"""Logging in and out, the language, and where one is logged in."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from county_gov.contract.text import Text
from county_gov.errors import AuthenticationFailed, NotFound
from county_gov.server import cookies
from county_gov.server.call import LANGUAGES
from county_gov.server.console.frame import draw
from county_gov.server.console.password import CHANGE, change_password, password_form
from county_gov.server.render import Action, SessionRow, field_errors
from county_gov.server.routes import PUBLIC, SIGNED_IN, Route
from county_gov.server.signing_in import give_session, local_path, sign_in, sign_out

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.access import Session
    from county_gov.server.call import Call

LOGIN = Text(zh="登录", en="Log in")
ACCOUNT = Text(zh="我的账号", en="Your account")
REFUSED = Text(
    zh="账号或密码不正确，或账号因多次输错被暂时锁定。请核对后稍候再试。",
    en="Account or password is wrong, or the account is locked for a while after several "
    "failures. Check them and try again later.",
)
FORM = ("application/x-www-form-urlencoded",)


async def show_login(call: Call) -> web.StreamResponse:
    """The form to log in; whoever is logged in goes on."""
    target = local_path(call.request.query.get("next", "/"))
    if call.session is not None:
        return call.redirect(target)
    return await draw(call, "login.html", title=LOGIN, login="", next=target, error=None)


async def post_login(call: Call) -> web.StreamResponse:
    """Log in."""
    form = await call.form()
    login, target = form.get("login", ""), local_path(form.get("next", "/"))
    try:
        token = await sign_in(call, login, form.get("password", ""))
    except AuthenticationFailed:
        return await draw(
            call,
            "login.html",
            title=LOGIN,
            status=HTTPStatus.UNAUTHORIZED,
            login=login[:200],
            next=target,
            error=REFUSED,
        )
    response = call.redirect(target)
    give_session(call, response, token)
    return response


async def post_logout(call: Call) -> web.StreamResponse:
    """Log out."""
    response = call.redirect("/login", flash="logged_out")
    await sign_out(call, response)
    return response


async def post_language(call: Call) -> web.StreamResponse:
    """Change the language of the console, and of notices to this person."""
    form = await call.form()
    response = call.redirect(local_path(form.get("next", "/")))
    language = form.get("language", "")
    if language in LANGUAGES:
        if call.session is not None:
            await call.county.access.accounts.set_language(call.actor, language)
        cookies.set_language(response, language, secure=call.secure)
    return response


async def show_account(call: Call) -> web.StreamResponse:
    """Name, posts, language, password and sessions."""
    return await _draw_account(call, password_form())


async def post_password(call: Call) -> web.StreamResponse:
    """Change one's own password."""
    wrong = await change_password(call, await call.form())
    if wrong:
        form = password_form(wrong)
        return await _draw_account(call, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return call.redirect("/account", flash="password_changed")


async def _draw_account(
    call: Call, password: Action, *, status: HTTPStatus = HTTPStatus.OK
) -> web.StreamResponse:
    sessions = await call.county.access.sessions.list_of(call.actor)
    return await draw(
        call,
        "account.html",
        title=ACCOUNT,
        status=status,
        password=password,
        errors=field_errors([password]),
        sessions=tuple(_row(call, one) for one in sessions),
    )


BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
"""What a browser calls itself, in the order in which the more exact name is found first."""


def browser_words(agent: str) -> str:
    """The browser and system that a User-Agent names, or its first characters."""
    found = [
        next((words for sign, words in known if sign in agent), "") for known in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(filter(None, found)) or agent[:80]


def _row(call: Call, one: Session) -> SessionRow:
    current = call.session is not None and one.id == call.session.id
    end = Action(
        id=f"end-{one.id}",
        label=Text(zh="结束此处登录", en="End this session"),
        href=f"/account/sessions/{one.id}/end",
    )
    device = " · ".join(part for part in (browser_words(one.agent), one.address) if part) or "—"
    return SessionRow(
        Text(zh=device), one.created_at, one.seen_at, current, None if current else end
    )


async def end_session(call: Call) -> web.StreamResponse:
    """End one of one's own sessions."""
    if not await call.county.access.sessions.revoke(call.actor, call.part("id")):
        raise NotFound("there is no such session of yours")
    return call.redirect("/account", flash="session_ended")


ROUTES = (
    Route("GET", "/login", show_login, PUBLIC, LOGIN),
    Route("POST", "/login", post_login, PUBLIC, LOGIN, media=FORM),
    Route("POST", "/logout", post_logout, SIGNED_IN, Text(zh="退出登录", en="Log out")),
    Route(
        "POST",
        "/language",
        post_language,
        PUBLIC,
        Text(zh="更改界面语言", en="Change the language"),
        media=FORM,
    ),
    Route("GET", "/account", show_account, SIGNED_IN, ACCOUNT),
    Route("POST", "/account/password", post_password, SIGNED_IN, CHANGE, media=FORM),
    Route(
        "POST",
        "/account/sessions/{id:[0-9a-f]{1,64}}/end",
        end_session,
        SIGNED_IN,
        Text(zh="结束登录", en="End one of one's own sessions"),
        failures=(404,),
    ),
)
