"""A change of a rule of thresholds as long work: what it would have made of the last days, then the change."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.exchange.work import Doing, kind
from webgis.hazards import alarm_rules, threshold_backtest
from webgis.hazards.alarm_models import ThresholdRule

MOST_LINES = 100

_VERSION = text("SELECT coalesce((SELECT version FROM city.threshold_rule WHERE key = :key), 0)::text")


def _stands(session: Session, doing: Doing) -> str:
    """The version of the rule."""
    return session.scalar(_VERSION, {"key": doing.given["key"]})


@kind("thresholds", _stands, action="admin.alarms")
def take_rule(session: Session, doing: Doing) -> dict[str, Any]:
    """A rule that is made or changed. `given`: key, rule (fields of `alarm_rules.FIELDS`).

    The readings are walked before the rule is touched: whoever changes rules keeps the writer of readings waiting.
    """
    key, given, zone = doing.given["key"], doing.given["rule"], doing.settings.zone
    row, before, after = alarm_rules.as_changed(session, key, given, zone)
    old = row and alarm_rules.rule_of(row, zone)
    new = alarm_rules.rule_of(ThresholdRule(key=key, **after), zone)
    found = threshold_backtest.of_rule(session, key, old, new, datetime.now(UTC), doing.tell)
    differs = alarm_rules.set_rule(session, doing.by, key, given, zone)
    lines = sorted(found.lines, key=lambda one: (-abs(one.after - one.before), one.code))
    return {
        "takes": differs,
        "before": before,
        "after": after,
        "days": threshold_backtest.DAYS,
        "sensors": found.sensors,
        "left_out": found.left_out,
        "alarms": [sum(one.before for one in lines), sum(one.after for one in lines)],
        "standing": [sum(one.stood for one in lines), sum(one.stands for one in lines)],
        "lines": [asdict(one) for one in lines[:MOST_LINES]],
        "found": len(lines),
    }
