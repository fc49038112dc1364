"""Who reported a case is sealed in the database, shown masked, looked at in writing, and erased in time."""

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests import city
from tests.cases.channel_stories import ended, later, taken
from tests.cases.life import Life
from webgis import jobs
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.accounts.actor import PUBLIC
from webgis.cases import (
    channel_commands,
    channels,
    contact_rules,
    contacts,
    handling,
    intake,
    keyring,
    notice_addresses,
)
from webgis.errors import Forbidden, Invalid, NotFound, Unavailable
from webgis.worker import import_tasks

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
CALLER = contacts.caller("张晓明", "138 0000 1234", "zhang@example.com")


def _reported(session, settings, who=CALLER, at=NOW) -> str:
    """A public report with a contact; the case's number."""
    given = intake.Report(*city.IN_WEST, "matter", city.REFUSE, "路口暴露垃圾", source="public", acknowledged=True)
    return channels.take_public(session, settings, given, [], who, at=at).number


def _end(session, number: str, days: int, outcome: str = "closed") -> None:
    """Let the case have ended so many days ago."""
    statement = text(
        "UPDATE city.case SET outcome = :outcome, state = :outcome, closed_at = now() - make_interval(days => :days)"
        " WHERE number = :number"
    )
    session.execute(statement, {"number": number, "days": days, "outcome": outcome})


def _stored(session) -> list:
    return session.execute(text("SELECT * FROM city.contact ORDER BY id")).all()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("13800001234", "13800001234"),
        (" 138-0000-1234 ", "13800001234"),
        ("+86 138 0000 1234", "13800001234"),
        ("008613800001234", "13800001234"),
        ("１３８００００１２３４", "13800001234"),
        ("028-86540000", "02886540000"),
        ("+86 28 8654 0000", "02886540000"),
        ("010 6512 3456 转 801", "01065123456x801"),
        ("0755-26001234ext12", "075526001234x12"),
        ("+852 2123 4567", "+85221234567"),
        ("0044 20 7946 0000", "+442079460000"),
        ("12345", None),
        ("1380000123", None),
        ("12800001234", None),
        ("028-06540000", None),
        ("+861380000123", None),
        ("call me", None),
        ("1380000123４５", None),
        ("", None),
    ],
)
def test_a_telephone_number_has_one_form_however_it_is_typed(typed, kept):
    assert contact_rules.phone(typed) == kept


@pytest.mark.parametrize(
    "typed", ["a@b", "a b@example.com", "a@example..com", "a@@example.com", "a@-", "x" * 250 + "@b.cn"]
)
def test_what_is_no_e_mail_address_is_refused_with_its_field(typed):
    with pytest.raises(Invalid) as refused:
        contacts.caller(None, None, typed)
    assert refused.value.facts["field"] == "email"


def test_masks_leave_what_tells_callers_apart_and_no_more():
    assert contact_rules.masked_phone("13800001234") == "138****1234"
    assert contact_rules.masked_phone("01065123456x801") == "010****3456"
    assert contact_rules.masked_name("张晓明") == "张**"
    assert contact_rules.masked_email("zhang@example.com") == "z***@example.com"


@pytest.mark.parametrize(
    ("given", "channel"),
    [
        (("张", "13800001234", "a@example.com"), "sms"),
        (("张", "028-86540000", "a@example.com"), "email"),
        (("张", "028-86540000", None), "none"),
        ((None, None, None), "none"),
    ],
)
def test_a_reporter_is_told_by_what_can_reach_them(given, channel):
    assert contacts.caller(*given).channel == channel


def test_a_short_message_to_a_landline_is_refused():
    with pytest.raises(Invalid) as refused:
        contacts.caller(None, "028-86540000", None, channel="sms")
    assert refused.value.facts["field"] == "phone"


def test_the_database_holds_nothing_that_can_be_read(city_runtime):
    with city_runtime.transaction() as session:
        _reported(session, city_runtime.settings)
        (row,) = _stored(session)
    stored = b"".join(bytes(value) for value in (row.name, row.phone, row.email, row.phone_hash))
    for word in ("张晓明", "13800001234", "0000", "zhang@example.com"):
        assert word.encode() not in stored


