"""The one frozen value that holds every setting, read from the environment (`WEBGIS_*`) and an optional TOML file.

The environment wins over the file, the file over the default. An unknown name is an error in both. Nothing else in
webgis reads the environment.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from webgis.errors import Invalid

PREFIX = "WEBGIS_"
FILE_VARIABLE = PREFIX + "CONFIG"
PACKAGE = Path(__file__).resolve().parent
SCHEMES = {
    "database_url": ("postgresql", "postgresql+psycopg2"),
    "redis_url": ("redis", "rediss", "unix"),
    "smtp_url": ("smtp", "smtps"),
    "mqtt_url": ("mqtt", "mqtts"),
}
"""What the addresses of servers begin with."""

RATES = r"^\d+ per (\d+ )?(second|minute|hour|day)s?(; ?\d+ per (\d+ )?(second|minute|hour|day)s?)*$"
"""How a limit on requests is written: "10 per 5 minutes; 60 per day"."""


class Settings(BaseSettings):
    """Every setting with its default. Frozen: a process has one and it does not change."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    database_url: SecretStr | None = Field(
        None, description="PostgreSQL with PostGIS; empty: the private one of bin/serve"
    )
    redis_url: SecretStr | None = Field(None, description="Redis; empty: the private one of bin/serve")
    var_dir: Path = Field(Path("var"), description="everything that is written: private servers, photos, logs, secrets")
    maps_dir: Path | None = Field(
        None, description="where drawn maps are kept; empty: static/maps/drawn, else var/maps"
    )
    tianditu_key: SecretStr | None = Field(
        None, description="offers Tianditu as a basemap, fetched by this server; empty: nothing is fetched from outside"
    )
    tianditu_url: str = Field(
        "https://t0.tianditu.gov.cn", pattern=r"^https?://[^/\s]+$", description="where Tianditu's tiles are"
    )
    secret_key: SecretStr | None = Field(None, description="signs session cookies; empty: made once, kept in var/")

    city_code: str = Field(
        "5101", pattern=r"^\d{4}(\d{2})?$", description="division code of the city served by default"
    )
    projected_srid: int = Field(
        4544, description="metres and areas; where it is not set, a city's first areas keep their 3-degree zone"
    )
    timezone: str = Field("Asia/Shanghai", description="time zone of the city: days, working time, case numbers")
    locale: Literal["zh_CN", "en"] = Field("zh_CN", description="language when the browser states none that we speak")
    holiday_country: str = Field("CN", description="country of the `holidays` package that seeds days off")
    working_hours: str = Field(
        "08:00-12:00,14:00-18:00",
        pattern=r"^\d\d:\d\d-\d\d:\d\d(,\d\d:\d\d-\d\d:\d\d)*$",
        description="shifts of a working day where the calendar says no others (local rule; the usual example)",
    )
    stage_accept_minutes: int = Field(
        15, ge=1, le=10080, description="from report to filing (受理立案; one platform's rule, not national)"
    )
    stage_confirm_minutes: int = Field(
        30, ge=1, le=10080, description="for looking before filing (核实; one platform's rule, not national)"
    )
    stage_dispatch_minutes: int = Field(
        15, ge=1, le=10080, description="from filing to dispatch (派遣; one platform's rule, not national)"
    )
    stage_verify_minutes: int = Field(
        30, ge=1, le=10080, description="for looking after handling (核查; one platform's rule, not national)"
    )
    stage_close_minutes: int = Field(
        15, ge=1, le=10080, description="from a passed verification to closing (结案; ours, as acceptance)"
    )
    stage_clock: Literal["working", "urgent"] = Field(
        "working", description="time in which the limits of stages run: working, or urgent (nights too; local rule)"
    )

    contact_key: SecretStr | None = Field(
        None, description="seals contact data; several with commas, newest first; empty: made once, kept in var/"
    )
    contact_days: int = Field(
        180,
        ge=1,
        le=3650,
        description="contacts are erased so many days after the end of a case, if retention says nothing else",
    )
    objection_days: int = Field(
        15, ge=0, le=365, description="an objection is taken so many days after the end of a case (local rule)"
    )
    public_url: str | None = Field(
        None, pattern=r"^https?://[^/\s]+(/[^\s]*)?$", description="address that people use, for links in notices"
    )
    public_classes: str = Field(
        "matter:06010,matter:06013,matter:01023,matter:01037,matter:09009,matter:09010,matter:09012,matter:09006,"
        "matter:06028,matter:06030,matter:07001,matter:04002",
        description="classes offered first on the public form (kind:code, with commas; local choice)",
    )
    public_limit: str = Field(
        "10 per 10 minutes; 60 per day", pattern=RATES, description="public reports from one address (local rule)"
    )
    follow_limit: str = Field("120 per minute", pattern=RATES, description="looks at public pages from one address")
    login_limit: str = Field(
        "10 per 5 minutes; 60 per day", pattern=RATES, description="failed logins to one account from one address"
    )
    work_limit: str = Field(
        "60 per hour; 400 per day",
        pattern=RATES,
        description="long work (hot spots, snapshots, exports, files looked at) that one person may ask for",
    )
    digest_minutes: int = Field(
        10, ge=0, le=1440, description="notices to one recipient within this time become one message"
    )
    smtp_url: SecretStr | None = Field(
        None, description="smtp://user:password@host:587 or smtps://...; empty: e-mail goes to var/outbox/email.jsonl"
    )
    mail_from: str = Field("webgis <no-reply@localhost>", description="sender of e-mail")
    sms_sender: str = Field(
        "file", description="file (var/outbox/sms.jsonl), or module:factory of a gateway (docs/channels.md)"
    )

    hazard_rings: str = Field(
        "100,300,500,1000",
        pattern=r"^[1-9]\d{1,3}(,[1-9]\d{1,3}){0,7}$",
        description="metres of the rings of impact sheets (ours; 500 m is the distance of GB 18218)",
    )

    confirm_sources: str = Field(
        "public", pattern=r"^([a-z]+(,[a-z]+)*)?$", description="reports of these sources are confirmed before filing"
    )
    extensions: int = Field(
        2, ge=0, le=10, description="extensions of a case from its dispatch on (one platform's rule)"
    )
    suspension_days: int = Field(365, ge=1, le=3650, description="longest suspension, days (one platform's rule)")
    suspensions: int = Field(
        1, ge=0, le=10, description="suspensions of a case from its dispatch on (one platform's rule)"
    )
    appeals: int = Field(1, ge=0, le=10, description="appeals of one case at most, after closing (one platform's rule)")
    pause_while_deciding: bool = Field(
        True, description="the clock stands still while a request for extension or suspension waits (local rule)"
    )
    claim_minutes: int = Field(15, ge=1, le=480, description="how long a claimed case is kept for who claimed it")
    verify_place: Literal["marked", "required"] = Field(
        "required",
        description="a verification without a position needs a stated reason, or is only marked (local rule)",
    )
    verify_tolerance_m: float = Field(
        30, ge=0, le=500, description="on the spot, beside the accuracies: so many metres outside the cell (local rule)"
    )
    photo_oldest_hours: float = Field(
        24, gt=0, le=8760, description="a photo taken longer before it is given is marked, hours (local rule)"
    )
    photo_farthest_m: float = Field(
        150, gt=0, le=10000, description="a photo taken farther from the case is marked, metres (local rule)"
    )

    track_days: int = Field(
        30, ge=1, le=365, description="tracks of shifts are erased after so many days, if retention says nothing else"
    )
    reading_oldest_days: int = Field(
        400, ge=1, le=7300, description="readings older than so many days when they arrive are counted and not kept"
    )
    alarm_oldest_h: int = Field(
        48, ge=1, le=8760, description="readings older than so many hours when they are put in place make no alarm"
    )
    mqtt_url: SecretStr | None = Field(
        None, description="mqtt://user:password@host:1883 or mqtts://...; empty: the private broker of bin/serve"
    )
    mqtt_listen: str = Field(
        "127.0.0.1:1883",
        pattern=r"^([^\s:]+:\d{1,5})?$",
        description="where the private broker of bin/serve listens, if Mosquitto is here; empty: none is started",
    )
    patrol_hours: Literal["planned", "recorded"] = Field(
        "planned", description="hours of patrol in rates: of the beats' shifts, or those that phones recorded by cell"
    )

    max_photos: int = Field(9, ge=1, le=50, description="photos in one step")
    max_photo_mb: int = Field(15, ge=1, le=100, description="size of one photo, MB")
    max_photo_megapixels: int = Field(50, ge=1, le=200, description="pixels of one photo, millions")
    session_hours: int = Field(12, ge=1, le=720, description="a login ends after so many hours without use")
    password_length: int = Field(8, ge=8, le=64, description="shortest password, characters")
    lock_after: int = Field(
        10, ge=0, le=100, description="failed logins after which a login is locked, whoever tried; 0: never"
    )
    lock_minutes: int = Field(
        15, ge=0, le=10080, description="how long it stays locked; 0: until an administrator unlocks it"
    )
    second_factor_roles: str = Field(
        "",
        pattern=r"^([a-z]+(,[a-z]+)*)?$",
        description="roles that need a second factor to log in, such as administrator; the others may have one",
    )
    oidc_issuer: str | None = Field(
        None, pattern=r"^https?://[^/\s]+(/[^\s]*)?$", description="the city's own login service (OIDC); empty: none"
    )
    oidc_client_id: str | None = Field(None, description="what the login service calls this installation")
    oidc_client_secret: SecretStr | None = Field(None, description="the secret that the login service gave for it")
    oidc_claim: str = Field(
        "preferred_username", pattern=r"^[A-Za-z_]\w*$", description="claim of the login service that is the login here"
    )
    oidc_name: str = Field("OIDC", max_length=40, description="what the login page calls the login service")
    oidc_role: str | None = Field(
        None,
        pattern=r"^(inspector|acceptor|dispatcher|manager)$",
        description="role of accounts that a first login by the login service makes; empty: none are made",
    )
    demo_login: bool = Field(
        False, description="the login page offers the demo's accounts to browsers on this machine; bin/serve sets it"
    )
    secure_cookies: bool = Field(False, description="send cookies over HTTPS only; set it wherever HTTPS is used")
    tls_port: int = Field(
        8443, ge=1, le=65535, description="HTTPS of bin/serve, once webgis tls init has made certificates"
    )
    trusted_proxies: int = Field(0, ge=0, le=5, description="how many proxies in front set X-Forwarded-*")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least that is logged")

    job_attempts: int = Field(6, ge=1, le=20, description="tries of a job before it is put on the dead-letter list")
    job_backoff_s: float = Field(10.0, gt=0, description="wait before the second try; doubles with each further one")
    job_lease_s: float = Field(600.0, gt=0, description="a job whose worker died is tried again after this")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("not the name of a time zone, such as Asia/Shanghai") from None
        return name

    @field_validator("working_hours")
    @classmethod
    def _shifts_of_one_day(cls, text: str) -> str:
        """A mistake here would show itself only at the first dispatch, as a failure of ours."""
        moments = [time.fromisoformat(moment) for moment in re.split("[-,]", text)]
        if any(later <= earlier for earlier, later in zip(moments, moments[1:], strict=False)):
            raise ValueError("the shifts must follow one another within a day, such as 08:00-12:00,14:00-18:00")
        return text

    @field_validator("database_url", "redis_url", "smtp_url", "mqtt_url")
    @classmethod
    def _address_of_a_server(cls, address: SecretStr | None, about: ValidationInfo) -> SecretStr | None:
        schemes = SCHEMES[about.field_name]
        if address is not None and address.get_secret_value().partition("://")[0] not in schemes:
            raise ValueError(f"an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return address

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, **_sources):
        """Only what `load` passes in: it has read the environment and the file itself, to know each value's source."""
        return (init_settings,)

    def states(self, name: str) -> bool:
        """Whether somebody has set it, though it be to the default."""
        return name in self.model_fields_set

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.timezone)

    def moment(self, value: datetime) -> str:
        """A moment as it goes out everywhere: RFC 3339 with the city's offset, whole seconds."""
        return value.astimezone(self.zone).isoformat(timespec="seconds")

    @property
    def database(self) -> str:
        """The database address, or `Invalid` when none is set (bin/serve sets it for its children)."""
        return _required("database_url", self.database_url)

    @property
    def redis(self) -> str:
        """The Redis address, or `Invalid` when none is set."""
        return _required("redis_url", self.redis_url)


