"""`python -m webgis.demo.screenshots`: pictures of the pages of a running demo city.

Of every page, to look at, in both languages, on a phone and on a desk, light and dark, as the role that works with it:
`var/screenshots/<page>-<zh|en>-<phone|desk>-<light|dark>.webp`. With `--for help` and `--for readme` those that stand
in the help (`static/help`) and in the README (`docs/img`), which are committed. Which there are says `shots.py`. Needs
Playwright and Chromium (`bin/setup --test` has both) and the demo's accounts (`webgis demo accounts`).
"""

import io
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from PIL import Image

from webgis import chromium, cli, settings
from webgis.accounts import demo_logins
from webgis.db import Runtime
from webgis.demo import shots
from webgis.demo.shots import Shot
from webgis.settings import resources

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
LANGUAGES = {"zh": "zh_CN", "en": "en"}
THEMES = ("light", "dark")
SETTLED_MS = 1500
"""After the network is quiet: tiles are drawn and panels have come in."""

HERE = {"latitude": 30.6571, "longitude": 104.0650, "accuracy": 12}
"""Where phones are: the middle of the demo city."""

SETS = {
    "all": (shots.PAGES, Path("var/screenshots")),
    "help": (shots.HELP, resources("static") / "help"),
    "readme": (shots.README, Path("docs/img")),
}
"""What pictures are for -> those there are, and where they go."""

WIDTHS = {"phone": 390, "desk": 1200}
"""Pixels of pictures that are committed."""


@click.command()
@click.argument("names", nargs=-1)
@click.option("--for", "purpose", type=click.Choice(list(SETS)), default="all", show_default=True)
@click.option("--origin", default="http://127.0.0.1:8000", show_default=True, help="Where the demo city is served.")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Another folder.")
@click.option("--language", "languages", multiple=True, type=click.Choice(list(LANGUAGES)), help="Default: both.")
@click.option("--size", "sizes", multiple=True, type=click.Choice(list(SIZES)), help="Default: both.")
@click.option("--theme", "themes", multiple=True, type=click.Choice(THEMES), help="Default: both; light if committed.")
def screenshots(names, purpose: str, origin: str, folder: Path | None, languages, sizes, themes) -> None:
    """Take the pictures NAMES, or all."""
    known, usual = SETS[purpose]
    wanted = [shot for shot in known if not names or shot.name in names]
    if unknown := set(names) - {shot.name for shot in known}:
        there = ", ".join(shot.name for shot in known)
        raise click.BadParameter(f"no picture {', '.join(sorted(unknown))}; there are {there}", param_hint="NAMES")
    folder = folder or usual
    folder.mkdir(parents=True, exist_ok=True)
    themes = themes or (THEMES if purpose == "all" else ("light",))
    kinds = itertools.product(languages or LANGUAGES, sizes or SIZES, themes)
    camera = Camera(origin, folder, committed=purpose != "all")
    complaints = [one for kind in kinds for one in camera.take(wanted, *kind)]
    if complaints:
        click.echo("\n".join(complaints), err=True)
    sys.exit(1 if complaints else 0)


class Camera:
    """Takes pictures of one origin into one folder; those that are `committed` are smaller."""

    def __init__(self, origin: str, folder: Path, *, committed: bool) -> None:
        self.origin, self.folder, self.committed = origin, folder, committed

    def take(self, wanted: list[Shot], language: str, size: str, theme: str) -> Iterator[str]:
        """Pictures of one language, size and theme; yields what the pages complained of. A page that crashes costs its
        own picture alone."""
        from playwright.sync_api import Error, sync_playwright

        fitting = [shot for shot in wanted if shot.size in (None, size)]
        with sync_playwright() as playwright:
            spoken = "--lang=en-GB" if language == "en" else "--lang=zh-CN"
            browser = playwright.chromium.launch(
                executable_path=chromium.program(),
                args=["--no-sandbox", "--disable-gpu", spoken],
                env={"LANGUAGE": LANGUAGES[language]},
            )
            for role, own in itertools.groupby(sorted(fitting, key=lambda one: one.role or ""), lambda one: one.role):
                known = self._logged_in(browser, role)
                for shot in own:  # each with a browser of its own, so that nothing kept by one shows in the next
                    context = self._context(browser, known, language, size, theme)
                    page = context.new_page()
                    yield from (f"{shot.name} {language} {size} {theme}: {one}" for one in _shown(page, shot))
                    try:
                        self._keep(page.screenshot(), f"{shot.name}-{language}", size, theme)
                    except Error as error:
                        yield f"{shot.name} {language} {size} {theme}: no picture: {error.message.splitlines()[0]}"
                    context.close()
            browser.close()

    def _logged_in(self, browser, role: str | None) -> list:
        """The cookies of a login."""
        if role is None:
            return []
        context = browser.new_context(base_url=self.origin)
        _log_in(context.new_page(), role)
        cookies = context.cookies()
        context.close()
        return cookies

    def _context(self, browser, known: list, language: str, size: str, theme: str):
        width, height = SIZES[size]
        phone = {"is_mobile": True, "has_touch": True} if size == "phone" else {}
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            base_url=self.origin,
            locale="en" if language == "en" else "zh-CN",
            geolocation=HERE,
            permissions=["geolocation"],
            **phone,
        )
        context.add_cookies([*known, {"name": "lang", "value": LANGUAGES[language], "url": self.origin}])
        return context

    def _keep(self, taken: bytes, name: str, size: str, theme: str) -> None:
        picture = Image.open(io.BytesIO(taken)).convert("RGB")
        if self.committed:
            width = WIDTHS[size]
            picture = picture.resize((width, picture.height * width // picture.width), Image.LANCZOS)
        else:
            name = f"{name}-{size}-{theme}"
        picture.save(self.folder / f"{name}.webp", quality=70, method=6)


def _shown(page, shot: Shot) -> list[str]:
    """Open the page of a picture and do what it needs; what the console complained of, and what could not be done."""
    from playwright.sync_api import Error

    said: list[str] = []
    if not shot.refused:
        page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_default_timeout(15_000)
    try:
        page.goto(shot.path)
        page.wait_for_load_state("load")
        if shot.act is not None:
            shot.act(page)
        page.wait_for_timeout(SETTLED_MS)
    except Error as error:
        said.append(error.message.splitlines()[0])
    return said


def _log_in(page, role: str) -> None:
    accounts = json.loads(demo_logins.file(settings.load()).read_text())
    wanted = _busiest() if role == "department" else None
    account = next(one for one in accounts if one["role"] == role and wanted in (None, one["login"]))
    page.goto("/login")
    page.fill("#login", account["login"])
    page.fill("#password", account["password"])
    page.locator("#password").press("Enter")
    page.wait_for_url(lambda address: "/login" not in address)


def _busiest() -> str:
    """The department with most to do; its code is its login."""
    runtime = Runtime(cli.with_private_servers(settings.load()))
    (row,) = runtime.ask(
        "SELECT department_code AS code FROM city.open_case WHERE state IN ('dispatched', 'handling')"
        " GROUP BY 1 ORDER BY count(DISTINCT state) DESC, count(*) DESC, 1 LIMIT 1"
    )
    runtime.dispose()
    return row.code


if __name__ == "__main__":
    screenshots()
