"""Build hook: compiles the translations, so that a wheel and an editable install have them."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileTranslations(BuildHookInterface):
    """Writes a .mo file beside every .po file; hatchling takes it along as an artifact."""

    def initialize(self, version: str, build_data: dict) -> None:
        for source in Path(self.root, "webgis", "translations").glob("*/LC_MESSAGES/*.po"):
            with source.open("rb") as po, source.with_suffix(".mo").open("wb") as mo:
                write_mo(mo, read_po(po, locale=source.parts[-3]))
        if not Path(self.root, "static", "vendor", "manifest.json").is_file():
            self.app.display_warning("static/vendor is empty: run bin/setup first for a wheel that can show maps")
