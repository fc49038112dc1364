"""The edge to HTTP: the application object, who asks, one transaction per act, headers, languages.

No subject of the city is known here. `app.py` puts the packages' blueprints on what `make_app` returns.
"""

import gzip
import hashlib
import hmac
import pickle
import re
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from datetime import time as hour
from pathlib import Path
from typing import Any, Protocol

import structlog
from apiflask import APIFlask
from flask import Response, current_app, g, request
from flask.json.provider import DefaultJSONProvider
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect
from jinja2.bccache import Bucket, FileSystemBytecodeCache
from redis import Redis
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix

import webgis
from webgis import api, jobs, packing, refusals
from webgis.db import Runtime
from webgis.errors import Forbidden, Invalid
from webgis.logs import log_request
from webgis.refusals import LoginNeeded
from webgis.settings import Settings, resources

log = structlog.get_logger(__name__)

LOCALES = ("zh_CN", "en")
REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
PAGES = Path(__file__).resolve().parent / "pages" / "templates"


class Actor(Protocol):
    """Who asks, as far as the edge needs to know."""

    id: int
    login: str
    role: str


Authenticate = Callable[[], Actor | None]
Permit = Callable[[Actor, str], None]


def make_app(runtime: Runtime, authenticate: Authenticate, permit: Permit) -> APIFlask:
    """An application without subjects: closed to strangers, with errors, CSRF, headers, languages and logs.

    `authenticate` looks at the request and gives who asks, or None; it sets `g.by_key` when an API key was used.
    `permit` refuses who may not do the action of a view (`permits`).
    """
    settings = runtime.settings
    app = APIFlask(
        "webgis",
        title="webgis",
        version=webgis.__version__,
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        json_errors=False,
        static_folder=str(resources("static")),
        static_url_path="/static",
        template_folder=str(PAGES),
    )
    app.config.update(_config(settings))
    app.json = CityJson(app)
    app.extensions["webgis"] = runtime
    app.extensions["webgis-redis"] = jobs.connect(settings)
    app.extensions["webgis-authenticate"] = authenticate
    app.extensions["webgis-permit"] = permit
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)
    Babel(app, locale_selector=locale, default_locale=settings.locale, default_timezone=settings.timezone)
    CSRFProtect(app)
    app.before_request(_begin)
    app.before_request(_admit)
    app.before_request(_refuse_nul)
    app.after_request(_finish)
    refusals.register(app)
    app.spec_processor(api.complete_spec)
    app.view_functions["openapi.spec"] = permits("site.use")(app.view_functions["openapi.spec"])
    app.jinja_env.bytecode_cache = CompiledTemplates(str(settings.var_dir / "templates"))
    app.jinja_env.globals.update(csp_nonce=csp_nonce, webgis_version=webgis.__version__)
    return app


class CompiledTemplates(FileSystemBytecodeCache):
    """Templates kept compiled in a folder that is made when it is needed: the first page of a process need not wait.

    What cannot be kept or read, as on a full disk, is compiled again; no page fails for it.
    """

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fetch one."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            log.warning("web.template-not-read", error=str(error))
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one."""
        try:
            Path(self.directory).mkdir(parents=True, exist_ok=True, mode=0o700)
            super().dump_bytecode(bucket)
        except OSError as error:
            log.warning("web.template-not-kept", error=str(error))


def _config(settings: Settings) -> dict[str, Any]:
    photos = settings.max_photos * settings.max_photo_mb * 1024 * 1024
    return {
        "SECRET_KEY": secret_key(settings),
        "SESSION_COOKIE_NAME": "webgis",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "MAX_CONTENT_LENGTH": photos + 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
        "WTF_CSRF_CHECK_DEFAULT": False,
        "WTF_CSRF_TIME_LIMIT": None,
        "BABEL_TRANSLATION_DIRECTORIES": str(Path(__file__).resolve().parent / "translations"),
        "SEND_FILE_MAX_AGE_DEFAULT": 3600,
        "OPENAPI_VERSION": "3.1.0",
        "AUTO_404_RESPONSE": False,
    }


def secret_key(settings: Settings) -> str:
    """The key that signs cookies: from the settings, or made once and kept in `var/secret_key` for all processes."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = settings.var_dir / "secret_key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f".secret_key.{uuid.uuid4().hex}")
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(made)
        except FileExistsError:
            log.info("web.secret-key-exists")
        made.unlink()
    return path.read_text()


# Who asks, and in which transaction


class CityJson(DefaultJSONProvider):
    """JSON as the city writes it: moments in its offset (`Settings.moment`), days and hours in ISO 8601."""

    ensure_ascii = False
    sort_keys = False

    def default(self, value: Any) -> Any:
        """What is no JSON by itself."""
        if isinstance(value, datetime):
            return runtime().settings.moment(value)
        return value.isoformat() if isinstance(value, (date, hour)) else DefaultJSONProvider.default(value)


