"""What the channels take and give over HTTP. Shared by their API and their pages."""

from collections.abc import Sequence
from typing import Any, Literal

from flask import request, url_for
from pydantic import Field
from sqlalchemy import Row

from webgis import web
from webgis.api import Given
from webgis.cases import channels, contact_rules, contacts, following, intake, wire
from webgis.cases.channel_models import LANGUAGES, SATISFACTION, WISHES
from webgis.settings import Settings


class CallerGiven(wire.PlaceGiven):
    """A report with who makes it, as far as they say so."""

    name: str | None = Field(None, max_length=contact_rules.LONGEST_NAME)
    phone: str | None = Field(None, max_length=40, examples=["13800001234"])
    email: str | None = Field(None, max_length=contact_rules.LONGEST_EMAIL)
    notify: Literal[WISHES] | None = Field(
        None, description="how to hear of the case; default: a short message, else e-mail, else not at all"
    )
    language: Literal[LANGUAGES] | None = Field(None, description="of notices; default: that of the request")

    def caller(self) -> contacts.Caller:
        """Who makes the report. `Invalid` names the field that cannot be used."""
        language = self.language or ("en" if web.locale() == "en" else "zh")
        return contacts.caller(self.name, self.phone, self.email, channel=self.notify, language=language)


class CallGiven(CallerGiven):
    """What a caller of the hotline reports."""

    call_number: str = Field(min_length=1, max_length=channels.LONGEST_CALL, description="of the call, by the exchange")
    phone: str = Field(min_length=1, max_length=40, examples=["13800001234"])
    component: str | None = Field(None, pattern=r"^\d{17}$", description="code of a registered component")


class SignalGiven(wire.PlaceGiven):
    """What a machine reports."""

    source: Literal[intake.OF_MACHINES]
    external_id: str = Field(
        min_length=1, max_length=channels.LONGEST_EXTERNAL, description="of the machine's making, new for each report"
    )
    confidence: float | None = Field(None, ge=0, le=1, allow_inf_nan=False, description="how sure the machine is")
    component: str | None = Field(None, pattern=r"^\d{17}$", description="code of a registered component")


class PhoneGiven(Given):
    """A telephone number."""

    phone: str = Field(min_length=1, max_length=40)


class SatisfactionGiven(Given):
    """What a reporter thinks of the end of their case."""

    satisfaction: Literal[SATISFACTION]
    words: str | None = Field(None, max_length=following.LONGEST_WORDS)


class ObjectionGiven(Given):
    """Why a reporter disagrees with the end of their case."""

    reason: str = Field(min_length=1, max_length=following.LONGEST_WORDS)


class AddressGiven(Given):
    """Where someone with an account wants to be told."""

    channel: Literal["sms", "email"]
    address: str = Field(min_length=1, max_length=contact_rules.LONGEST_EMAIL)
    language: Literal[LANGUAGES] = "zh"
    digest_minutes: int | None = Field(None, ge=0, le=1440, description="default: the city's")


class ChannelGiven(Given):
    """A channel of notices."""

    channel: Literal["sms", "email"]


class LookGiven(Given):
    """Nothing: that someone looked is written down by itself."""


def receipt(settings: Settings, made: channels.Receipt) -> dict[str, Any]:
    """What someone without an account gets for a report."""
    return {"number": made.number, "secret": made.secret, "follow": follow_address(settings, made.secret)}


def follow_address(settings: Settings, secret: str) -> str:
    """The link to follow a case: by the address that people use, or by that of this request."""
    path = url_for("public.follow", secret=secret)
    if settings.public_url:
        return settings.public_url.rstrip("/") + path
    return request.host_url.rstrip("/") + path


def followed(found: following.Followed) -> dict[str, Any]:
    """A case as its reporter follows it."""
    return {
        "number": found.case.number,
        "state": found.shown.state,
        "merged_into": found.shown.number if found.shown.id != found.case.id else None,
        "class": found.shown.class_code,
        "class_name": {"zh": found.shown.class_zh, "en": found.shown.class_en},
        "description": found.case.description,
        "address": found.case.address,
        "reported_at": found.case.reported_at,
        "closed_at": found.shown.closed_at,
        "history": [_told(step) for step in found.steps],
        "satisfaction": found.link.satisfaction,
        "objection": found.link.objection,
        "may_rate": found.may_rate,
        "may_object": found.may_object,
        "object_until": found.object_until,
    }


def _told(step: following.Told) -> dict[str, Any]:
    name = step.department_zh and {"zh": step.department_zh, "en": step.department_en}
    return {
        "action": step.action,
        "at": step.at,
        "department": name,
        "reason": step.reason,
        "passed": not step.failed,
    }


def contact(one: contacts.Shown) -> dict[str, Any]:
    """A reporter's contact, masked or whole."""
    return {
        "id": one.id,
        "name": one.name,
        "phone": one.phone,
        "email": one.email,
        "notify": one.channel,
        "language": one.language,
        "masked": one.masked,
        "erased": one.erased,
    }


def earlier(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Earlier cases of a caller."""
    return [
        {
            "number": row.number,
            "state": row.state,
            "class_name": {"zh": row.class_zh, "en": row.class_en},
            "reported_at": row.reported_at,
            "closed_at": row.closed_at,
        }
        for row in rows
    ]
