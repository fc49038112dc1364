"""What fields of an emergency may hold. Pure."""

from typing import Any

from webgis import texts
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.errors import Invalid

LONGEST_TITLE, LONGEST_WORDS, LONGEST_ADDRESS = 100, 2000, 256
LEAST_RADIUS_M, LARGEST_RADIUS_M = 10, 20_000
LONGEST_MINUTES = 30 * 24 * 60
USUAL_RADIUS_M = 300.0


def bad_field(field: str, got: Any, accepted: str) -> Invalid:
    """The refusal of a field: what it is, what was given, what would be accepted."""
    shown = got if isinstance(got, (int, float)) or got is None else str(got)[:200]
    return Invalid("emergency.bad-field", f"{field}: {accepted}", field=field, got=shown, accepted=accepted)


def words(field: str, given: str | None, longest: int = LONGEST_WORDS) -> str:
    """A text that must say something, without blanks around it."""
    if not texts.says(given, longest):
        raise bad_field(field, given, f"1 to {longest:,} characters")
    return given.strip()


def kind(given: str) -> str:
    """A kind of emergency."""
    if given not in KINDS:
        raise bad_field("kind", given, ", ".join(KINDS))
    return given


def level(given: int) -> int:
    """A level, 1 to 4."""
    if given not in LEVELS:
        raise bad_field("level", given, "1 (the gravest) to 4")
    return given


def radius(given: float) -> float:
    """Metres around the place."""
    if not LEAST_RADIUS_M <= given <= LARGEST_RADIUS_M:
        raise bad_field("radius_m", given, f"metres from {LEAST_RADIUS_M} to {LARGEST_RADIUS_M:,}")
    return float(given)


def minutes(given: int) -> int:
    """How long a task may take."""
    if not 1 <= given <= LONGEST_MINUTES:
        raise bad_field("minutes", given, f"a whole number from 1 to {LONGEST_MINUTES:,}")
    return given
