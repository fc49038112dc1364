"""How often one asker may ask: a view is marked with `at_most`, and Flask-Limiter counts in Redis.

Without Redis each process counts for itself until it is back, so that a report is never lost to a counter. Addresses
are those that `trusted_proxies` lets through; of an IPv6 address the first 64 bits count, for a home has as many.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded

from webgis import jobs
from webgis.refusals import answer_error
from webgis.settings import Settings


@dataclass(frozen=True)
class Limit:
    """A limit of a view: the setting that says how many, what the views are that count together, who is counted, and
    which answers count (None: all)."""

    setting: str
    together: str
    per: Callable[[], str]
    counts: Callable[[Response], bool] | None


def address() -> str:
    """The address of who asks."""
    given = request.remote_addr or "unknown"
    try:
        found = ip_address(given)
    except ValueError:
        return given
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else given


def person() -> str:
    """The account of who asks."""
    return g.actor.login


def at_most(
    setting: str,
    *,
    together: str | None = None,
    per: Callable[[], str] = address,
    counts: Callable[[Response], bool] | None = None,
) -> Callable:
    """Mark a view: one asker (`per`) gets at most as many answers (those that `counts`) as the setting says.

    Views of one setting are counted together, API and page alike, unless they say `together` with which else.
    """

    def mark(view: Callable) -> Callable:
        view.limits = (*getattr(view, "limits", ()), Limit(setting, together or setting, per, counts))
        return view

    return mark


def start(app: Flask) -> None:
    """Count the requests to every marked view. Called when all blueprints are on; opens no connection."""
    settings: Settings = app.extensions["webgis"].settings
    app.config["RATELIMIT_STORAGE_URI"] = "redis://"
    app.config["RATELIMIT_STORAGE_OPTIONS"] = {"connection_pool": jobs.connect(settings).connection_pool}
    limiter = Limiter(
        address, strategy="moving-window", in_memory_fallback_enabled=True, key_prefix=f"webgis:{city_mark(settings)}"
    )
    for endpoint, view in app.view_functions.items():
        for limit in getattr(view, "limits", ()):
            app.view_functions[endpoint] = _limited(limiter, app.view_functions[endpoint], settings, limit)
    limiter.init_app(app)
    # Marked views count by themselves; looking at every request for limits of the whole application, of which there are
    # none, takes a tenth of the web's time.
    app.before_request_funcs[None].remove(limiter._check_request_limit)
    app.extensions["webgis-limiter"] = limiter
    app.register_error_handler(RateLimitExceeded, _too_many)


def city_mark(settings: Settings) -> str:
    """Tells installations apart that share a Redis."""
    return hashlib.sha256(settings.database.encode()).hexdigest()[:12]


def _limited(limiter: Limiter, view: Callable, settings: Settings, limit: Limit) -> Callable:
    options = {"key_func": limit.per} | ({"deduct_when": limit.counts} if limit.counts else {})
    return limiter.shared_limit(getattr(settings, limit.setting), limit.together, **options)(view)


def _too_many(error: RateLimitExceeded) -> Response:
    limiter: Limiter = current_app.extensions["webgis-limiter"]
    wait = max(1, math.ceil(limiter.current_limit.reset_at - time.time())) if limiter.current_limit else 60
    response = answer_error(
        429,
        "web.too-many-requests",
        f"Too many requests from here: at most {error.limit.limit}. Try again in {wait} seconds",
        {"retry_after_s": wait, "accepted": str(error.limit.limit)},
    )
    response.headers["Retry-After"] = str(wait)
    return response
