"""Structured logs: one JSON object a line on standard error, one line a request, with the request's id."""

import logging
import re
import sys
import time

import structlog
from flask import Response, g, request

from webgis.settings import Settings

log = structlog.get_logger(__name__)

_SECRET = re.compile(r"^(/follow/|/api/v1/public/cases/)[^/]+")


def configure(settings: Settings) -> None:
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


def log_request(response: Response) -> None:
    """One line for a request that was answered; none for static files and for who looks whether we live."""
    if request.endpoint in ("static", "health.healthz"):
        return
    log.info(
        "request",
        method=request.method,
        path=path_to_log(),
        status=response.status_code,
        ms=round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1),
        actor=g.actor.login if g.get("actor") else None,
    )


def path_to_log() -> str:
    """The address without the secret that one who follows a case has in it."""
    return _SECRET.sub(r"\1...", request.path)
