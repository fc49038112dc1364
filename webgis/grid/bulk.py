"""Rows by the hundred thousand into and out of PostgreSQL: COPY in its binary form, made and read with NumPy.

Values of a column are an array: int64 (bigint), int32 (integer), float64 (double precision), "S" or "U" (text), or
objects of bytes (whatever the type's binary form is; EWKB for a geometry), where None is NULL.
"""

import io
import struct
from collections.abc import Sequence

import numpy as np
import shapely

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
_WIRE = {"i8": ">i8", "i4": ">i4", "f8": ">f8"}


def write(cursor, target: str, columns: Sequence[np.ndarray]) -> int:
    """COPY `columns` into `target` ("schema.table (a, b)", trusted text); returns the number of rows.

    Rows of equal layout are written together, so their order in the table is not that of the arrays.
    """
    with io.BytesIO() as stream:
        stream.write(HEADER)
        for block in _blocks([np.asarray(column) for column in columns]):
            stream.write(block)
        stream.write(TRAILER)
        stream.seek(0)
        cursor.copy_expert(f"COPY {target} FROM STDIN (FORMAT binary)", stream, size=1 << 20)
        return cursor.rowcount


def _blocks(columns: list[np.ndarray]):
    """The rows in as many blocks as there are layouts, a layout being the lengths of the values in a row."""
    varying = [column for column in columns if column.dtype == object]
    if not varying:
        yield _block(columns, slice(None))
        return
    lengths = np.stack([_lengths(column) for column in varying], axis=1)
    order = np.lexsort(lengths.T)
    breaks = np.flatnonzero((np.diff(lengths[order], axis=0) != 0).any(axis=1)) + 1
    for rows in np.split(order, breaks):
        if len(rows):
            yield _block(columns, np.sort(rows))


def _lengths(column: np.ndarray) -> np.ndarray:
    return np.fromiter((-1 if value is None else len(value) for value in column), dtype=np.int64, count=len(column))


def _block(columns: list[np.ndarray], rows) -> bytes:
    layout: list[tuple] = [("fields", ">i2")]
    values = []
    for n, column in enumerate(columns):
        wire, width, given = _wire(column[rows])
        layout.append((f"length{n}", ">i4"))
        if width > 0:
            layout.append((f"value{n}", wire))
        values.append((width, given))
    made = np.empty(len(values[0][1]), dtype=layout)
    made["fields"] = len(columns)
    for n, (width, given) in enumerate(values):
        made[f"length{n}"] = width
        if width > 0:
            made[f"value{n}"] = given
    return made.tobytes()


def _wire(column: np.ndarray) -> tuple[str, int, np.ndarray]:
    """Type on the wire, width (-1: NULL) and values of one column of a block."""
    if column.dtype == object:
        if not len(column) or column[0] is None:
            return "", -1, column
        width = len(column[0])
        if not width:
            return "", 0, column
        return f"V{width}", width, np.frombuffer(b"".join(column), dtype=f"V{width}")
    if column.dtype.kind == "U":
        column = np.char.encode(column, "utf-8")
    if column.dtype.kind == "S":
        return f"V{column.itemsize}", column.itemsize, np.ascontiguousarray(column).view(f"V{column.itemsize}")
    return _WIRE[column.dtype.str[1:]], column.itemsize, column


def read(cursor, query: str, dtypes: Sequence[str]) -> list[np.ndarray]:
    """The columns of `query` (trusted SQL) as arrays: "i8", "i4", "f8" where no value is NULL, else "O" for bytes.

    Text and geometry come as bytes. Two columns or two million rows: one pass of COPY, no row is touched by Python
    unless there is a column of bytes.
    """
    stream = io.BytesIO()
    cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", stream, size=1 << 20)
    held = stream.getbuffer()
    skip = len(HEADER) + struct.unpack_from(">i", held, len(HEADER) - 4)[0]
    if "O" not in dtypes:
        return _read_even(held[skip:-2], dtypes)
    return _read_uneven(held, skip, dtypes)


def _read_even(held, dtypes: Sequence[str]) -> list[np.ndarray]:
    layout: list[tuple] = [("fields", ">i2")]
    for n, dtype in enumerate(dtypes):
        layout += [(f"length{n}", ">i4"), (f"value{n}", _WIRE[dtype])]
    rows = np.frombuffer(held, dtype=layout)
    for n in range(len(dtypes)):
        if (rows[f"length{n}"] != layout_width(dtypes[n])).any():
            raise ValueError(f"column {n} has NULLs or is not {dtypes[n]}")
    return [rows[f"value{n}"].astype(dtype) for n, dtype in enumerate(dtypes)]


def layout_width(dtype: str) -> int:
    return int(dtype[1:])


def _read_uneven(held, at: int, dtypes: Sequence[str]) -> list[np.ndarray]:
    values: list[list] = [[] for _ in dtypes]
    integer = struct.Struct(">i").unpack_from
    end = len(held) - 2
    while at < end:
        at += 2
        for column in values:
            length = integer(held, at)[0]
            at += 4
            column.append(None if length < 0 else bytes(held[at : at + length]))
            at += max(length, 0)
    return [_column(column, dtype) for column, dtype in zip(values, dtypes, strict=True)]


def _column(values: list, dtype: str) -> np.ndarray:
    if dtype == "O":
        made = np.empty(len(values), dtype=object)
        made[:] = values
        return made
    return np.frombuffer(b"".join(values), dtype=_WIRE[dtype]).astype(dtype)


def row(values: Sequence[bytes | None]) -> bytes:
    """One row as it stands in the stream, of values in their binary form."""
    fields = (b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value for value in values)
    return struct.pack(">h", len(values)) + b"".join(fields)


def ewkb(geoms: np.ndarray, srid: int) -> np.ndarray:
    """Geometries (2D) as a column of EWKB for `write`."""
    plain = shapely.to_wkb(geoms, byte_order=1, output_dimension=2)
    head = {kind: struct.pack("<BII", 1, kind | 0x20000000, srid) for kind in range(1, 8)}
    made = np.empty(len(plain), dtype=object)
    made[:] = [head[one[1]] + one[5:] for one in plain]
    return made
