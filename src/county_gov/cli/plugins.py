"""``county-gov plugin``: which plugins are there, and are they good?"""

from __future__ import annotations

import typer

from county_gov.cli import plugin_list, plugin_new, plugin_test

app = typer.Typer(help="Plugins.", no_args_is_help=True)
app.command("list")(plugin_list.list_plugins)
app.command("test")(plugin_test.check_plugin)
app.command("new")(plugin_new.new)