def _required(name: str, value: SecretStr | None) -> str:
    if value is None:
        variable = PREFIX + name.upper()
        raise Invalid(
            "settings.missing",
            f"{variable} is not set. Start everything with bin/serve, or name the server, for example "
            f"{variable}={'postgresql://user@host/webgis' if 'database' in name else 'redis://host:6379/0'}",
            field=name,
        )
    return value.get_secret_value()


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings of this process. Unknown or unusable names raise `Invalid` with the name and where it stands."""
    return load_with_sources(environ)[0]


def load_with_sources(environ: Mapping[str, str] | None = None) -> tuple[Settings, dict[str, str]]:
    """Settings, and for each name where its value comes from: "default", the file's path, or the variable."""
    environ = os.environ if environ is None else environ
    path = Path(environ.get(FILE_VARIABLE) or "webgis.toml")
    if FILE_VARIABLE in environ and not path.is_file():
        raise Invalid(
            "settings.file-missing", f"{FILE_VARIABLE} names {path}, which is not a file", field=FILE_VARIABLE
        )
    given: dict[str, Any] = {}
    sources = dict.fromkeys(Settings.model_fields, "default")
    for name, value in _file_values(path).items():
        _known(name, str(path))
        given[name], sources[name] = value, str(path)
    for variable, value in environ.items():
        if variable.startswith(PREFIX) and variable != FILE_VARIABLE:
            name = variable.removeprefix(PREFIX).lower()
            _known(name, "the environment", variable)
            given[name], sources[name] = value, variable
    return _validated(given, sources), sources


