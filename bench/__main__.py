"""`python -m bench NAME [--json]`: exit code 0 when every goal is met, 1 when one is missed."""

import signal
import sys

import click

from bench.claim import claim
from bench.components import components
from bench.cycle import cycle
from bench.desks import desks
from bench.duplicates import duplicates
from bench.geocode import geocode
from bench.grid import grid
from bench.heat import heat
from bench.pages import pages
from bench.storm import storm
from bench.telemetry import telemetry
from bench.tiles import tiles


@click.group()
def main() -> None:
    """Measure webgis beside its peers: what, ours, peer or floor, ratio (more is better), goal."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers that were started are stopped


main.add_command(claim)
main.add_command(components)
main.add_command(cycle)
main.add_command(desks)
main.add_command(duplicates)
main.add_command(geocode)
main.add_command(grid)
main.add_command(heat)
main.add_command(pages)
main.add_command(storm)
main.add_command(telemetry)
main.add_command(tiles)

if __name__ == "__main__":
    main()
