"""A small filing standard of the shape in which a city publishes one, and a session with the shipped classes."""

from pathlib import Path

import pytest

from webgis.catalog import operations

HERE = Path(__file__).resolve().parent


@pytest.fixture
def city_file() -> Path:
    """Ten conditions with the class codes of GB/T 30428.2-2013: national, moved, gone and local classes."""
    return HERE / "city_standard.csv"


@pytest.fixture
def with_classes(session):
    """A session in which the shipped classes are loaded."""
    operations.load_standard_classes(session)
    return session
