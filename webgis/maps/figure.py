"""`LocalFigure`: a Folium page that loads nothing from another host.

Folium's stock classes name some seventy addresses on public hosts, partly without a version. Here every link is looked
up in one table: it becomes a vendored file, is dropped because nothing we draw needs it, or is refused. What a browser
would load from elsewhere therefore never leaves the server.

Branca compiles what an element has rendered as a Jinja template once more, so `{{ }}` in an option would run on the
server: data enters a figure only through `data_block` or by an address, never through the options of a layer.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from branca.element import CssLink, Element, Figure, JavascriptLink

from webgis.errors import Invalid

VENDOR = "/static/vendor"

LOCAL = {
    "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.js": f"{VENDOR}/leaflet/dist/leaflet.js",
    "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.css": f"{VENDOR}/leaflet/dist/leaflet.css",
}
"""Addresses that folium 0.20 writes, and the vendored file each stands for."""

UNNEEDED = {
    "https://code.jquery.com/jquery-3.7.1.min.js",
    "https://cdn.jsdelivr.net/npm/bootstrap@5.2.2/dist/js/bootstrap.bundle.min.js",
    "https://cdn.jsdelivr.net/npm/bootstrap@5.2.2/dist/css/bootstrap.min.css",
    "https://netdna.bootstrapcdn.com/bootstrap/3.0.0/css/bootstrap-glyphicons.css",
    "https://cdn.jsdelivr.net/npm/@fortawesome/fontawesome-free@6.2.0/css/all.min.css",
    "https://cdnjs.cloudflare.com/ajax/libs/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers.js",
    "https://cdnjs.cloudflare.com/ajax/libs/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers.css",
    "https://cdn.jsdelivr.net/gh/python-visualization/folium/folium/templates/leaflet.awesome.rotate.min.css",
}
"""Addresses left out: they serve folium's own icons and popups, which our layers do not use."""

NEEDS_UNNEEDED = {"$(": "jQuery", "jQuery": "jQuery", "L.AwesomeMarkers": "Leaflet.awesome-markers"}
"""What a generated script would say if a stock class that needs a dropped library had been added after all."""

