"""`python -m webgis.demo.screenshots`: pictures of every page of a running demo city, for the manual and to look at.

Each page in both languages, on a phone and on a desk, light and dark, as the role that works with it. Files are called
`<page>-<zh|en>-<phone|desk>-<light|dark>.webp`. Needs Playwright and Chromium (`bin/setup --test` has both) and the
demo's accounts (`webgis demo accounts`).
"""

import io
import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from PIL import Image

from webgis import settings

CHROMIUM = "/usr/bin/chromium"
SIZES = {"phone": (390, 844), "desk": (1440, 900)}
LANGUAGES = {"zh": "zh_CN", "en": "en"}
THEMES = ("light", "dark")
SETTLED_MS = 1500
"""After the network is quiet: tiles are drawn and panels have come in."""


@dataclass(frozen=True)
class Shot:
    """A page: its name in files, who looks at it (None: a stranger), its address, and a link to follow there."""

    name: str
    role: str | None
    path: str
    first: str | None = None


SHOTS = (
    Shot("login", None, "/login"),
    Shot("public", None, "/public"),
    Shot("public-report", None, "/report"),
    Shot("inspect", "inspector", "/inspect"),
    Shot("desk", "dispatcher", "/desk"),
    Shot("desk-accept", "acceptor", "/desk"),
    Shot("hotline", "acceptor", "/hotline/new"),
    Shot("department", "department", "/department"),
    Shot("cases", "manager", "/cases"),
    Shot("case", "manager", "/cases", "main a[href^='/cases/5']"),
    Shot("requests", "dispatcher", "/requests"),
    Shot("watch", "manager", "/watch"),
    Shot("watch-screen", "manager", "/watch/screen"),
    *(Shot(f"map-{name}", "manager", f"/maps/{name}") for name in ("cases", "heat", "grid", "coverage", "components")),
    Shot("admin", "administrator", "/admin"),
    Shot("admin-people", "administrator", "/admin/people"),
    Shot("admin-departments", "administrator", "/admin/departments"),
    Shot("admin-security", "administrator", "/admin/security"),
    Shot("admin-log", "administrator", "/admin/log"),
    Shot("account", "manager", "/account"),
)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--origin", default="http://127.0.0.1:8000", show_default=True, help="Where the demo city is served.")
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("docs/img"), show_default=True
)
@click.option("--language", "languages", multiple=True, type=click.Choice(list(LANGUAGES)), help="Default: both.")
@click.option("--size", "sizes", multiple=True, type=click.Choice(list(SIZES)), help="Default: both.")
@click.option("--theme", "themes", multiple=True, type=click.Choice(THEMES), help="Default: both.")
def screenshots(names, origin: str, folder: Path, languages, sizes, themes) -> None:
    """Take pictures of the pages NAMES, or of all."""
    shots = [shot for shot in SHOTS if not names or shot.name in names]
    if unknown := set(names) - {shot.name for shot in shots}:
        known = ", ".join(shot.name for shot in SHOTS)
        raise click.BadParameter(f"no page {', '.join(sorted(unknown))}; there are {known}", param_hint="NAMES")
    folder.mkdir(parents=True, exist_ok=True)
    kinds = itertools.product(languages or LANGUAGES, sizes or SIZES, themes or THEMES)
    complaints = [one for kind in kinds for one in _taken(shots, origin, folder, *kind)]
    click.echo("\n".join(complaints), err=True)
    sys.exit(1 if complaints else 0)


def _taken(shots: list[Shot], origin: str, folder: Path, language: str, size: str, theme: str) -> Iterator[str]:
    """Pictures of one language, size and theme; what the pages complained of."""
    from playwright.sync_api import sync_playwright

    width, height = SIZES[size]
    phone = {"is_mobile": True, "has_touch": True} if size == "phone" else {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for role, own in itertools.groupby(sorted(shots, key=lambda shot: shot.role or ""), lambda shot: shot.role):
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=theme, base_url=origin, **phone
            )
            context.add_cookies([{"name": "lang", "value": LANGUAGES[language], "url": origin}])
            said: list[str] = []
            context.on("console", lambda told, said=said: said.append(told.text) if told.type == "error" else None)
            context.on("weberror", lambda error, said=said: said.append(str(error.error)))
            page = context.new_page()
            if role is not None:
                _log_in(page, role)
            for shot in own:
                _open(page, shot)
                picture = Image.open(io.BytesIO(page.screenshot()))
                picture.save(folder / f"{shot.name}-{language}-{size}-{theme}.webp", quality=70, method=4)
                yield from (f"{shot.name} {language} {size} {theme}: {one}" for one in said)
                said.clear()
            context.close()
        browser.close()


def _open(page, shot: Shot) -> None:
    page.goto(shot.path)
    if shot.first is not None:
        page.locator(shot.first).first.click()
    page.wait_for_load_state("load")
    page.wait_for_timeout(SETTLED_MS)


def _log_in(page, role: str) -> None:
    file = settings.load().var_dir / "demo-accounts.json"
    account = next(one for one in json.loads(file.read_text()) if one["role"] == role)
    page.goto("/login")
    page.fill("#login", account["login"])
    page.fill("#password", account["password"])
    page.click("form.stack button[type=submit]")
    page.wait_for_url(lambda address: "/login" not in address)


if __name__ == "__main__":
    screenshots()
