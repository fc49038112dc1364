"""Plan files of permits: what is accepted, and where they lie. A file is what its content says it is."""

import hashlib
import re
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis import durable
from webgis.accounts.actor import Actor
from webgis.errors import NotFound, Unavailable
from webgis.metro import permits
from webgis.metro.permit_models import MetroPermitFile
from webgis.metro.permit_rules import bad_field
from webgis.settings import Settings

KINDS = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""First bytes -> media type."""

ENDINGS = {"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg"}
MOST_FILES = 20
MOST_MB = 20


def path(settings: Settings, sha256: str) -> Path:
    """Where a file lies."""
    return settings.var_dir / "metro" / "plans" / sha256[:2] / sha256


def add(session: Session, actor: Actor, number: str, name: str, data: bytes, at: datetime) -> int:
    """Keep a plan file of a permit; returns its id."""
    permit = permits.changeable(session, actor, number)
    media = next((kind for head, kind in KINDS.items() if data.startswith(head)), None)
    if media is None or len(data) > MOST_MB << 20:
        got = "larger" if media else "another kind of file"
        raise bad_field("file", got, f"a PDF, PNG or JPEG of at most {MOST_MB} MB")
    held = session.scalar(select(func.count()).where(MetroPermitFile.permit_id == permit.id))
    if held >= MOST_FILES:
        raise bad_field("file", held + 1, f"at most {MOST_FILES} files")
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        durable.write_once(path(session.info["settings"], sha256), data)
    except OSError as error:
        raise Unavailable("metro.files-away", f"The plan file cannot be kept: {error.strerror}") from None
    made = MetroPermitFile(
        permit_id=permit.id,
        name=_plain(name, media),
        sha256=sha256,
        media_type=media,
        bytes=len(data),
        person_id=actor.id,
        added_at=at,
    )
    session.add(made)
    permits.tell(session, permit, actor, "plan", permit.state, at, made.name)
    return made.id


def _plain(name: str, media: str) -> str:
    """What its sender calls a file, without folders and signs that no name has, with the ending of what it is."""
    stem = re.sub(r'[\x00-\x1f"/\\<>:|?*]', "", Path(name.replace("\\", "/")).name)
    return f"{Path(stem).stem[:100].strip() or 'plan'}{ENDINGS[media]}"


def require(session: Session, actor: Actor, number: str, file: int) -> MetroPermitFile:
    """A plan file of a permit that this person sees, or `NotFound`."""
    permit = permits.require(session, actor, number)
    found = session.get(MetroPermitFile, file)
    if found is None or found.permit_id != permit.id:
        raise NotFound("metro.file-unknown", "There is no such plan file", got=file)
    return found
