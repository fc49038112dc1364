"""How a phone gets the app: trust this installation's authority, open the secure address, put it on the home screen."""

from urllib.parse import urlsplit

import segno
from flask import Response, render_template, request, url_for

from webgis import tls, web
from webgis.errors import NotFound
from webgis.pages.inspect import inspect

DER = "application/x-x509-ca-cert"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@inspect.get("/install")
@web.open_to_all
def install():
    """The steps for Android and iPhone, with the address as a QR code for a phone that looks at this screen."""
    settings = web.runtime().settings
    own = tls.present(settings)
    here = _outside(request.host_url) + url_for("inspect.install")
    return render_template(
        "inspect/install.html",
        own=own,
        secure=request.is_secure,
        here=here,
        code=_code(here),
        addresses=_addresses() if own else [],
        fingerprint=tls.fingerprint(tls.authority(settings)) if own else None,
    )


def _addresses() -> list[str]:
    """The secure addresses of the app: that under which this page was asked for comes first."""
    settings = web.runtime().settings
    asked = urlsplit(request.host_url).hostname
    names = sorted(tls.names(settings), key=lambda name: (name != asked, name in LOOPBACK))
    hosts = [f"[{name}]" if ":" in name else name for name in names]
    return [f"https://{host}:{settings.tls_port}{url_for('inspect.app')}" for host in hosts]


def _outside(address: str) -> str:
    """The address of this site for others: of a machine that was asked by itself the first name that others know."""
    asked = urlsplit(address)
    known = tls.names(web.runtime().settings) if tls.present(web.runtime().settings) else []
    others = [name for name in known if name not in LOOPBACK]
    if asked.hostname not in LOOPBACK or not others:
        return address.rstrip("/")
    return f"{asked.scheme}://{others[0]}{f':{asked.port}' if asked.port else ''}"


def _code(address: str) -> str:
    return segno.make(address, micro=False).svg_inline(scale=5, border=2, dark="#000000", light="#ffffff")


@inspect.get("/authority.crt")
@web.open_to_all
def authority():
    """The authority's certificate, as phones install it."""
    settings = web.runtime().settings
    if not tls.present(settings):
        raise NotFound("tls.none", "There are no certificates yet. Make them with: webgis tls init")
    content = tls.files(settings).authority.read_bytes()
    headers = {"Content-Disposition": 'attachment; filename="webgis-authority.crt"'}
    return Response(content, mimetype=DER, headers=headers)
