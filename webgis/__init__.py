"""webgis: grid-based digital city management."""

__version__ = "0.1.0"
