"""The edge to HTTP: the application object, who asks, one transaction per act, errors as statuses, headers, logs.

No subject of the city is known here. `app.py` puts the packages' blueprints on what `make_app` returns.
"""

import gzip
import hashlib
import hmac
import logging
import pickle
import re
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from datetime import time as hour
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import structlog
from apiflask import APIBlueprint, APIFlask
from flask import Flask, Response, current_app, g, jsonify, redirect, render_template, request, url_for
from flask.json.provider import DefaultJSONProvider
from flask_babel import Babel
from flask_wtf.csrf import CSRFError, CSRFProtect
from jinja2.bccache import Bucket, FileSystemBytecodeCache
from redis import Redis
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

import webgis
from webgis import api, db, jobs
from webgis.db import Runtime
from webgis.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable, WebgisError
from webgis.settings import Settings, resources

log = structlog.get_logger(__name__)

STATUS = {Invalid: 422, Forbidden: 403, NotFound: 404, Conflict: 409, Unavailable: 503}
LOCALES = ("zh_CN", "en")
FOR_PROGRAMS = re.compile(
    r"/(api|sta|tiles|basemaps)/|/maps/(data/|version$|snapshots$|snapshots/[^/]+/state$)|/report/map/"
)
"""The addresses that only programs ask, by their beginning: they get errors as JSON, whatever they accept."""

REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
PAGES = Path(__file__).resolve().parent / "pages" / "templates"


class LoginNeeded(WebgisError):
    """Nobody is logged in, or the key is unknown, expired or revoked."""


class Actor(Protocol):
    """Who asks, as far as the edge needs to know."""

    id: int
    login: str
    role: str


Authenticate = Callable[[], Actor | None]
Permit = Callable[[Actor, str], None]