def test_no_table_of_the_city_holds_a_contact_in_the_clear(city_runtime):
    life = Life(city_runtime)
    number = taken(life).number
    ended(life, number)
    later(city_runtime, days=1)
    with city_runtime.transaction() as session:
        contacts.look(session, life.settings, life.actor("acceptor1"), number)
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'city'")).all()
        for table in tables:
            for word in ("张晓明", "13800001234", "zhang@example.com"):
                found = text(f'SELECT count(*) FROM city."{table}" t WHERE t::text LIKE :plain OR t::text LIKE :hex')
                values = {"plain": f"%{word}%", "hex": f"%{word.encode().hex()}%"}
                assert session.scalar(found, values) == 0, (table, word)


def test_the_key_is_made_once_for_all_processes_and_read_by_its_owner_alone(city_settings):
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: keyring.of(city_settings).name, range(16)))
    file = city_settings.var_dir / "contact_key"
    assert len(names) == 1 and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(city_settings.var_dir.glob(".contact_key*")) == []


def test_a_key_that_is_none_is_refused(settings):
    with pytest.raises(Invalid):
        keyring.of(settings.model_copy(update={"contact_key": SecretStr("not a key")}))


def test_everyone_who_sees_the_case_sees_the_contact_masked(city_runtime):
    with city_runtime.transaction() as session:
        number = _reported(session, city_runtime.settings)
        (shown,) = contacts.masked(session, city_runtime.settings, accounts.actor(session, "manager1"), number)
    assert (shown.name, shown.phone, shown.email, shown.masked) == ("张**", "138****1234", "z***@example.com", True)


def test_who_does_not_see_the_case_sees_no_contact(city_runtime):
    with city_runtime.transaction() as session:
        number = _reported(session, city_runtime.settings)
        with pytest.raises(NotFound):
            contacts.masked(session, city_runtime.settings, accounts.actor(session, "works1"), number)


@pytest.mark.parametrize("login", ["acceptor1", "dispatcher1"])
def test_who_needs_to_know_sees_it_whole_and_each_look_is_kept_for_good(city_runtime, login):
    with city_runtime.transaction() as session:
        number = _reported(session, city_runtime.settings)
        actor = accounts.actor(session, login)
        for _ in range(2):
            (shown,) = contacts.look(session, city_runtime.settings, actor, number)
        assert (shown.name, shown.phone, shown.masked) == ("张晓明", "13800001234", False)
        assert [look.login for look in contacts.looks(session, number)] == [login, login]
    for statement in (
        "DELETE FROM city.contact_look",
        "UPDATE city.contact_look SET role = 'x'",
        "TRUNCATE city.contact_look",
    ):
        with pytest.raises(DBAPIError, match="history is added to"), city_runtime.transaction() as session:
            session.execute(text(statement))


@pytest.mark.parametrize("login", ["inspector1", "manager1", "administrator1"])
def test_who_need_not_know_cannot_look(city_runtime, login):
    with city_runtime.transaction() as session:
        number = _reported(session, city_runtime.settings)
        with pytest.raises(Forbidden) as refused:
            contacts.look(session, city_runtime.settings, accounts.actor(session, login), number)
        assert refused.value.facts["accepted"] == list(permissions.BY_ACTION["contacts.look"].roles)
        assert contacts.looks(session, number) == []


def test_the_other_cases_of_a_caller_are_found_by_the_number_however_it_is_typed(city_runtime):
    settings = city_runtime.settings
    with city_runtime.transaction() as session:
        first = _reported(session, settings)
        second = _reported(
            session, settings, contacts.caller("别人", "+86 138 0000 1234", None), NOW + timedelta(hours=1)
        )
        _reported(session, settings, contacts.caller("又一人", "13900001234", None))
        operator, number = accounts.actor(session, "acceptor1"), contact_rules.phone("138-0000-1234")
        found = contacts.cases_of_phone(session, settings, operator, number)
        elsewhere = contacts.cases_of_phone(session, settings, replace(operator, area=city.EAST), number)
    assert [row.number for row in found] == [second, first] and elsewhere == []


