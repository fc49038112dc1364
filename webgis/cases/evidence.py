"""Photos: what is accepted, what is kept of them, and where the files lie.

A photo is recognised by its content, not its name. Time and position are read from EXIF, then the picture is encoded
anew without it, so that nothing a phone wrote into the file is handed on. Files lie under `var/photos` by the SHA-256
of what is stored; a file whose transaction was rolled back is harmless and is used again when the photo comes again.
"""

import hashlib
import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from PIL import ExifTags, Image, ImageOps

from webgis import durable, geo
from webgis.cases import geofence, picture_hash
from webgis.errors import Invalid, Unavailable
from webgis.settings import Settings

FORMATS = ("JPEG", "PNG", "WEBP")
ACCEPTED = "a JPEG, PNG or WebP picture"
THUMBNAIL_PX = 480
"""Longest edge of a thumbnail."""

STORED_QUALITY = 88
TAKEN_YEARS = range(1900, 3000)
"""A time outside these years is a camera's mistake."""

UNREADABLE = (
    Image.DecompressionBombError,
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What Pillow raises on a file that is cut off, false or malicious."""


@dataclass(frozen=True)
class Evidence:
    """A photo that has been checked and stored: its file's SHA-256, size in pixels and bytes, and what EXIF told.

    `place` is (lon, lat) in CGCS2000 degrees, `picture_hash` what photos of the same thing have nearly alike.
    """

    sha256: str
    media_type: str
    width: int
    height: int
    bytes: int
    taken_at: datetime | None
    place: tuple[float, float] | None
    picture_hash: int | None = None


def store(settings: Settings, photos: Sequence[bytes]) -> list[Evidence]:
    """Check and store photos. Raises `Invalid` (field "photos", with the photo's position from 1) and stores none;
    `Unavailable` when the disc is full or not to be written."""
    if len(photos) > settings.max_photos:
        raise _refused(f"at most {settings.max_photos} photos in one step", got=len(photos))
    cleaned = [_clean(settings, data, number) for number, data in enumerate(photos, start=1)]
    return [_kept(settings, facts, content) for facts, content in cleaned]


def keep_drawn(settings: Settings, image: Image.Image, shows: datetime) -> Evidence:
    """Store a picture that we drew of the moment `shows`. It is no photo: that another is alike says nothing."""
    facts, content = _as_jpeg(image, shows, None, None)
    return _kept(settings, facts, content)


def _kept(settings: Settings, facts: Evidence, content: bytes) -> Evidence:
    try:
        durable.write_once(path(settings, facts.sha256), content)
    except OSError as error:
        raise Unavailable(
            "cases.photos-not-kept",
            f"The photos cannot be kept just now ({error.strerror}); nothing was changed. Tell the administrator",
        ) from error
    return facts


def judged(
    settings: Settings,
    photos: Sequence[Evidence],
    case_place: tuple[float, float],
    at: datetime,
    earlier: Sequence[geofence.Shot] = (),
) -> list[dict[str, Any]]:
    """What an event keeps of its photos: their content, time and place, and whether these agree with the case's."""
    return [
        geofence.judge_photo(
            geofence.Shot(photo.sha256, photo.taken_at, photo.place, photo.picture_hash),
            case_place,
            at,
            earlier,
            longest_hours=settings.photo_oldest_hours,
            farthest_m=settings.photo_farthest_m,
        )
        for photo in photos
    ]


def _clean(settings: Settings, data: bytes, number: int) -> tuple[Evidence, bytes]:
    if len(data) > settings.max_photo_mb * 1024 * 1024:
        raise _refused(f"photo {number} is larger than {settings.max_photo_mb} MB", photo=number)
    Image.init()
    try:
        return _encoded(settings, Image.open(io.BytesIO(data), formats=FORMATS), number)
    except UNREADABLE:
        raise _refused(f"photo {number} cannot be read; send {ACCEPTED}", photo=number, accepted=ACCEPTED) from None


def _encoded(settings: Settings, image: Image.Image, number: int) -> tuple[Evidence, bytes]:
    limit = settings.max_photo_megapixels * 1_000_000
    if image.width * image.height > limit:
        raise _refused(f"photo {number} has more than {settings.max_photo_megapixels} megapixels", photo=number)
    exif = image.getexif()
    taken_at, place = _time(exif, settings.zone), _position(exif)
    upright = ImageOps.exif_transpose(image)
    opaque = upright if upright.mode == "RGB" else _eight_bits(upright).convert("RGB")
    return _as_jpeg(opaque, taken_at, place, picture_hash.of(opaque))


def _as_jpeg(
    image: Image.Image, taken_at: datetime | None, place: tuple[float, float] | None, alike: int | None
) -> tuple[Evidence, bytes]:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=STORED_QUALITY)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    size = (image.width, image.height, len(content))
    return Evidence(digest, "image/jpeg", *size, taken_at, place, alike), content


def _eight_bits(image: Image.Image) -> Image.Image:
    """A picture of 16-bit greys in 8 bits: Pillow would cut all that is brighter than 1/256 to white."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))


def _time(exif: Image.Exif, zone: ZoneInfo) -> datetime | None:
    """When the photo was taken, in UTC; EXIF times without an offset are the city's. None for one that cannot be."""
    details = exif.get_ifd(ExifTags.IFD.Exif)
    text = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    try:
        local = datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S")
        taken = local.replace(tzinfo=_offset(details.get(ExifTags.Base.OffsetTimeOriginal)) or zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return taken if taken.year in TAKEN_YEARS else None


def _offset(text: object) -> timezone | None:
    try:
        moment = datetime.strptime(str(text).strip("\0 "), "%z")
    except ValueError:
        return None
    return timezone(moment.utcoffset() or timedelta())


def _position(exif: Image.Exif) -> tuple[float, float] | None:
    """Where the photo was taken (EXIF GPS is WGS 84), or None when it does not say so usably."""
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    try:
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude], gps.get(ExifTags.GPS.GPSLatitudeRef) == "S")
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude], gps.get(ExifTags.GPS.GPSLongitudeRef) == "W")
        return geo.to_cgcs2000(lon, lat, "wgs84")
    except (KeyError, TypeError, ValueError, ZeroDivisionError, Invalid):
        return None


def _degrees(parts: Sequence, negative: bool) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return (degrees + minutes / 60 + seconds / 3600) * (-1 if negative else 1)


def _refused(message: str, **facts: object) -> Invalid:
    return Invalid("cases.bad-photo", message[0].upper() + message[1:], field="photos", **facts)


def path(settings: Settings, sha256: str, *, thumbnail: bool = False) -> Path:
    """Where the file of a stored photo, or its thumbnail, lies."""
    name = f"{sha256}.thumb.jpg" if thumbnail else f"{sha256}.jpg"
    return settings.var_dir / "photos" / sha256[:2] / name


def make_thumbnail(settings: Settings, sha256: str) -> None:
    """Make the thumbnail of a stored photo, if it is not there yet."""
    target = path(settings, sha256, thumbnail=True)
    if target.exists():
        return
    with Image.open(path(settings, sha256)) as image:
        image.draft("RGB", (THUMBNAIL_PX * 2, THUMBNAIL_PX * 2))
        image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=80)
    durable.write_once(target, buffer.getvalue())
