"""What administrators keep on pages: beats, notices, how long things are kept; each with its effects and refusals."""

import re
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from webgis import jobs
from webgis.accounts import admin_log
from webgis.cases import audit, evidence, messages, notice_addresses, retention
from webgis.cli import group
from webgis.errors import Conflict, NotFound
from webgis.grid import beats
from webgis.worker import import_tasks

FIRST, SECOND = f"{city.WEST}001", f"{city.WEST}002"


@pytest.fixture
def administrator(reader):
    return reader("administrator1", "en")


@pytest.fixture
def life(city_runtime) -> Life:
    return Life(city_runtime)


def acts(life: Life, action: str) -> list:
    """(subject, before, after) of the lines of the log, newest first."""
    with life.runtime.transaction() as session:
        rows = admin_log.listed(session, action=action).rows
        return [(line.subject, line.before, line.after) for line, _name in rows]


def drain(life: Life) -> None:
    import_tasks()
    jobs.drain(life.runtime, "slow")


# ---- beats

BEAT = {"name": "西一网格", "name_en": "", "cells": f"{FIRST} {SECOND}", "inspector": "inspector1", "days": "Mon-Fri",
        "hours": "08:00-18:00"}  # fmt: skip


def test_a_beat_is_laid_out_changed_and_ended_and_all_stands_in_the_log(administrator, life):
    assert "No beat yet" in administrator.get("/admin/beats").text
    assert administrator.send("/admin/beats/new", beat="W1", **BEAT).status_code == 303
    page = administrator.get("/admin/beats/one/W1").text
    assert f">{FIRST} {SECOND}</textarea>" in page and 'value="inspector1"' in page and 'value="Mon-Fri"' in page
    assert administrator.send("/admin/beats/one/W1", **BEAT | {"name": "西甲", "cells": city.WEST}).status_code == 303
    with life.runtime.transaction() as session:
        plan = beats.require_plan(session, "W1")
    assert plan.name_zh == "西甲" and len(plan.cells) > 2 and len(plan.shifts) == 1
    listed = administrator.get("/admin/beats").text
    assert "西甲" in listed and "cells are in no beat" in listed and "Hours of a week with nobody" in listed
    assert administrator.send("/admin/beats/one/W1/end").status_code == 303
    assert administrator.get("/admin/beats/one/W1").status_code == 404
    laid = acts(life, "beats.lay-out")
    assert [subject for subject, _before, _after in laid] == ["W1", "W1"]
    assert laid[0][1]["cells"] == 2 and laid[0][2]["name"] == "西甲" and acts(life, "beats.close")[0][0] == "W1"


def test_a_beat_that_cannot_be_changes_nothing_and_keeps_what_was_typed(administrator, life):
    wrong = administrator.send("/admin/beats/new", beat="W 1", **BEAT | {"cells": "999", "inspector": "nobody"})
    assert wrong.status_code == 422 and "Nothing was changed" in wrong.text and ">999</textarea>" in wrong.text
    assert administrator.send("/admin/beats/new", beat="W1", **BEAT).status_code == 303
    again = administrator.send("/admin/beats/new", beat="W1", **BEAT | {"name": "别的"})
    assert again.status_code == 422 and "a beat of this code" in again.text
    with life.runtime.transaction() as session:
        assert [one.name_zh for one in beats.listed(session, datetime.now(UTC))] == ["西一网格"]


def test_conflicts_of_beats_are_told_and_the_map_is_told_of_each_cell(administrator):
    for code in ("W1", "W2"):
        assert administrator.send("/admin/beats/new", beat=code, **BEAT).status_code == 303
    page = administrator.get("/admin/beats").text
    assert "2 cells are in several beats" in page and f"{FIRST}</span> (W1, W2)" in page
    told = administrator.get("/admin/beats/cells?bbox=104.06,30.655,104.07,30.66").get_json()
    known = {one["properties"]["code"]: one["properties"]["beats"] for one in told["features"]}
    assert known[FIRST] == ["W1", "W2"] and [] in known.values() and not told["more"]
    assert administrator.get("/admin/beats/cells?bbox=nowhere").status_code == 422
    assert administrator.get("/admin/beats/export.xlsx").status_code == 200


