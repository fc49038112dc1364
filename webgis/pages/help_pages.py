"""Help: for each door what one does there, task by task, and the way of a case. Open to everyone."""

from flask import g, render_template, request

from webgis import web
from webgis.accounts import permissions
from webgis.errors import NotFound
from webgis.pages import help_words
from webgis.pages.blueprint import pages

STARTS = {
    "inspect": "/inspect",
    "desk": "/desk",
    "department": "/department",
    "watch": "/watch",
    "admin": "/admin",
    "public": "/public",
}
"""Door -> its first page."""

BELONGING = STARTS | {"desk": ("/desk", "/hotline", "/requests"), "public": ("/public", "/report", "/follow")}
"""Door -> how the addresses of its pages begin."""

USES = {door: f"{door}.use" for door in ("inspect", "desk", "department", "watch", "admin")}
"""Door -> the right to use it."""

SIZES = {"phone": (390, 844), "desk": (1200, 750)}
"""Width and height of pictures, as pages make room for them."""


@pages.app_context_processor
def _told():
    return {"help_door": door}


def door() -> str | None:
    """The door whose help belongs to this page: that of its address, else that of who reads; None before a login."""
    at = next((name for name, begins in BELONGING.items() if request.path.startswith(begins)), None)
    if at or (actor := g.get("actor")) is None:
        return at
    return next((name for name, action in USES.items() if permissions.may(actor, action)), None)


@pages.get("/help")
@web.open_to_all
def help_home():
    """The way of a case, and the doors."""
    return render_template("help_home.html", guides=help_words.GUIDES, life=help_words.LIFE)


@pages.get("/help/<name>")
@web.open_to_all
def help_page(name: str):
    """What one does at a door."""
    guide = help_words.BY_DOOR.get(name)
    if guide is None:
        raise NotFound("pages.help-unknown", f"There is no help of {name[:40]}", accepted=list(help_words.BY_DOOR))
    lang = "en" if web.locale() == "en" else "zh"
    pictures = {task.name: help_words.picture(guide, task, lang) for task in guide.tasks if task.size}
    return render_template(
        "help.html", guide=guide, guides=help_words.GUIDES, pictures=pictures, sizes=SIZES, start=STARTS[name]
    )
