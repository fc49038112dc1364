"""`webgis live`: the process that holds the streams; `webgis serve` starts it beside the web."""

import asyncio

import click

from webgis import logs
from webgis.db import Runtime
from webgis.live import streams


@click.command()
@click.pass_obj
def live(runtime: Runtime) -> None:
    """Hold the streams of those who listen to changes, until told to stop."""
    logs.configure(runtime.settings)
    asyncio.run(streams.serve(runtime))