# ---- notices


def failed(life: Life) -> str:
    """A message that was refused; its id."""
    with life.runtime.transaction() as session:
        notice_addresses.set_address(session, life.settings, "sanitation1", "sms", "13900001111")
        address = session.scalar(text("SELECT id FROM city.notice_address"))
        return str(
            session.scalar(
                text(
                    "INSERT INTO city.message (id, address_id, channel, failed_at, error)"
                    " VALUES (gen_random_uuid(), :address, 'sms', now(), '号码已停机') RETURNING id"
                ),
                {"address": address},
            )
        )


def test_a_message_that_failed_is_shown_with_its_reason_and_sent_again(administrator, life):
    message = failed(life)
    page = administrator.get("/admin/notices?state=failed").text
    assert "号码已停机" in page and "sanitation1" in page and "13900001111" not in page
    assert administrator.send(f"/admin/notices/{message}/again").status_code == 303
    drain(life)
    with life.runtime.transaction() as session:
        assert messages.counts(session).sent == 1
        with pytest.raises(Conflict):
            messages.send_again(session, message)
        for unknown in ("nonsense", "00000000-0000-0000-0000-000000000000"):
            with pytest.raises(NotFound):
                messages.send_again(session, unknown)
    assert administrator.send("/admin/notices/nonsense/again").status_code == 404
    assert administrator.send(f"/admin/notices/{message}/again").status_code == 303
    assert "sent already" in administrator.get("/admin/notices").text
    assert acts(life, "notices.again")[0][0] == message


def test_addresses_are_set_shown_masked_and_erased(administrator, life):
    about = {"login": "works1", "channel": "sms", "language": "zh", "digest": ""}
    assert administrator.send("/admin/notices/addresses", **about, address="13900002222").status_code == 303
    page = administrator.get("/admin/notices/addresses").text
    assert "139****2222" in page and "13900002222" not in page
    for wrong in ({"address": "12"}, {"login": "nobody"}, {"digest": "9999"}, {"channel": "pigeon"}):
        answer = administrator.send("/admin/notices/addresses", **about | {"address": "13900002222"} | wrong)
        assert answer.status_code == 422, wrong
    run = CliRunner().invoke(group, ["notices", "addresses"], obj=life.runtime)
    assert "139****2222" in run.output
    assert administrator.send("/admin/notices/addresses/drop", login="works1", channel="sms").status_code == 303
    assert "139****2222" not in administrator.get("/admin/notices/addresses").text
    assert [after for _subject, _before, after in acts(life, "notices.address")][0] is None
    assert "13900002222" not in str(acts(life, "notices.address"))


def test_what_notices_say_is_shown_in_both_languages(administrator):
    page = administrator.get("/admin/notices/words").text
    assert "已收到您的上报 {{ number }}" in page
    assert 'lang="en"' in page
    assert "at once" in page, page


# ---- retention


def old_case(life: Life, **given) -> str:
    """A case with a photo that ended so long ago."""
    number = life.closed(**given)
    ended_long_ago(life, number)
    return number


def ended_long_ago(life: Life, number: str) -> None:
    with life.runtime.transaction() as session:
        statement = "UPDATE city.case SET closed_at = now() - interval '5000 days' WHERE number = :number"
        session.execute(text(statement), {"number": number})


def test_how_long_things_are_kept_is_changed_with_its_source_and_refused_without(administrator, life):
    page = administrator.get("/admin/retention").text
    assert "Order 8 of the State Archives" in page and "As shipped" in page
    source = "《本市城市管理档案办法》第五条"
    assert administrator.send("/admin/retention/tracks", days="7", source=source).status_code == 303
    assert administrator.send("/admin/retention/photos", days="", source=source).status_code == 303
    with life.runtime.transaction() as session:
        kept = {one.kind: one for one in retention.kept(session, life.settings)}
    assert (kept["tracks"].days, kept["tracks"].source, kept["photos"].days) == (7, source, None)
    for wrong, said in (
        ({"days": "0"}, "1 to 36500"),
        ({"days": "x"}, "1 to 36500"),
        ({"source": " "}, "Name the law"),
    ):
        answer = administrator.send("/admin/retention/tracks", **{"days": "9", "source": source} | wrong)
        assert answer.status_code == 422 and said in answer.text, wrong
    assert administrator.send("/admin/retention/nothing", days="9", source=source).status_code == 422
    assert acts(life, "retention.change")[1] == (
        "tracks", {"days": 30, "source": retention.PRIVACY}, {"days": 7, "source": source},
    )  # fmt: skip
    run = CliRunner().invoke(group, ["retention", "set", "tracks", "forever", "--source", "x"], obj=life.runtime)
    assert run.exit_code == 0
    assert "tracks: for good" in CliRunner().invoke(group, ["retention", "list"], obj=life.runtime).output
    assert administrator.send("/admin/retention/contacts", days="7", source=source).status_code == 303
    assert "erased 7 days after" in administrator.get("/report").text


