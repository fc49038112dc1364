"""A demo city that shows everything: real county boundaries, illustrative communities, posts, and cases in all states.

It is loaded through the same operations that a real city uses; only the components are written in bulk, each with its
line of history.
"""

from webgis.demo.loading import ensure
from webgis.demo.people import accounts

__all__ = ["accounts", "ensure"]
