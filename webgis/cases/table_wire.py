"""Tables over HTTP: a file that was sent, a workbook to take away, a row as JSON."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Response, request, send_file
from sqlalchemy import Row
from werkzeug.datastructures import FileStorage

from webgis.cases import workflow
from webgis.catalog import sheets

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@contextmanager
def uploaded() -> Iterator[Path]:
    """The table in the field `file` of the request, as a file while the block runs."""
    given = request.files.get("file")
    if given is None or not given.filename:
        raise workflow.bad_field("file", None, "a CSV, TSV or XLSX file")
    with saved(given, Path(given.filename).suffix.lower()[:8]) as path:
        yield path


@contextmanager
def saved(given: FileStorage, ending: str) -> Iterator[Path]:
    """What was sent as a file with this ending (".csv"), while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{ending}"
        given.save(path)
        yield path


def workbook(name: str, write: Callable[[Path], object]) -> Response:
    """An XLSX file of this name, which `write` fills."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.xlsx"
        write(path)
        file = path.open("rb")
    return send_file(file, mimetype=WORKBOOK, as_attachment=True, download_name=path.name)


def rows_workbook(name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Response:
    """An XLSX file of one table."""
    return workbook(name, lambda path: sheets.write(path, header, rows))


def plain(row: Row) -> dict[str, Any]:
    """A row as values of an answer."""
    return dict(row._mapping)