def make_app(runtime: Runtime, authenticate: Authenticate, permit: Permit) -> APIFlask:
    """An application without subjects: closed to strangers, with errors, CSRF, headers, languages, logs and health.

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
    _register_errors(app)
    app.spec_processor(api.complete_spec)
    app.register_blueprint(health)
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
        _pack_file(response)
    else:
        response.headers.setdefault("Cache-Control", "private, no-store")
        if getattr(current_app.view_functions.get(request.endpoint), "packs", False):
            _pack(response, lambda: gzip.compress(response.get_data(), mtime=0))
    response.headers["X-Request-ID"] = g.get("request_id", "")
    _log_request(response)
    return response


PACKED = {"text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml"}
"""What goes out gzipped of the static files. Pages do not: packed text tells its secrets by its length (BREACH)."""


def _pack_file(response: Response) -> None:
    if response.mimetype not in PACKED:
        return
    file = Path(current_app.static_folder) / request.view_args["filename"]
    _pack(response, lambda: _packed(file, file.stat().st_mtime_ns))


def _pack(response: Response, packed: Callable[[], bytes]) -> None:
    """Send what `packed` gives in the place of the answer where that is understood."""
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or request.accept_encodings.quality("gzip") <= 0:
        return
    written = packed()
    if response.is_streamed:
        response.response.close()
    response.direct_passthrough = False
    response.set_data(written)
    response.headers["Content-Encoding"] = "gzip"
    if response.get_etag()[0] is not None:
        response.set_etag(response.get_etag()[0], weak=True)


@lru_cache(maxsize=256)
def _packed(file: Path, _changed: int) -> bytes:
    return gzip.compress(file.read_bytes(), mtime=0)


def _log_request(response: Response) -> None:
    if request.endpoint in ("static", "health.healthz"):
        return
    log.info(
        "request",
        method=request.method,
        path=_path_to_log(),
        status=response.status_code,
        ms=round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1),
        actor=g.actor.login if g.get("actor") else None,
    )


def _path_to_log() -> str:
    """The address without the secret that one who follows a case has in it."""
    return _SECRET.sub(r"\1...", request.path)


_SECRET = re.compile(r"^(/follow/|/api/v1/public/cases/)[^/]+")


# Errors


def _register_errors(app: Flask) -> None:
    app.register_error_handler(WebgisError, _refusal)
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(Exception, _unexpected)


def _refusal(error: WebgisError):
    if isinstance(error, LoginNeeded):
        return _login_needed(error)
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)
    return answer_error(status, error.code, error.message, error.facts)


def _login_needed(error: LoginNeeded):
    if not wants_problem():
        return redirect(url_for("accounts.login", next=request.full_path if request.method == "GET" else None))
    response = answer_error(401, error.code, error.message, error.facts)
    response.headers["WWW-Authenticate"] = 'Bearer realm="webgis"'
    return response


def _forged(error: CSRFError):
    message = "The form is too old or did not come from this site. Load the page again and send it once more"
    return answer_error(400, "web.form-expired", message, {"reason": error.description})


def _http_error(error: HTTPException):
    if error.code is None or error.code < 400:
        return error
    if error.code == 413:
        return _too_large()
    name = re.sub(r"\W+", "-", error.name.lower())
    response = answer_error(error.code, f"web.{name}", error.description or error.name, {})
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _too_large():
    limit = round((request.max_content_length or 0) / (1024 * 1024), 1)
    return answer_error(
        413,
        "web.too-large",
        f"The request is larger than {limit:g} MB, or its fields are too many or too long",
        {"limit_mb": limit},
    )


def _database_away(error: OperationalError):
    log.error("web.database-away", error=str(error.orig))
    response = answer_error(
        503, "web.database-away", "The database does not answer just now. Try again in a moment", {}
    )
    response.headers["Retry-After"] = "5"
    return response


def _unexpected(error: Exception):
    log.exception("web.unexpected", path=_path_to_log())
    message = f"Something went wrong on our side; nothing was changed. Say this number when you ask: {g.request_id}"
    return answer_error(500, "web.unexpected", message, {})


def wants_problem() -> bool:
    """Whether the one who asks is a program: API and tiles, or a request that prefers JSON to a page."""
    if FOR_PROGRAMS.match(request.path):
        return True
    accepted = request.accept_mimetypes
    return accepted.best_match(["text/html", "application/json"], default="text/html") == "application/json"


def answer_error(status: int, code: str, message: str, facts: dict[str, Any]) -> Response:
    """An error as RFC 9457 problem+json, or as a page for people."""
    if wants_problem():
        problem = {"type": f"urn:webgis:error:{code}", "title": message, "status": status, "code": code}
        response = jsonify(problem | {"request_id": g.get("request_id")} | facts)
        response.content_type = "application/problem+json"
    else:
        page = render_template("error.html", status=status, code=code, message=message, facts=facts)
        response = current_app.make_response(page)
    response.status_code = status
    return response


# Health

health = APIBlueprint("health", __name__, enable_openapi=False)


@health.get("/healthz")
@open_to_all
def healthz():
    """The process answers."""
    return {"status": "ok"}


@health.get("/readyz")
@open_to_all
def readyz():
    """The process can work: database, Redis and migrations. 503 when one of them is not ready, with words."""
    checks = {"database": _database_ready(), "redis": _redis_ready()}
    ready = all(check == "ok" for check in checks.values())
    return jsonify({"status": "ok" if ready else "not ready"} | checks), 200 if ready else 503


def _database_ready() -> str:
    try:
        with runtime().engine.connect() as connection:
            at, needed = db.revision(connection), db.newest_revision()
    except DBAPIError:
        return "the database does not answer"
    return "ok" if at == needed else f"migrations: at {at}, needed {needed}; run: webgis db upgrade"


def _redis_ready() -> str:
    try:
        jobs.check(runtime().settings)
    except Unavailable as error:
        return error.message
    return "ok"


# Logs


def configure_logs(settings: Settings) -> None:
    """Structured logs: one JSON object a line on standard error, with the request's id."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
