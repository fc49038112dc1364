"""Errors as statuses: RFC 9457 problem+json for programs, a page for people. Nothing unexpected is shown."""

import re
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, jsonify, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from webgis.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable, WebgisError
from webgis.logs import path_to_log

log = structlog.get_logger(__name__)

STATUS = {Invalid: 422, Forbidden: 403, NotFound: 404, Conflict: 409, Unavailable: 503}
FOR_PROGRAMS = re.compile(
    r"/(api|sta|tiles|basemaps)/|/maps/(data/|version$|snapshots$|snapshots/[^/]+/state$)|/report/map/"
)
"""The addresses that only programs ask, by their beginning: they get errors as JSON, whatever they accept."""


class LoginNeeded(WebgisError):
    """Nobody is logged in, or the key is unknown, expired or revoked."""


def register(app: Flask) -> None:
    """Let the application answer every error that a view raises."""
    app.register_error_handler(WebgisError, _refusal)
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(Exception, _unexpected)


def _refusal(error: WebgisError):
    if isinstance(error, LoginNeeded):
        return _login_needed(error)
    return answer_error(status_of(error), error.code, error.message, error.facts)


def status_of(error: WebgisError) -> int:
    """The HTTP status that says what kind of refusal this is."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)


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
    log.exception("web.unexpected", path=path_to_log())
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
