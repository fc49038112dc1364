"""Places of the small city, for tests: two roads, a compound, namesakes, doors. See `places.csv`."""

from pathlib import Path

from sqlalchemy.orm import Session

from webgis.grid import gazetteer, gazetteer_files

FILE = Path(__file__).with_name("places.csv")


def settle(session: Session) -> gazetteer.Outcome:
    """Import the places. The caller commits."""
    read = gazetteer_files.read(FILE, "cgcs2000")
    outcome = gazetteer.import_places(session, read.entries, read.faults, "small city", file=FILE.name)
    assert outcome.loaded, outcome.faults
    return outcome
