"""Settings: where values come from, and what is refused."""

import json

import pytest
from click.testing import CliRunner

from webgis import cli, settings
from webgis.errors import Invalid


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    file = tmp_path / "city.toml"
    file.write_text('city_code = "3101"\nprojected_srid = 4549\n')
    loaded, sources = settings.load_with_sources({"WEBGIS_CONFIG": str(file), "WEBGIS_CITY_CODE": "3201"})
    assert (loaded.city_code, loaded.projected_srid, loaded.locale) == ("3201", 4549, "zh_CN")
    assert sources["city_code"] == "WEBGIS_CITY_CODE"
    assert sources["projected_srid"] == str(file)
    assert sources["locale"] == "default"


@pytest.mark.parametrize(
    ("environ", "field"),
    [
        ({"WEBGIS_COLOUR": "red"}, "WEBGIS_COLOUR"),
        ({"WEBGIS_CITY_CODE": "Chengdu"}, "city_code"),
        ({"WEBGIS_TIMEZONE": "Asia/Chengdu"}, "timezone"),
        ({"WEBGIS_LOCALE": "fr"}, "locale"),
        ({"WEBGIS_CONFIG": "/no/such/file.toml"}, "WEBGIS_CONFIG"),
    ],
)
def test_an_unknown_name_or_a_bad_value_is_refused_by_name(environ, field):
    with pytest.raises(Invalid) as refused:
        settings.load(environ)
    assert refused.value.facts["field"] == field


def test_an_unknown_name_in_the_file_is_refused(tmp_path):
    file = tmp_path / "city.toml"
    file.write_text("colour = 1\n")
    with pytest.raises(Invalid, match="colour"):
        settings.load({"WEBGIS_CONFIG": str(file)})


def test_a_bad_secret_is_not_shown(tmp_path):
    file = tmp_path / "city.toml"
    file.write_text("secret_key = 9876543210\n")
    with pytest.raises(Invalid) as refused:
        settings.load({"WEBGIS_CONFIG": str(file)})
    assert "9876543210" not in refused.value.message


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        settings.load({}).city_code = "3101"


def test_a_missing_server_is_named_with_what_to_set():
    with pytest.raises(Invalid, match="WEBGIS_DATABASE_URL"):
        _ = settings.load({}).database


def test_webgis_settings_prints_sources_and_hides_secrets(monkeypatch):
    monkeypatch.setenv("WEBGIS_DATABASE_URL", "postgresql://user:hunter2@host/webgis")
    shown = CliRunner().invoke(cli.group, ["settings", "--json"])
    assert shown.exit_code == 0 and "hunter2" not in shown.output
    assert json.loads(shown.output)["database_url"] == {"value": "(set)", "source": "WEBGIS_DATABASE_URL"}


def test_every_setting_says_what_it_is():
    assert all(field.description for field in settings.Settings.model_fields.values())


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WEBGIS_WORKING_HOURS", "99:99-00:00"),
        ("WEBGIS_WORKING_HOURS", "18:00-08:00"),
        ("WEBGIS_WORKING_HOURS", "08:00-12:00,11:00-18:00"),
        ("WEBGIS_DATABASE_URL", "mysql://user:hunter2@host/webgis"),
        ("WEBGIS_REDIS_URL", "nonsense"),
    ],
)
def test_what_would_fail_only_later_is_refused_at_once_without_the_secret(variable, value):
    with pytest.raises(Invalid, match=variable) as refused:
        settings.load({variable: value})
    assert "hunter2" not in str(refused.value.facts) + refused.value.message
