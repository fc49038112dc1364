"""docs/accounts.md says what the code does."""

import re

from webgis.accounts import permissions
from webgis.settings import Settings


def test_the_table_of_rights_is_that_of_the_code(root):
    page = (root / "docs" / "accounts.md").read_text(encoding="utf-8")
    assert permissions.drawn() in page
    for scope, words in permissions.SCOPES.items():
        assert f"| `{scope}` | {words} |" in page


def test_every_setting_that_it_names_exists_with_its_default(root):
    page = (root / "docs" / "accounts.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page.split("## Settings")[1], re.M)
    names = [name for row in named for name in re.findall(r"`(\w+)`", row)]
    assert len(names) >= 13 and set(names) <= set(Settings.model_fields)
    defaults = Settings()
    assert (defaults.password_length, defaults.lock_after, defaults.lock_minutes) == (8, 10, 15)
    assert (defaults.session_hours, defaults.oidc_claim) == (12, "preferred_username")
