"""The web application with every subject on it: what gunicorn loads as `webgis.app:create_app()`."""

import importlib

from apiflask import APIFlask

from webgis import health, limits, logs, settings, web
from webgis.accounts.login_views import authenticate, permit
from webgis.db import Runtime
from webgis.hazards import watches

PACKAGES = (
    "accounts",
    "grid",
    "catalog",
    "telemetry",
    "metro",
    "cases",
    "hazards",
    "live",
    "maps",
    "emergency",
    "evaluation",
    "pages",
)


def create_app(loaded: settings.Settings | None = None) -> APIFlask:
    """The application. Opens no connection: engine and sessions are made on the first request."""
    loaded = loaded or settings.load()
    logs.configure(loaded)
    app = web.make_app(Runtime(loaded), authenticate, permit)
    app.extensions["webgis-watch"] = watches.watch_by_kind  # for telemetry, which knows nothing of alarms
    for name in PACKAGES:
        views = importlib.import_module(f"webgis.{name}.views")
        for blueprint in views.BLUEPRINTS:
            app.register_blueprint(blueprint)
    app.register_blueprint(health.health)
    limits.start(app)
    return app
