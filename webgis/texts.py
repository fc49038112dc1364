"""What a text may be that is kept, and how one says yes or no. Pure."""

import re
from typing import Any

YES, NO = ("yes", "true", "1", "t", "是"), ("no", "false", "0", "f", "否")
"""How a cell of a file says that something is so, or is not, in small letters."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(given: str) -> bool:
    """Whether PostgreSQL has every character of it: there is no NUL in a text, and no half of a surrogate pair."""
    return _UNSTORABLE.search(given) is None


def says(given: Any, longest: int) -> bool:
    """Whether it is a text that says something, in at most so many characters, and can be kept."""
    return isinstance(given, str) and 0 < len(given.strip()) <= longest and storable(given)
