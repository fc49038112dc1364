"""The keys that seal contact data: Fernet (AES-128-CBC with HMAC-SHA256), the newest first.

They are in the setting contact_key or in `var/contact_key`, never in the database. Who wants a new one puts it before
the others there, runs `webgis contacts reseal`, and takes the old one away.
"""

import hashlib
import hmac
import os
import uuid
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from webgis.errors import Invalid, Unavailable
from webgis.settings import Settings


class Keyring:
    """Keys that seal and open, the newest first: that one seals, all open."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]
        self._fernet = MultiFernet([Fernet(key) for key in self._keys])
        self.name = hashlib.sha256(self._keys[0]).hexdigest()[:12]
        """Names the newest key without telling it."""

    def seal(self, given: str | None) -> bytes | None:
        """A text sealed with the newest key; None stays None."""
        return None if given is None else self._fernet.encrypt(given.encode())

    def open(self, token: bytes | None) -> str | None:
        """A sealed text; None stays None. `Unavailable` when no key fits."""
        if token is None:
            return None
        try:
            return self._fernet.decrypt(bytes(token)).decode()
        except InvalidToken:
            raise Unavailable(
                "cases.contact-key-lost",
                "A contact was sealed with a key that is not here any more. Add it behind the newest one: contact_key, "
                "or a line of var/contact_key",
            ) from None

    def reseal(self, token: bytes | None) -> bytes | None:
        """The same text sealed with the newest key."""
        return self.seal(self.open(token))

    def digests(self, purpose: str, given: str) -> list[bytes]:
        """HMAC-SHA256 of a text for one purpose, with each key, the newest first (32 bytes each)."""
        return [hmac.digest(key, f"webgis {purpose}\0{given}".encode(), "sha256") for key in self._keys]


def of(settings: Settings) -> Keyring:
    """The keys of this installation: from the settings, or from `var/contact_key`, made once for all processes."""
    if settings.contact_key is not None:
        return _ring(settings.contact_key.get_secret_value().replace(",", "\n"))
    path = settings.var_dir / "contact_key"
    if not path.exists():
        _make(path)
    return _ring(path.read_text(encoding="ascii"))


@lru_cache(maxsize=16)
def _ring(lines: str) -> Keyring:
    try:
        return Keyring([line.strip() for line in lines.splitlines() if line.strip()])
    except (ValueError, IndexError):
        raise Invalid(
            "settings.bad-value", "contact_key: a Fernet key is 32 bytes in URL-safe base64", field="contact_key"
        ) from None


def _make(path: Path) -> None:
    """Make the first key, which only its owner reads. Of two processes at once one makes it, and the other uses it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with open(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(new_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(made)
    except FileExistsError:
        pass
    finally:
        made.unlink()


def new_key() -> str:
    """A key to put before the others."""
    return Fernet.generate_key().decode()
