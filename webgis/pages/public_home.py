"""The door for people without an account: report, follow a report, and the map of what everyone may know."""

import re

from flask import redirect, render_template, request, url_for

from webgis import limits, web
from webgis.maps import snapshots
from webgis.pages import context
from webgis.pages.public import public

SECRET = re.compile(r"([A-Za-z0-9_-]{16,64})/?(\?.*)?$")
"""The end of a link to follow a report, or what somebody copied of it."""


@public.get("/public")
@web.open_to_all
def home():
    """What one can do here without an account."""
    settings = web.runtime().settings
    name = snapshots.public_name(settings, context.html_lang())
    map_ = url_for("snapshots.drawn", name=name) if snapshots.public_file(settings, name) else None
    return render_template("public_home.html", map=map_, least=snapshots.LEAST, wrong=False, link="")


@public.get("/public/follow")
@web.open_to_all
@limits.at_most("follow_limit")
def find():
    """On to the report that a link belongs to; what is no such link is asked for again."""
    link = request.args.get("link", "").strip()
    secret = SECRET.search(link)
    if secret:
        return redirect(url_for("public.follow", secret=secret[1]))
    return render_template("public_home.html", map=None, least=snapshots.LEAST, wrong=True, link=link[:200]), 422
