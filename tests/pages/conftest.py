"""Readers of the pages: clients that log in through the login page and send forms with their CSRF token."""

import re
from collections.abc import Callable
from io import BytesIO

import pytest

from tests import city

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Reader:
    """Someone's browser without a screen."""

    def __init__(self, app, login: str, language: str) -> None:
        self.client = app.test_client()
        self.headers = {"Accept": "text/html", "Accept-Language": language}
        self.token = TOKEN.search(self.get("/login").text)[1]
        assert self.send("/login", login=login, password=city.PASSWORD).status_code == 302
        self.token = TOKEN.search(self.get("/help").text)[1]

    def get(self, path: str, **headers):
        return self.client.get(path, headers=self.headers | headers)

    def send(self, path: str, photos: tuple[bytes, ...] = (), **fields):
        """POST a form as the page would."""
        files = {"photos": [(BytesIO(photo), f"{place}.jpg") for place, photo in enumerate(photos)]} if photos else {}
        given = {"csrf_token": self.token} | fields | files
        kind = "multipart/form-data" if photos else "application/x-www-form-urlencoded"
        return self.client.post(path, data=given, headers=self.headers, content_type=kind)


@pytest.fixture
def reader(city_app) -> Callable[..., Reader]:
    """A function that gives the reader of a login of the small city."""
    return lambda login, language="zh-CN": Reader(city_app, login, language)
