"""Files that were sent for long work: kept under `var/work/<name>` until it is done or forgotten, a Shapefile unpacked.

What a work draws for its page (`SHAPES`) lies there too.
"""

import shutil
import zlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from webgis.errors import Invalid
from webgis.settings import Settings

UNPACKED_MB = 2000
"""A ZIP that would be larger than this unpacked is not taken."""

LONGEST_STEM = 40
"""Characters of a name in a ZIP that are kept: no file system takes the longest."""

SHAPES = "shapes.geojson"
SHAPEFILE = {".shp", ".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix"}
GEOGRAPHIC = (".geojson", ".json", ".gpkg", ".zip")
TABLES = (".csv", ".tsv", ".xlsx")
BEGINNINGS = {".geojson": b"{", ".json": b"{", ".gpkg": b"SQLite format 3", ".shp": b"\0\0\x27\x0a"}
"""How a file of each ending begins, where that tells it from others."""


def folder_of(settings: Settings, name: str) -> Path:
    """Where the files of a work lie."""
    return settings.var_dir / "work" / name


def file_in(folder: Path) -> Path | None:
    """The file that was sent, or the Shapefile in the ZIP that was sent."""
    sent = sorted(folder.glob("sent.*"))
    unpacked = sorted(folder.glob("unpacked/*.shp"))
    return unpacked[0] if unpacked else sent[0] if sent else None


def keep(folder: Path, file: Path) -> None:
    """Copy a file into the folder of a work that is new, a ZIP unpacked beside it. `Invalid`, and no folder, when it is
    not what its name says.
    """
    folder.mkdir(parents=True)
    try:
        kept = Path(shutil.copy(file, folder / f"sent{file.suffix.lower()}"))
        _check_beginning(kept)
        if kept.suffix == ".zip":
            _unpack(kept, folder / "unpacked")
    except Invalid:
        shutil.rmtree(folder)
        raise


def forget(settings: Settings, name: str) -> None:
    """Remove the files of a work, if there are any."""
    shutil.rmtree(folder_of(settings, name), ignore_errors=True)


def _check_beginning(file: Path) -> None:
    """Refuse a file that is not what its name says: GDAL goes by the content, and knows forms that name other files."""
    with file.open("rb") as opened:
        found = opened.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not found.startswith(BEGINNINGS.get(file.suffix, b"")):
        raise Invalid("grid.file-unreadable", f"{file.suffix} cannot be read: it is another kind of file", field="file")


def _unpack(file: Path, into: Path) -> None:
    """The Shapefile of a ZIP, without its folders."""
    try:
        with ZipFile(file) as packed:
            members = [one for one in packed.infolist() if Path(one.filename).suffix.lower() in SHAPEFILE]
            names = {Path(one.filename).name for one in members}
            shapes = [one for one in names if one.lower().endswith(".shp")]
            if len(shapes) != 1 or sum(one.file_size for one in members) > UNPACKED_MB * 1024 * 1024:
                raise _bad_zip()
            if not all(one.compress_type in (ZIP_STORED, ZIP_DEFLATED) for one in members):
                raise _bad_zip()
            into.mkdir()
            for one in members:
                name = Path(one.filename)
                part = into / f"{name.stem[:LONGEST_STEM]}{name.suffix.lower()}"
                with packed.open(one) as source, part.open("wb") as target:
                    shutil.copyfileobj(source, target)
            _check_beginning(next(into.glob("*.shp")))
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error):
        raise _bad_zip() from None


def _bad_zip() -> Invalid:
    message = f"Give a ZIP that holds one Shapefile (.shp, .shx, .dbf, .prj), unpacked at most {UNPACKED_MB} MB"
    return Invalid("exchange.bad-zip", message, field="file")
