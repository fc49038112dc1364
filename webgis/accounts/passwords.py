"""What a password must be, and how it is kept: argon2id, never in clear."""

import re
import secrets
from functools import lru_cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

LONGEST = 256
"""Characters: a longer one would only keep the processor busy."""

hasher = PasswordHasher()
"""Makes and checks every hash; what one costs is what RFC 9106 asks for where memory is scarce."""

_COMMON = Path(__file__).with_name("common_passwords.txt")
_EASY = "abcdefghjkmnpqrstuvwxyz23456789"
"""Signs that nobody takes for another when a password is read out."""


def fault(password: str, login: str, shortest: int) -> str | None:
    """What is wrong with a password for this login ("short", "long", "login", "common"), or None."""
    plain = _plain(password)
    name = _plain(login.partition("@")[0])
    if len(password) < shortest or len(set(password)) < 3:
        return "short"
    if len(password) > LONGEST:
        return "long"
    if _bare(name) == _bare(plain) or name in (plain, plain[::-1]):
        return "login"
    return "common" if plain in _common() else None


def accepted(shortest: int) -> str:
    """The rule in words."""
    return f"{shortest} to {LONGEST} characters, not the login, and no password that many people use"


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def _bare(text: str) -> str:
    """Without the digits at its end, which nobody takes long to try."""
    return re.sub(r"\d+$", "", text)


@lru_cache
def _common() -> frozenset[str]:
    lines = _COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(_plain(line) for line in lines if line and not line.startswith("#"))


def made() -> str:
    """A password for someone who is to change it at the first login: three groups of four signs."""
    return "-".join("".join(secrets.choice(_EASY) for _sign in range(4)) for _group in range(3))


def hashed(password: str) -> str:
    """A password as it is kept."""
    return hasher.hash(password)


def matches(kept: str, password: str) -> bool:
    """Whether this is the password."""
    try:
        return hasher.verify(kept, password[: LONGEST + 1])
    except (VerifyMismatchError, InvalidHashError):
        return False


@lru_cache
def nobodys() -> str:
    """A hash to check when the login is unknown, so that the time of an answer does not tell which logins exist."""
    return hasher.hash(secrets.token_hex(16))
