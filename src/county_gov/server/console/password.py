"""Changing one's own password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from county_gov.access.passwords import LONGEST, SHORTEST
from county_gov.contract.text import Text
from county_gov.errors import AuthenticationFailed, RegisterError
from county_gov.server import cookies
from county_gov.server.refusal import TooManyRequests
from county_gov.server.render import Action, ActionField

if TYPE_CHECKING:
    from county_gov.server.call import Call

CHANGE = Text(zh="更改密码", en="Change the password")
RULES = Text(
    zh=f"{SHORTEST} 至 {LONGEST} 个字符，不含账号名，不要只重复少数几个字符。",
    en=f"{SHORTEST} to {LONGEST} characters; without your account's name, and not the same few "
    "characters again and again.",
)
WRONG = Text(
    zh="当前密码不正确，或账号因多次输错被暂时锁定。",
    en="The current password is wrong, or the account is locked for a while after several "
    "failures.",
)
DIFFERENT = Text(zh="与上面的新密码不一致。", en="This is not the new password above.")
SAME = Text(zh="请选择与当前密码不同的新密码。", en="Choose one that is not the current one.")


@frozen
class _Planned:
    name: str
    kind: Literal["old_password", "new_password"]
    label: Text
    help: Text | None = None


FIELDS = (
    _Planned("old", "old_password", Text(zh="当前密码", en="Current password")),
    _Planned("new", "new_password", Text(zh="新密码", en="New password"), RULES),
    _Planned("again", "new_password", Text(zh="再次输入新密码", en="New password again")),
)


def password_form(errors: Mapping[str, Text] | None = None) -> Action:
    """The form; what was typed is never sent back.

    Args:
        errors: What is wrong, by the field's name.
    """
    found = errors or {}
    return Action(
        id="password",
        label=CHANGE,
        href="/account/password",
        fields=tuple(
            ActionField(
                name=one.name,
                label=one.label,
                kind=one.kind,
                required=True,
                help=one.help,
                error=found.get(one.name),
            )
            for one in FIELDS
        ),
    )


async def change_password(call: Call, form: Mapping[str, str]) -> Mapping[str, Text]:
    """Change it; the other sessions of the person end.

    Returns:
        What is wrong, by the field's name; nothing was changed then.

    Raises:
        TooManyRequests: if an address tries too often.
    """
    old, new = form.get("old", ""), form.get("new", "")
    if new != form.get("again", ""):
        return {"again": DIFFERENT}
    if new == old:
        return {"new": SAME}
    seconds = call.service.sign_ins.take(f"address:{call.address}")
    if seconds > 0:
        words = f"too many attempts; try again in {seconds:.0f} s"
        raise TooManyRequests(words, retry_after=seconds)
    token = call.request.cookies.get(cookies.session_cookie(secure=call.secure), "")
    try:
        await call.county.access.accounts.change_password(call.actor, old, new, keep=token)
    except AuthenticationFailed:
        return {"old": WRONG}
    except RegisterError:
        return {"new": RULES}
    return {}
