"""What a telephone number, e-mail address and name look like, and how they are shown to those who need not know. Pure.

Numbers are those of China unless they begin with + and another country: mobile numbers of 11 digits, landlines with
their area code, and an extension.
"""

import re
import unicodedata

LONGEST_NAME = 64
LONGEST_EMAIL = 254
MOBILE = re.compile(r"1[3-9]\d{9}")
LANDLINE = re.compile(r"0(10|2\d|[3-9]\d{2})[2-9]\d{6,7}")
ABROAD = re.compile(r"\+(?!86)[1-9]\d{6,14}")
EXTENSION = re.compile(r"(?:转|ext\.?|x|#|,)(\d{1,6})$")
EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@(?:[^\s@<>()\[\],;:\\\".]{1,63}\.)+[^\s@<>()\[\],;:\\\".\d]{2,63}")


def phone(text: str) -> str | None:
    """A telephone number in one form, whatever spaces, hyphens, full-width digits or +86 it was typed with; None when
    it is none. National numbers of China stay national ("13800001234", "02886543210"), with an extension "x12"."""
    plain = re.sub(r"[\s\-()·.]", "", unicodedata.normalize("NFKC", text).lower())
    if not (extension := EXTENSION.search(plain)):
        return _number(plain)
    number = _number(plain[: extension.start()])
    return number and f"{number}x{extension[1]}"


def _number(plain: str) -> str | None:
    national = re.sub(r"^(\+86|0086)", "", plain)
    if national != plain and not national.startswith(("0", "1")):
        national = f"0{national}"
    if MOBILE.fullmatch(national) or LANDLINE.fullmatch(national):
        return national
    foreign = re.sub(r"^00", "+", plain)
    return foreign if ABROAD.fullmatch(foreign) else None


def mobile(number: str) -> bool:
    """Whether a short message can reach this number (in the form of `phone`)."""
    return bool(MOBILE.fullmatch(number) or ABROAD.fullmatch(number))


def email(text: str) -> str | None:
    """An e-mail address as it is used, or None when it is none."""
    given = unicodedata.normalize("NFKC", text).strip()
    return given if len(given) <= LONGEST_EMAIL and EMAIL.fullmatch(given) else None


def name(text: str) -> str | None:
    """A name without control characters and with single spaces, or None when it is empty or too long."""
    given = " ".join(unicodedata.normalize("NFC", text).split())
    return given if given and len(given) <= LONGEST_NAME and given.isprintable() else None


def masked_phone(number: str) -> str:
    """The first three and the last four digits: 138****1234."""
    digits = number.partition("x")[0]
    return f"{digits[:3]}****{digits[-4:]}"


def masked_name(given: str) -> str:
    """The first character: 张**."""
    return f"{given[:1]}**"


def masked_email(address: str) -> str:
    """The first character and the domain: z***@example.com."""
    user, _at, domain = address.rpartition("@")
    return f"{user[:1]}***@{domain}"
