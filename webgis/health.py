"""Whether a process answers, and whether it can work."""

from apiflask import APIBlueprint
from flask import jsonify
from sqlalchemy.exc import DBAPIError

from webgis import db, jobs
from webgis.errors import Unavailable
from webgis.web import open_to_all, runtime

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
