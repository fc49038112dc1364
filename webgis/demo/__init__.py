"""A demo city that shows everything: real county boundaries, illustrative communities, posts, and cases in all states.

It is loaded through the same operations that a real city uses; nothing is inserted behind their back.
"""

from webgis.demo.loading import ensure
from webgis.demo.people import accounts

__all__ = ["accounts", "ensure"]
