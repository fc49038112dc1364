"""Filing standards from files as long work: what a file would make, and what would change against the one in force."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.catalog import differences, operations, queries
from webgis.catalog.differences import Change
from webgis.catalog.models import CaseClass, FilingCondition, FilingStandard
from webgis.exchange.work import Doing, kind

MOST_CHANGES = 400
ORDER = ("changed", "added", "removed")


def _stands(session: Session, doing: Doing) -> str:
    """The newest version of the city's filing standards, and the one in force."""
    own = FilingStandard.city_code == doing.given["city"]
    newest, active = session.execute(
        select(func.max(FilingStandard.id), func.max(FilingStandard.id).filter(FilingStandard.active)).where(own)
    ).one()
    return f"{newest}.{active}"


@kind("standard", _stands, action="admin.standards")
def take_standard(session: Session, doing: Doing) -> dict[str, Any]:
    """A filing standard of a file. `given`: city, code, name_zh, name_en, standard, source; once looked at: activate.

    A table with faults is refused by `operations.import_filing_standard`, which names each.
    """
    given = doing.given
    before = queries.in_force(session, given["city"])
    done = operations.import_filing_standard(
        session,
        doing.file,
        city_code=given["city"],
        code=given["code"],
        name_zh=given["name_zh"],
        name_en=given.get("name_en"),
        standard=given["standard"],
        source=given.get("source"),
    )
    doing.tell(60)
    made = done.filing_standard
    told = {
        "takes": True, "made": done.made, "code": made.code, "version": made.version, "conditions": done.conditions,
        "classes": done.classes, "extensions": done.extensions, "found": dict(done.counts),
        "ignored": list(done.ignored), "against": version_facts(before), **changes(session, before, made),
    }  # fmt: skip
    if done.made:
        names = ("conditions", "classes", "extensions")
        after = version_facts(made) | {name: told[name] for name in names} | {"file": given.get("called")}
        admin_log.record(session, doing.by, "catalog.import", made.code, None, after)
    if given.get("activate"):
        put_in_force(session, doing.by, made)
    return told


def put_in_force(session: Session, by: Any, standard: FilingStandard) -> None:
    """Put a version in force, and write down which was before."""
    before = queries.in_force(session, standard.city_code)
    operations.activate_filing_standard(session, standard)
    told = version_facts(before), version_facts(standard)
    admin_log.record(session, by, "catalog.activate", standard.city_code, *told)


def version_facts(standard: FilingStandard | None) -> dict[str, Any] | None:
    """Which version, for the log and for pages."""
    return standard and {"code": standard.code, "version": standard.version, "name": standard.name_zh}


def changes(session: Session, before: FilingStandard | None, after: FilingStandard) -> dict[str, Any]:
    """What changes from one version to another: how many of each sort, and the first of them with their classes."""
    compared = differences.compare(_conditions(session, before), _conditions(session, after))
    found = sorted(compared, key=lambda one: ORDER.index(one.how))
    names = _names(session, found[:MOST_CHANGES])
    return {
        "counts": dict(Counter(one.how for one in found)),
        "changes": [
            {
                "how": one.how, "kind": one.kind, "class": one.class_code, **names[one.kind, one.class_code],
                "before": one.before, "after": one.after, "differing": one.differing(),
            }
            for one in found[:MOST_CHANGES]
        ],
    }  # fmt: skip


def _conditions(session: Session, standard: FilingStandard | None) -> Sequence[FilingCondition]:
    return [] if standard is None else [one for one, _class in queries.conditions_in(session, standard)]


def _names(session: Session, found: Sequence[Change]) -> dict[tuple[str, str], dict[str, Any]]:
    codes = {one.class_code for one in found}
    classes = session.scalars(
        select(CaseClass).where(CaseClass.standard == operations.CURRENT, CaseClass.code.in_(codes))
    )
    return {(one.kind, one.code): {"name_zh": one.name_zh, "name_en": one.name_en} for one in classes}
