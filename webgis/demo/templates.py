"""A row, and what is hashed of it, as bytes with gaps where one case differs from another.

PostgreSQL writes them: a row in COPY's binary form, and the bytes that `fn.case_digest` and `fn.event_hash` hash. Each
value that differs is a mark there, as long as what will stand in its place; marks of texts take their length along. So
no layout is known here, and a column that is added tomorrow is copied like the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from struct import pack
from typing import NamedTuple

from webgis.cases.working_time import micros
from webgis.grid import bulk

WORDS, ADDRESS = "〔事由在此〕", "〔地址在此〕"
"""Stand for what is said of a case and where it is."""

MOST_STEPS = 10
GAPS = (
    "case", "event", "number", "cell_id", "cell", "lon", "lat", "xy", "words", "address", "picture", "hash", "digest",
    "deadline", "due", *(f"at{n}" for n in range(MOST_STEPS)), *(f"stamp{n}" for n in range(MOST_STEPS)),
)  # fmt: skip
"""What differs, in the order in which values are given: moments as PostgreSQL holds them, and as ledgers tell them."""

CASE, EVENT, CELL, PICTURE = 0x5C0A11C7E1B2D301, 0x5C0A11C7E1B2D302, 0x5C0A11C7E1B2D303, 0x5C0A11C7E1B2D304
HASH, DIGEST = bytes(range(0x60, 0x80)), bytes(range(0xC0, 0xE0))
POSTGRES_EPOCH = micros(datetime(2000, 1, 1, tzinfo=UTC))


Columns = Mapping[str, Sequence[str]]
"""Table -> the columns that are written."""


class Template(NamedTuple):
    """Bytes with gaps: `form % take(values)`, the values in the order of `GAPS`."""

    form: bytes
    take: itemgetter


def degrees(value: float) -> str:
    """An angle in so many digits that all of a city have as many: about a centimetre. The last one is not 0, which
    would be lost when it is read as a number."""
    text = f"{value:.{8 if abs(value) < 100 else 7}f}"
    return text if text[-1] != "0" else text[:-1] + "1"


def moment(at: datetime) -> bytes:
    """A moment as PostgreSQL sends it."""
    return pack(">q", micros(at) - POSTGRES_EPOCH)


def worded(text: str) -> bytes:
    """A text with its length before it."""
    value = text.encode()
    return pack(">i", len(value)) + value


def marks(line, place: tuple[str, str], moments: Sequence[datetime]) -> dict[str, bytes]:
    """The marks of a pattern's case: gap -> the bytes that stand there."""
    found = {
        "case": pack(">q", CASE), "event": pack(">q", EVENT), "cell_id": pack(">q", CELL),
        "picture": pack(">q", PICTURE), "hash": HASH, "digest": DIGEST, "words": worded(WORDS),
        "address": worded(ADDRESS), "number": line.number.encode(), "cell": line.cell_code.encode(),
        "lon": place[0].encode(), "lat": place[1].encode(), "xy": pack("<dd", *map(float, place)),
    }  # fmt: skip
    for n, at in enumerate(moments):
        found |= {f"at{n}": moment(at), f"stamp{n}": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}".encode()}
    return found


def dues(deadline: datetime | None, due: datetime | None) -> dict[str, bytes]:
    """The marks of the deadline, and of what is due now where that is another moment."""
    found = {"deadline": deadline, "due": None if due == deadline else due}
    return {gap: moment(at) for gap, at in found.items() if at is not None}


def template(raw: bytes, marks: Mapping[str, bytes]) -> Template:
    """The gaps of `marks` cut into `raw`; the longest first, since one mark may hold another."""
    pieces: list[bytes | str] = [raw]
    for gap, mark in sorted(marks.items(), key=lambda one: -len(one[1])):
        pieces = [part for piece in pieces for part in _cut(piece, gap, mark)]
    form = b"".join(b"%b" if isinstance(piece, str) else piece.replace(b"%", b"%%") for piece in pieces)
    return Template(form, itemgetter(*(GAPS.index(piece) for piece in pieces if isinstance(piece, str))))