def test_a_new_key_seals_everything_anew_and_the_old_one_can_then_be_forgotten(city_runtime):
    first, second = keyring.new_key(), keyring.new_key()
    old = city_runtime.settings.model_copy(update={"contact_key": SecretStr(first)})
    both = city_runtime.settings.model_copy(update={"contact_key": SecretStr(f"{second}, {first}")})
    new = city_runtime.settings.model_copy(update={"contact_key": SecretStr(second)})
    with city_runtime.transaction() as session:
        number = _reported(session, old)
        notice_addresses.set_address(session, old, "works1", "email", "works@example.com")
        (before,) = _stored(session)
        actor = accounts.actor(session, "acceptor1")
        with pytest.raises(Unavailable) as refused:
            contacts.look(session, new, actor, number)
        assert refused.value.code == "cases.contact-key-lost"
        assert contacts.cases_of_phone(session, both, actor, "13800001234")[0].number == number
        assert contacts.reseal(session, both) == 2 and contacts.reseal(session, both) == 0
        (after,) = _stored(session)
        assert after.phone != before.phone and after.phone_hash != before.phone_hash
        assert contacts.look(session, new, actor, number)[0].phone == "13800001234"
        assert contacts.cases_of_phone(session, new, actor, "13800001234")[0].number == number
        assert notice_addresses.addresses(session, new, "works1")[0]["address"] == "works@example.com"


def test_the_command_seals_anew_with_the_first_line_of_the_file(city_runtime):
    settings = city_runtime.settings
    with city_runtime.transaction() as session:
        number = _reported(session, settings)
    file = settings.var_dir / "contact_key"
    made = CliRunner().invoke(channel_commands.contacts, ["new-key"]).output
    file.write_text(made + file.read_text())
    done = CliRunner().invoke(channel_commands.contacts, ["reseal"], obj=city_runtime)
    assert done.output.startswith("1 rows sealed anew")
    file.write_text(made)
    with city_runtime.transaction() as session:
        actor = accounts.actor(session, "acceptor1")
        assert contacts.look(session, settings, actor, number)[0].name == "张晓明"
    seen = CliRunner().invoke(channel_commands.contacts, ["looks", number], obj=city_runtime)
    assert "acceptor1" in seen.output


def _kept_since(settings):
    return datetime.now(UTC) - timedelta(days=settings.contact_days)


def test_contacts_are_erased_so_many_days_after_the_end_and_the_case_stays(city_runtime):
    settings = city_runtime.settings
    with city_runtime.transaction() as session:
        ended, lately, running = (_reported(session, settings) for _ in range(3))
        _end(session, ended, 181)
        _end(session, lately, 179)
        assert contacts.erase_before(session, _kept_since(settings)) == 1
        assert contacts.erase_before(session, _kept_since(settings)) == 0
        manager = accounts.actor(session, "manager1")
        (gone,) = contacts.masked(session, settings, manager, ended)
        assert gone.erased and (gone.name, gone.phone, gone.email, gone.channel) == (None, None, None, "none")
        for number in (lately, running):
            assert contacts.masked(session, settings, manager, number)[0].phone == "138****1234"
        acceptor = accounts.actor(session, "acceptor1")
        assert contacts.look(session, settings, acceptor, ended)[0].erased and contacts.looks(session, ended) == []
        found = contacts.cases_of_phone(session, settings, acceptor, "13800001234")
        assert ended not in [row.number for row in found]


def test_the_contact_of_a_merged_report_is_kept_as_long_as_that_of_its_parent(city_runtime):
    settings = city_runtime.settings
    with city_runtime.transaction() as session:
        parent, duplicate = (_reported(session, settings) for _ in range(2))
        acceptor = accounts.actor(session, "acceptor1")
        handling.act(session, settings, acceptor, duplicate, "merge", {"into": parent}, at=NOW)
        _end(session, duplicate, 365, "merged")
        assert contacts.erase_before(session, _kept_since(settings)) == 0
        _end(session, parent, 365)
        assert contacts.erase_before(session, _kept_since(settings)) == 2


def test_the_timetable_has_contacts_erased(city_runtime):
    with city_runtime.transaction() as session:
        _end(session, _reported(session, city_runtime.settings), 365, "rejected")
        jobs.enqueue(session, "cases.remove_old", queue="slow")
    import_tasks()
    jobs.drain(city_runtime, "slow")
    with city_runtime.transaction() as session:
        assert _stored(session)[0].erased_at is not None


def test_someone_who_says_nothing_of_themselves_leaves_no_contact(city_runtime):
    with city_runtime.transaction() as session:
        _reported(session, city_runtime.settings, contacts.Caller())
        assert _stored(session) == []
        assert PUBLIC.id is None
