"""Files sent to administrators' forms, and their long work done as a worker would."""

import re
from io import BytesIO
from pathlib import Path

import openpyxl
import shapely
from werkzeug.datastructures import FileStorage

from webgis import jobs, worker
from webgis.grid import files

WORK = re.compile(r"/admin/\w+/work/[\w-]+")


def send(someone, path: str, file: bytes | None = None, called: str = "file.geojson", **fields):
    """POST a form with a file, as the page would."""
    given = {"csrf_token": someone.token} | fields
    if file is not None:
        given["file"] = FileStorage(BytesIO(file), called)
    return someone.client.post(path, data=given, headers=someone.headers, content_type="multipart/form-data")


def do(runtime) -> None:
    """What waits in the slow queue is done."""
    worker.import_tasks()
    jobs.drain(runtime, "slow")


def looked_at(someone, runtime, answer) -> str:
    """The address of the work that an answer leads to, once it was looked at."""
    assert answer.status_code == 303, answer.text
    do(runtime)
    return WORK.search(answer.location)[0]


def areas_file(folder: Path, shapes: dict[str, shapely.Geometry], names=None) -> bytes:
    """A GeoJSON of areas by code."""
    path = folder / "areas.geojson"
    named = names or {code: f"区域{code}" for code in shapes}
    columns = {"code": list(shapes), "name_zh": [named[code] for code in shapes]}
    files.write(path, list(shapes.values()), columns)
    return path.read_bytes()


def table(rows) -> bytes:
    """An XLSX file of these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    made = BytesIO()
    book.save(made)
    return made.getvalue()
