"""One-time codes from a shared secret and the time (RFC 6238: SHA-1, 30 s, 6 digits). Pure: time is a value."""

import base64
import hashlib
import hmac
import struct
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20
DRIFT = 1
"""Steps that a phone's clock may be off, each way."""


def step_of(seconds: float) -> int:
    """The step of time at a moment, seconds since 1970."""
    return int(seconds // STEP_S)


def code(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def accepted(secret: bytes, given: str, seconds: float) -> int | None:
    """The step whose code was given, of now or one beside it; None when it is none. As long for a wrong code as for a
    right one."""
    now, found = step_of(seconds), None
    for step in range(now - DRIFT, now + DRIFT + 1):
        if hmac.compare_digest(code(secret, step).encode(), given.encode()):
            found = step
    return found


def written(secret: bytes) -> str:
    """A secret as people type it into an app."""
    return base64.b32encode(secret).decode().rstrip("=")


def address(secret: bytes, login: str, issuer: str) -> str:
    """The address that an app reads from the QR code."""
    told = {"secret": written(secret), "issuer": issuer, "digits": DIGITS, "period": STEP_S}
    query = urlencode(told, quote_via=quote)
    return f"otpauth://totp/{quote(issuer)}:{quote(login)}?{query}"
