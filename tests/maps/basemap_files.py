"""Small basemaps for tests: a PMTiles archive of one picture, and an MBTiles file of one tile."""

import sqlite3
import struct
from contextlib import closing
from io import BytesIO
from pathlib import Path

from PIL import Image

MVT = bytes.fromhex("1a0d78020a056561727468288020")
"""A vector tile with one layer, "earth", that holds nothing."""


def picture(colour: tuple[int, int, int] = (120, 160, 120)) -> bytes:
    """A picture tile of one colour."""
    buffer = BytesIO()
    Image.new("RGB", (256, 256), colour).save(buffer, "PNG")
    return buffer.getvalue()


def pmtiles(file: Path, tile: bytes, kind: int = 2) -> Path:
    """An archive (PMTiles 3, nothing packed) whose only tile is that of zoom 0. `kind`: 1 vector, 2 PNG."""
    directory = bytes([1, 0, 1]) + _varint(len(tile)) + bytes([1])
    metadata = b"{}"
    start = 127
    offsets = (start, len(directory), start + len(directory), len(metadata), 0, 0)
    data = start + len(directory) + len(metadata)
    head = b"PMTiles\x03" + struct.pack("<11Q", *offsets, data, len(tile), 1, 1, 1)
    head += bytes([1, 1, 1, kind, 0, 0]) + struct.pack("<4i", -1800000000, -850000000, 1800000000, 850000000)
    head += bytes([0]) + struct.pack("<2i", 0, 0)
    file.write_bytes(head + directory + metadata + tile)
    return file


def _varint(value: int) -> bytes:
    made = b""
    while value > 127:
        made += bytes([value & 127 | 128])
        value >>= 7
    return made + bytes([value])


def mbtiles(file: Path, tile: bytes, form: str = "png", zoom: int = 1, row: int = 1) -> Path:
    """A file whose only tile is column 0 and `row` (counted from the south) of a zoom."""
    with closing(sqlite3.connect(file)) as made, made:
        made.execute("CREATE TABLE metadata (name text, value text)")
        made.execute("CREATE TABLE tiles (zoom_level int, tile_column int, tile_row int, tile_data blob)")
        told = [("format", form), ("attribution", "<b>Survey</b> of the city")]
        made.executemany("INSERT INTO metadata VALUES (?, ?)", told)
        made.execute("INSERT INTO tiles VALUES (?, 0, ?, ?)", (zoom, row, tile))
    return file
