"""Which Chromium opens our pages for tests, pictures and measurements. Only the standard library: bin/setup asks too.

The one without a window shows the same in far less of a processor's time, so it goes first.
"""

import shutil

WINDOWLESS = "chromium-headless-shell"
NAMES = (WINDOWLESS, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def program() -> str | None:
    """The path of the first that is installed, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)
