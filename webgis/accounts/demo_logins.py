"""The accounts of a demo city on its login page: who tries webgis presses one and is in.

Only where the setting `demo_login` says so (`bin/serve` sets it for a demo), only for browsers on the same machine that
ask it by its own name (a page elsewhere, whose name was made to mean this machine, asks by another), and only while the
file of the demo's passwords is there, which no city of one's own has. Passwords do not leave the server.
"""

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import request

from webgis import limits, web
from webgis.accounts import login_views, logins
from webgis.accounts.login_views import accounts
from webgis.errors import NotFound
from webgis.settings import Settings

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
"""Headers of a proxy: the browser may be anywhere."""

PORT = re.compile(r":[0-9]+$")

FIRST = ("inspector", "acceptor", "dispatcher", "department", "manager", "administrator")
"""One post of each of these roles is offered, in the order in which a case meets them."""


@dataclass(frozen=True)
class Post:
    """An account of the demo."""

    login: str
    name: str
    role: str
    password: str


def file(settings: Settings) -> Path:
    """Where the demo's accounts and their passwords lie."""
    return settings.var_dir / "demo-accounts.json"


def offered() -> dict[str, list[Post]]:
    """The demo's posts that this request's browser may take, by role; empty when it may take none."""
    settings = web.runtime().settings
    if not (settings.demo_login and _same_machine() and file(settings).is_file()):
        return {}
    rows = json.loads(file(settings).read_text(encoding="utf-8"))
    posts = [Post(row["login"], row["name"], row["role"], row["password"]) for row in rows]
    return {role: found for role in FIRST if (found := [post for post in posts if post.role == role])}


def _same_machine() -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    host = request.host.rpartition(":")[0] if PORT.search(request.host) else request.host
    return _loopback(request.remote_addr or "") and (host == "localhost" or _loopback(host.strip("[]")))


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@accounts.context_processor
def _told() -> dict[str, Callable]:
    return {"demo_posts": offered}


@accounts.post("/login/demo")
@web.open_to_all
@limits.at_most("login_limit", counts=lambda answer: answer.status_code != 302)
def log_in_as_post():
    """Log in as a post of the demo, and on to its own door: what was looked at before belongs to another post."""
    wanted = request.form.get("login", "")
    post = next((one for posts in offered().values() for one in posts if one.login == wanted), None)
    if post is None:
        raise NotFound("accounts.no-demo", "This installation offers no such account of a demo")
    with web.transaction() as database:
        settings = web.runtime().settings
        tried = logins.log_in(database, settings, post.login, post.password, login_views.device())
    if tried.refused is not None:
        return login_views.refused_page(tried.refused, post.login)
    return login_views.logged_in(tried, "/")
