"""A login service of a city: a real OpenID Connect provider, made of Authlib's server parts, on a port of its own.

It knows one person, who is logged in there already: asked for a login it sends the browser back with a code at once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin, ClientMixin
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from flask import Flask, jsonify
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "webgis", "a secret between two services"


@dataclass
class Client(ClientMixin):
    """This installation, as the service knows it."""

    back: str

    def get_client_id(self):
        return CLIENT

    def get_default_redirect_uri(self):
        return self.back

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.back

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):
    """A code that was given and not yet used."""

    code: str
    request: Any
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return None

    def get_acr(self):
        return None

    def get_amr(self):
        return None


@dataclass
class Service:
    """The service: its address, who is logged in there, and what went wrong on purpose."""

    issuer: str = ""
    back: str = "http://localhost/login/service/back"
    claims: dict[str, str] = field(default_factory=lambda: {"sub": "0001", "preferred_username": "acceptor1"})
    codes: dict[str, Code] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"}))
    signed_with: RSAKey | None = None


def _app(service: Service) -> Flask:
    app = Flask("login-service")

    class ByCode(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

        def save_authorization_code(self, code, request):
            data = request.payload.data
            asked = (data.get("nonce"), data.get("code_challenge"), data.get("code_challenge_method"))
            service.codes[code] = Code(code, request, request.payload.redirect_uri, request.payload.scope, *asked)

        def query_authorization_code(self, code, client):
            return service.codes.get(code)

        def delete_authorization_code(self, authorization_code):
            del service.codes[authorization_code.code]

        def authenticate_user(self, authorization_code):
            return dict(service.claims)

    class Tokens(OpenIDCode):
        def exists_nonce(self, nonce, request):
            return any(code.nonce == nonce for code in service.codes.values())

        def get_client_algorithm(self, client):
            return "RS256"

        def get_client_claims(self, client):
            return {"iss": service.issuer, "aud": [CLIENT]}

        def resolve_client_private_key(self, client):
            return service.signed_with or service.key

        def get_encode_header(self, client):
            return {"alg": "RS256", "kid": "one"}

        def generate_user_info(self, user, scope):
            return UserInfo(user)

    server = AuthorizationServer(
        app, query_client=lambda name: Client(service.back) if name == CLIENT else None, save_token=lambda *_any: None
    )
    server.register_grant(ByCode, [Tokens(require_nonce=True), CodeChallenge(required=True)])

    @app.get("/.well-known/openid-configuration")
    def about():
        return jsonify(
            issuer=service.issuer,
            authorization_endpoint=f"{service.issuer}/authorize",
            token_endpoint=f"{service.issuer}/token",
            jwks_uri=f"{service.issuer}/keys",
            id_token_signing_alg_values_supported=["RS256"],
            response_types_supported=["code"],
            subject_types_supported=["public"],
            code_challenge_methods_supported=["S256"],
        )

    @app.get("/keys")
    def keys():
        return jsonify(keys=[service.key.as_dict(private=False)])

    @app.get("/authorize")
    def authorize():
        return server.create_authorization_response(grant_user=dict(service.claims))

    @app.post("/token")
    def token():
        return server.create_token_response()

    return app


@contextmanager
def running() -> Iterator[Service]:
    """A login service on a port of its own."""
    service = Service()
    server = make_server("127.0.0.1", 0, _app(service), threaded=True)
    service.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