def test_photos_go_when_their_time_is_over_while_the_history_verifies_as_before(administrator, life):
    young, old = life.closed(), old_case(life, place=city.IN_EAST)
    with life.runtime.transaction() as session:
        numbers = dict(session.execute(text("SELECT number, id FROM city.case")).all())
        shared = session.scalars(text("SELECT DISTINCT sha256 FROM city.photo")).all()
        photo = session.scalar(text("SELECT min(id) FROM city.photo WHERE case_id = :id"), {"id": numbers[old]})
    due = administrator.get("/admin/retention").text
    assert re.search(r'data-kind="photos".*?<b class="num">1</b>', due, re.S)
    assert administrator.send("/admin/retention/remove").status_code == 303 and not acts(life, "retention.remove")
    assert administrator.send("/admin/retention/remove", sure="yes").status_code == 303
    drain(life)
    subject, _before, after = acts(life, "retention.remove")[0]
    assert (subject, after["removed"]) == ("photos", 1) and "国家档案局" in after["source"]
    # The same picture belongs to the younger case, too: its file stays.
    assert all(evidence.path(life.settings, sha256).is_file() for sha256 in shared)
    address = f"/api/v1/cases/{old}/photos/{photo}"
    gone = administrator.client.get(address, headers={"Accept": "application/json"})
    assert gone.status_code == 404 and gone.get_json()["code"] == "cases.photo-removed"
    assert "1 photo was kept as long as it had to be and is gone" in administrator.get(f"/cases/{old}").text
    ended_long_ago(life, young)
    with life.runtime.transaction() as session:
        jobs.enqueue(session, "cases.remove_old", queue="slow")
    drain(life)
    assert not any(evidence.path(life.settings, sha256).exists() for sha256 in shared)
    what = {one.what for one in audit.verify(life.runtime.engine, life.settings, files=True).findings}
    assert not {one for one in what if one.startswith(("file", "photo", "event"))}, what
    # A photo of a case that goes on is missed, whatever its row says.
    going = life.report(place=city.IN_EAST).number
    with life.runtime.transaction() as session:
        hide = "UPDATE city.photo SET removed_at = now() WHERE case_id = (SELECT id FROM city.case WHERE number = :n)"
        session.execute(text(hide), {"n": going})
    evidence.path(life.settings, shared[0]).unlink(missing_ok=True)
    found = audit.verify(life.runtime.engine, life.settings, files=True).findings
    assert ("file_removed", going) in {(one.what, one.number) for one in found}


def test_drafts_and_exports_go_by_their_time_too(life):
    folder = life.settings.var_dir / "exports" / "1"
    folder.mkdir(parents=True)
    (folder / "table.xlsx").write_bytes(b"")
    with life.runtime.transaction() as session:
        draft = "INSERT INTO city.routing_set (name, state, changed_at) VALUES ('旧', 'draft', '2020-01-01')"
        session.execute(text(draft))
        now = datetime(2050, 1, 1, tzinfo=UTC)
        assert retention.due(session, life.settings, now) == {
            "photos": 0, "contacts": 0, "tracks": 0, "drafts": 1, "exports": 1,
        }  # fmt: skip
        gone = retention.remove(session, life.settings, now)
        assert (gone["drafts"], gone["exports"]) == (1, 1)
        assert not any(retention.due(session, life.settings, now).values())
