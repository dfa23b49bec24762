"""``county-gov account`` and ``county-gov device``: who may come in."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Annotated

import typer

from county_gov.cli.arguments import DeploymentFile
from county_gov.cli.running import operator, with_county

if TYPE_CHECKING:
    from county_gov.deployment import County
    from county_gov.registers import RegisterFile
    from county_gov.store import Transaction

app = typer.Typer(help="Accounts of people.", no_args_is_help=True)
device_app = typer.Typer(help="Keys of devices.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="Login of the account.")]
DeviceCode = Annotated[str, typer.Argument(help="Code of the device.")]


@app.command("create")
def create(
    file: DeploymentFile,
    login: Login,
    name: Annotated[str, typer.Option(help="Name of the person.")],
    post: Annotated[list[str], typer.Option(help="role:unit:area; may be given several times.")],
) -> None:
    """Make an account with a generated password, which is shown once."""
    from county_gov.registers import read_people

    lines = _register_of(login, name, post)

    async def work(county: County) -> str:
        (person,) = read_people(lines, county.registers.snapshot, county.settings.roles)
        return await county.access.accounts.create(person, actor=operator())

    typer.echo(f"{login}: {with_county(file, work)}")


def _register_of(login: str, name: str, posts: list[str]) -> RegisterFile:
    """A register of one person, so that what a file may not say a command may not say either."""
    from county_gov.registers import RegisterFile

    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(("login", "name", "role", "unit", "area"))
    for post in posts:
        parts = post.split(":")
        if len(parts) != 3:  # noqa: PLR2004 (role, unit and area)
            raise typer.BadParameter(f"--post {post!r}: expected role:unit:area")
        writer.writerow((login, name, *parts))
    return RegisterFile("accounts", "--post", text.getvalue().encode())


@app.command("password")
def password(file: DeploymentFile, login: Login) -> None:
    """Give an account a new generated password, shown once; its sessions end."""

    async def work(county: County) -> str:
        return await county.access.accounts.set_password(login, actor=operator())

    typer.echo(f"{login}: {with_county(file, work)}")


@app.command("close")
def close(file: DeploymentFile, login: Login) -> None:
    """Close an account and end its sessions."""

    async def work(county: County) -> None:
        await county.access.accounts.close(login, actor=operator())

    with_county(file, work)
    typer.echo(f"{login}: closed")


@device_app.command("key")
def key(
    file: DeploymentFile,
    code: DeviceCode,
    name: Annotated[str, typer.Option(help="What the device is called.")] = "",
    area: Annotated[
        str | None,
        typer.Option(help="It may write only the datastreams in this area; empty: all."),
    ] = None,
) -> None:
    """Give a device its first or next key, shown once; the one before counts for seven days."""

    async def work(county: County) -> str:
        if county.settings.secrets.device_master is None:
            raise typer.BadParameter("set [secrets] device_master first: keys are derived from it")

        if area and area not in county.registers.snapshot.areas:
            raise typer.BadParameter(f"--area {area!r}: no such area is in the register")

        def issue(tx: Transaction) -> str:
            return county.access.devices.issue_device_key(
                tx, code, actor=operator(), name=name, area=area
            )

        return await county.store.write(issue)

    typer.echo(f"{code}: {with_county(file, work)}")


@device_app.command("close")
def close_device(file: DeploymentFile, code: DeviceCode) -> None:
    """Refuse all that a device signs from now on."""

    async def work(county: County) -> None:
        await county.store.write(
            lambda tx: county.access.devices.close_device(tx, code, actor=operator())
        )

    with_county(file, work)
    typer.echo(f"{code}: closed")
