"""What can be refused, and how it is said. No HTTP here: `web.py` holds the table that turns kinds into statuses."""

from typing import Any


class WebgisError(Exception):
    """A refusal that the person or program who asked can act on.

    `code` is stable and dotted ("grid.outside"); `message` is one English sentence that says what is wrong and what
    would be accepted; `facts` are small JSON values (`field`, `accepted`, `got`, ...). Nobody parses the message.
    """

    def __init__(self, code: str, message: str, /, **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self):
        return (_rebuild, (type(self), self.code, self.message, self.facts))


def _rebuild(kind: type[WebgisError], code: str, message: str, facts: dict) -> WebgisError:
    return kind(code, message, **facts)


class Invalid(WebgisError):
    """What was given cannot be used: a field is missing, out of range or unknown."""


class Forbidden(WebgisError):
    """The one who asks may not do this."""


class NotFound(WebgisError):
    """There is no such thing, or none that the one who asks may see."""


class Conflict(WebgisError):
    """It was possible, but no longer is: the thing has moved on, or it exists already."""


class Unavailable(WebgisError):
    """A service that this installation depends on is missing, too old or out of reach; says how to mend it."""
