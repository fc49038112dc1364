"""`webgis components generate`: made-up components, beside the commands of the register itself."""

import click

from webgis.accounts import admin_log
from webgis.cases.table_commands import console
from webgis.db import Runtime
from webgis.demo import components as generator
from webgis.exchange.component_commands import components


@components.command()
@click.option("--area", "areas", multiple=True, help="Code of an area; may be repeated. Default: the settings' city.")
@click.option(
    "--count", type=click.IntRange(1, 2_000_000), default=generator.COUNT, show_default=True, help="How many."
)
@click.option("--seed", default=generator.SEED, show_default=True, help="Another seed gives other components.")
@click.pass_obj
@admin_log.recorded("components.generate")
def generate(runtime: Runtime, areas: tuple[str, ...], count: int, seed: int) -> None:
    """Make up components in the cells of areas, as a city has them: for demonstrations and measurements."""
    with runtime.transaction() as session:
        made = generator.generate(session, areas or (runtime.settings.city_code,), count, seed)
    console.print(f"{made:,} components made", highlight=False)