def runtime() -> Runtime:
    """The runtime of the application that serves this request."""
    return current_app.extensions["webgis"]


def redis() -> Redis:
    """The Redis client of the application."""
    return current_app.extensions["webgis-redis"]


@contextmanager
def transaction() -> Iterator[Session]:
    """A session that commits when the block ends, and then hands its jobs over; rolls back when the block raises."""
    with runtime().transaction() as session:
        yield session
    jobs.hand_over_session(redis(), session)


def actor() -> Any:
    """Who asks. `LoginNeeded` when nobody is logged in."""
    if g.get("actor") is None:
        raise LoginNeeded("web.login-needed", "Log in, or send an API key as 'Authorization: Bearer KEY'")
    return g.actor


def permits(action: str) -> Callable:
    """Mark a view with the action of the table of rights that it is: who may not do it is refused (403)."""

    def mark(view: Callable) -> Callable:
        view.permits = action
        return view

    return mark


def open_to_all(view: Callable) -> Callable:
    """Mark a view that strangers may call. Everything else needs a login or a key, and names its action."""
    view.open_to_all = True
    return view


def without_cookies(view: Callable) -> Callable:
    """Mark a view that acts for a stranger whoever is logged in. A forged form gains nothing there, so it needs no
    token, and programs can send to it."""
    view.without_cookies = True
    return open_to_all(view)


def packs(view: Callable) -> Callable:
    """Mark a view whose answers go out gzipped: they hold no secret and nothing of what was asked (BREACH)."""
    view.packs = True
    return view


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.match(given) else uuid.uuid4().hex
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _admit() -> None:
    """Find out who asks; refuse strangers where the view is not open, and forged forms wherever a cookie speaks."""
    g.actor, g.by_key = None, False
    if request.endpoint == "static":
        return
    g.actor = current_app.extensions["webgis-authenticate"]()
    view = current_app.view_functions.get(request.endpoint)
    if view is not None and not getattr(view, "open_to_all", False):
        _permit(view)
    if view is not None and not g.by_key and not getattr(view, "without_cookies", False):
        current_app.extensions["csrf"].protect()


def _permit(view: Callable) -> None:
    """Refuse strangers and those who may not; what names no action is closed to everyone."""
    who, action = actor(), getattr(view, "permits", None)
    if action is None:
        raise Forbidden("web.no-right-named", "This address stands in no row of the table of rights")
    current_app.extensions["webgis-permit"](who, action)


def _refuse_nul() -> None:
    """A NUL in the address is in no name or code of ours, and PostgreSQL refuses it with an error of its own."""
    if "\0" in request.path or any("\0" in part for pair in request.args.items(multi=True) for part in pair):
        raise Invalid("web.bad-address", "The address holds a NUL character (%00)", field="address")


def csp_nonce() -> str:
    """The nonce that this answer's scripts carry."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return g.csp_nonce


def opaque(version: str) -> str:
    """Another text for another version, that does not tell how much changed: not everyone sees all of it."""
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, version.encode(), hashlib.sha256).hexdigest()[:20]


def locale() -> str:
    """The language of this answer: chosen (cookie `lang`), else the browser's, else the city's."""
    asked = request.environ
    if "webgis.locale" not in asked:  # kept with the request: a page asks for each name that it shows
        asked["webgis.locale"] = _locale()
    return asked["webgis.locale"]


def _locale() -> str:
    chosen = request.cookies.get("lang")
    if chosen in LOCALES:
        return chosen
    offered = request.accept_languages.best_match(["zh-CN", "zh", "en"])
    if offered is None:
        return runtime().settings.locale
    return "en" if offered == "en" else "zh_CN"


def choose_language(response: Response, chosen: str) -> None:
    """Keep the language on this device."""
    secure = runtime().settings.secure_cookies
    response.set_cookie("lang", chosen, max_age=365 * 24 * 3600, samesite="Lax", secure=secure, httponly=True)


def _finish(response: Response) -> Response:
    script = f"'self' 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else "'self'"
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'self'; script-src {script}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "geolocation=(self), camera=(self), microphone=()"
    if request.endpoint == "static":
        packing.pack_file(response)
    else:
        response.headers.setdefault("Cache-Control", "private, no-store")
        if getattr(current_app.view_functions.get(request.endpoint), "packs", False):
            packing.pack(response, lambda: gzip.compress(response.get_data(), mtime=0))
    response.headers["X-Request-ID"] = g.get("request_id", "")
    log_request(response)
    return response
