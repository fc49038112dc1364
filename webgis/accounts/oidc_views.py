"""Logging in by the city's own login service: OpenID Connect, code flow with PKCE, by Authlib."""

import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import current_app, request, session, url_for
from joserfc.errors import JoseError
from requests import RequestException

from webgis import limits, web
from webgis.accounts import logins, oidc
from webgis.accounts.login_views import accounts, device, logged_in, login_page, next_page
from webgis.errors import Forbidden, NotFound

log = structlog.get_logger(__name__)

DISCOVERY = "/.well-known/openid-configuration"


def _service() -> FlaskOAuth2App:
    """The login service, as it describes itself; asked when first needed."""
    settings = web.runtime().settings
    if settings.oidc_issuer is None:
        raise NotFound("accounts.no-service", "This installation has no login service")
    kept: OAuth | None = current_app.extensions.get("webgis-oidc")
    if kept is None:
        kept = current_app.extensions["webgis-oidc"] = OAuth(current_app)
        secret = settings.oidc_client_secret
        kept.register(
            "city",
            server_metadata_url=settings.oidc_issuer.rstrip("/") + DISCOVERY,
            client_id=settings.oidc_client_id,
            client_secret=secret and secret.get_secret_value(),
            client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "timeout": 10},
        )
    return kept.city


@accounts.get("/login/service")
@web.open_to_all
def service():
    """On to the login service; it sends people back to `service_back`."""
    city = _service()
    session["next"] = next_page()
    try:
        return city.authorize_redirect(_back())
    except RequestException as error:
        log.error("accounts.service-away", error=str(error))
        return login_page("accounts.service-failed"), 503


def _back() -> str:
    public = web.runtime().settings.public_url
    path = url_for("accounts.service_back")
    return public.rstrip("/") + path if public else url_for("accounts.service_back", _external=True)


@accounts.get("/login/service/back")
@web.open_to_all
@limits.at_most("login_limit", counts=lambda answer: answer.status_code >= 400)
def service_back():
    """Take whom the login service vouches for: state, nonce, signature, issuer, audience and time are checked."""
    city, settings, wanted = _service(), web.runtime().settings, session.get("next", "/")
    try:
        claims = city.authorize_access_token()["userinfo"]
    except (OAuthError, JoseError, RequestException, KeyError) as error:
        log.warning("accounts.service-failed", error=str(error), said=request.args.get("error"))
        return login_page("accounts.service-failed"), 422
    try:
        with web.transaction() as database:
            tried = logins.let_in(database, settings, oidc.person_of(database, settings, claims), device())
    except Forbidden as error:
        return login_page(error.code), 403
    return logged_in(tried, wanted)