def _cut(piece: bytes | str, gap: str, mark: bytes) -> Iterator[bytes | str]:
    first, *rest = piece.split(mark) if isinstance(piece, bytes) else [piece]
    yield first
    for part in rest:
        yield gap
        yield part


_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_BARE = """
SELECT replace(replace(pg_get_functiondef(%(name)s::regproc), %(name)s, %(bare)s), 'sha256(', '(')
"""
_CASE = """
SELECT {what} FROM city.case c, LATERAL jsonb_populate_record(c, jsonb_build_object(
    'id', {case}, 'cell_id', {cell}, 'head', '\\x{hash}', 'changed_at', '{at}'::timestamptz)) n WHERE c.id = {id}
"""
_EVENT = """
SELECT {what} FROM city.case_event e, LATERAL jsonb_populate_record(e, jsonb_build_object(
    'id', {event}, 'case_id', {case}, 'recorded_at', e.at, 'hash', '\\x{hash}', 'digest', '\\x{digest}')) n
WHERE e.case_id = {id} ORDER BY e.seq
"""
_PHOTO = """
SELECT {what} FROM city.photo p CROSS JOIN LATERAL jsonb_populate_record(p, jsonb_build_object(
    'case_id', {case}, 'event_id', {event}, 'picture_hash', {picture})) n
JOIN city.case_event e ON e.id = p.event_id WHERE p.case_id = {id} ORDER BY p.id
"""
_VALUES = {
    "case": CASE, "event": EVENT, "cell": CELL, "picture": PICTURE, "hash": HASH.hex(), "digest": DIGEST.hex()
}  # fmt: skip


def prepare(cursor) -> Columns:
    """Have PostgreSQL say what it hashes; the columns of each table. A photo's id is left to the table."""
    for name in ("case_digest", "event_hash"):
        cursor.execute(_BARE, {"name": f"fn.{name}", "bare": f"pg_temp.{name}"})
        cursor.execute(cursor.fetchone()[0])
    columns = {}
    for table in ("case", "case_event", "photo"):
        cursor.execute(_COLUMNS, (f"city.{table}",))
        columns[table] = [name for (name,) in cursor.fetchall() if (table, name) != ("photo", "id")]
    return columns


def case(cursor, columns: Columns, id: int, at: datetime, marks: Mapping[str, bytes]) -> tuple[Template, Template]:
    """The row of a case whose last step was at this moment, and what its digest is made of."""
    values = _VALUES | {"id": id, "at": at.isoformat()}
    ((row, said),) = _read(cursor, _CASE, columns["case"], "pg_temp.case_digest(n)", values)
    return template(row, marks), template(said, marks)


def events(
    cursor, columns: Columns, id: int, marks: Mapping[str, bytes]
) -> Iterator[tuple[Template, Template, list[Template]]]:
    """Of each event of a case: its row, what its hash is made of, and the rows of its photos."""
    values = _VALUES | {"id": id}
    shown = _read(cursor, _PHOTO, columns["photo"], "e.seq", values)
    for seq, (row, said) in enumerate(
        _read(cursor, _EVENT, columns["case_event"], "pg_temp.event_hash('', n)", values), start=1
    ):
        photos = [template(photo, marks) for photo, of in shown if int.from_bytes(of) == seq]
        yield template(row, marks), template(said, marks), photos


def _read(cursor, query: str, columns: Sequence[str], more: str, values: Mapping) -> list[tuple[bytes, bytes]]:
    """The rows of a query as COPY takes them, and one more value of each."""
    what = ", ".join([*(f"n.{name}" for name in columns), more])
    read = bulk.read(cursor, query.format(what=what, **values), "O" * (len(columns) + 1))
    return [(bulk.row(row[:-1]), row[-1]) for row in zip(*read, strict=True)]