def _file_values(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid("settings.bad-file", f"{path} is not valid TOML: {error}", field=str(path)) from None


def _known(name: str, where: str, shown: str | None = None) -> None:
    if name not in Settings.model_fields:
        raise Invalid(
            "settings.name-unknown",
            f"{shown or name} in {where} is not a setting. Known: {', '.join(sorted(Settings.model_fields))}",
            field=shown or name,
        )


def _validated(given: dict[str, Any], sources: dict[str, str]) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        shown = given.get(name)
        raise Invalid(
            "settings.bad-value",
            f"{sources.get(name, name)}: {name} = {'(hidden)' if _secret(name) else repr(shown)}: {first['msg']}",
            field=name,
        ) from None


def _secret(name: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[name].annotation)


def shown(settings: Settings) -> dict[str, Any]:
    """Each setting as text for people, secrets as "(set)"."""
    return {
        name: ("(set)" if getattr(settings, name) is not None else None) if _secret(name) else getattr(settings, name)
        for name in Settings.model_fields
    }


@lru_cache
def resources(name: Literal["sql", "static"]) -> Path:
    """The folder `sql` or `static`: inside the package when installed from a wheel, beside it in a checkout."""
    packed = PACKAGE / name
    return packed if packed.is_dir() else PACKAGE.parent / name