_SCRIPT_TAG = re.compile(r"<script(?![^>]*\bnonce=)(?=[\s>])")
_MODULE_TAG = re.compile(r'<script(?=[^>]* src="/static/maps/)')
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)"')
_STYLE = re.compile(r"<style.*?</style>", re.S)
_URL = re.compile(r"url\([^)]*\)")
_VIEWPORT = re.compile(r'<meta name="viewport".*?/>', re.S)
_FOREIGN = re.compile(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(\s*["']?(?:https?:)?//|["'`](?:https?:)?//\w""")
_DATA_BLOCK = re.compile(r'<script[^>]*type="application/json".*?</script>', re.S)


@dataclass(frozen=True)
class Parts:
    """A drawn figure in the three pieces that a page layout puts in its own places; all are safe HTML."""

    head: str
    body: str
    script: str


class LocalFigure(Figure):
    """A figure whose links all lead to this server.

    `title` and `lang` describe the page; `nonce` is the Content-Security-Policy nonce put on every script; `marked`
    gives the address of one of our files with a mark that changes when the file does. Rendering raises `Invalid`
    ("maps.unknown-address") for a link that is neither vendored nor known to be unneeded.
    """

    def __init__(
        self, title: str, lang: str = "zh-CN", nonce: str = "", marked: Callable[[str], str] = lambda path: path
    ) -> None:
        super().__init__(title=title)
        self.lang = lang
        self.nonce = nonce
        self.marked = marked

    def parts(self) -> Parts:
        """Head, body and script, each local and carrying the nonce; scripts of the body are in `script`'s tag."""
        for child in list(self._children.values()):
            child.render()
        self._make_links_local()
        script = self.script.render()
        self._refuse_dropped_libraries(script)
        parts = Parts(
            head=self._with_nonce(_MODULE_TAG.sub('<script type="module"', _VIEWPORT.sub("", self.header.render()))),
            body=self._with_nonce(self.html.render()),
            script=self._with_nonce(f'<script type="module">{script}</script>'),
        )
        _refuse_foreign(parts)
        return parts

    def render(self, **_kwargs) -> str:
        """The whole page as HTML, its files linked."""
        parts = self.parts()
        return _page(self.title, self.lang, parts.head, parts.body + "\n" + parts.script)

    def render_whole(self, styles: str, scripts: str, icons: str) -> str:
        """One file that needs no other and no server: `styles` and `scripts` stand in it, and its own policy lets
        these scripts run and nothing else. `icons` is the sprite."""
        parts = self.parts()
        script = f"(() => {{\n{scripts}\n{_content_of(parts.script)}\n}})();"
        if "</script" in script.lower():
            raise ValueError("a script of webgis holds an end tag")
        hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = (
            f"default-src 'none'; script-src 'sha256-{hashed}'; style-src 'unsafe-inline'; img-src data: blob:; "
            "base-uri 'none'; form-action 'none'"
        )
        own = [f'<meta http-equiv="Content-Security-Policy" content="{policy}">', *_STYLE.findall(parts.head)]
        head = "\n".join([*own, f"<style>{_URL.sub('none', styles)}</style>"])
        body = f'<div id="webgis-icons" hidden>{icons}</div>\n{parts.body}\n<script>{script}</script>'
        return _page(self.title, self.lang, head, body, icon="data:,")

    def _make_links_local(self) -> None:
        """Point every link at a vendored file, once each; folium loads some files under two names."""
        seen: set[str] = set()
        for name, link in list(self.header._children.items()):
            if not isinstance(link, JavascriptLink | CssLink):
                continue
            address = local_address(link.url)
            if address is None or address in seen:
                del self.header._children[name]
                continue
            seen.add(address)
            link.url = self.marked(address)

    def _refuse_dropped_libraries(self, script: str) -> None:
        for sign, library in NEEDS_UNNEEDED.items():
            if sign in script:
                raise Invalid(
                    "maps.needs-dropped-library",
                    f"A layer of this map needs {library}, which webgis does not serve. Use the layers of webgis.maps",
                    field=library,
                )

    def _with_nonce(self, html: str) -> str:
        if not self.nonce:
            return html
        return _SCRIPT_TAG.sub(f'<script nonce="{escape(self.nonce)}"', html)


def local_address(address: str) -> str | None:
    """The path on this server that stands for `address`, None if it is not needed; `Invalid` if it is not known."""
    if address.startswith("/static/"):
        return address
    if address in UNNEEDED:
        return None
    if address in LOCAL:
        return LOCAL[address]
    raise Invalid(
        "maps.unknown-address",
        f"A map links to {address}. Vendor its npm package and name the file in webgis.maps.figure.LOCAL",
        field=address,
        accepted=sorted(LOCAL),
    )


def _refuse_foreign(parts: Parts) -> None:
    """A last look at the text itself: tile addresses and links inside scripts or styles pass no table.

    Data blocks are left out: nothing in them is loaded.
    """
    for text in (parts.head, _DATA_BLOCK.sub("", parts.body), parts.script):
        if found := _FOREIGN.search(text):
            shown = text[found.start() : found.start() + 120]
            raise Invalid("maps.unknown-address", f"A map would load from another host: {shown!r}", field=shown)


def policy_of(file: Path) -> str | None:
    """The policy that a file made by `render_whole` states at its head."""
    with file.open(encoding="utf-8") as opened:
        found = _POLICY.search(opened.read(2000))
    return found and found[1]


def _content_of(script: str) -> str:
    return script[script.index(">") + 1 : script.rindex("</script>")]


def _page(title: str, lang: str, head: str, body: str, icon: str = "/static/app/mark.svg") -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(lang)}">\n<head>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta charset="utf-8">\n<link rel="icon" href="{icon}">\n'
        f"<title>{escape(title)}</title>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def data_block(name: str, content: str) -> Element:
    """JSON as a data block that no content can leave, for `figure.html.add_child`; `content` is JSON text.

    `<` would allow `</script>`, U+2028 and U+2029 end a line in older JavaScript: all three are written as escapes,
    which JSON reads back as the same characters.
    """
    safe = content.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    element = Element()
    element._template = _Verbatim(f'<script type="application/json" id="{escape(name)}">{safe}</script>')
    return element


class _Verbatim:
    """Stands where branca wants a template: the text is data and must not pass through Jinja."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, **_kwargs) -> str:
        return self.text
