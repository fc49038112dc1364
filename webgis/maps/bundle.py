"""Our modules and styles as text for a file that stands alone: a browser loads no module from a file beside it.

Our modules are written so that this needs no parser: imports of names at the head, `export` before a declaration.
"""

import re
from pathlib import Path

from webgis.settings import resources

_IMPORT = re.compile(r'^import \{([^}]+)\} from "\./([\w.]+)";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.M)
STYLES = ("vendor/leaflet/dist/leaflet.css", "maps/maps.css")


def bundled(entry: str) -> str:
    """The module of `static/maps` and all that it imports, each before those that need it, as a classic script."""
    made: dict[str, str] = {}
    _add(entry, made)
    return "const webgisModules = {};\n" + "\n".join(made.values())


def _add(name: str, made: dict[str, str]) -> None:
    if name in made:
        return
    source = (_static() / "maps" / name).read_text(encoding="utf-8")
    for _names, other in _IMPORT.findall(source):
        _add(other, made)
    exported = ", ".join(_EXPORT.findall(source))
    body = _EXPORT.sub("", _IMPORT.sub(_taken, source))
    if re.search(r"^(?:import|export)\b", body, re.M):
        raise ValueError(f"{name} imports or exports in a way that a bundle does not know")
    made[name] = f'webgisModules["{name}"] = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();'


def _taken(found: re.Match) -> str:
    return f'const {{{found[1]}}} = webgisModules["{found[2]}"];\n'


def leaflet() -> str:
    """Leaflet itself."""
    return (_static() / "vendor/leaflet/dist/leaflet.js").read_text(encoding="utf-8") + "\n"


def styles() -> str:
    """The styles of a map."""
    return "\n".join((_static() / file).read_text(encoding="utf-8") for file in STYLES)


def _static() -> Path:
    return resources("static")
