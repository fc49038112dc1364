"""A login's whole life: what a password may be, what a login needs, lock-out, second factor, logins seen and ended."""

import base64
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests import city
from webgis.accounts import admin_log, logins, operations, passwords, queries, second_factor, totp
from webgis.app import create_app
from webgis.errors import Invalid

RFC = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924")]
    + [(2000000000, "69279037"), (20000000000, "65353130")],
)
def test_codes_are_those_of_rfc_6238(seconds, code):
    assert totp.code(RFC, totp.step_of(seconds), digits=8) == code


def test_a_clock_may_be_a_step_off_and_no_more():
    given = totp.code(RFC, totp.step_of(1_000_000))
    assert totp.accepted(RFC, given, 1_000_000 + 30) == totp.accepted(RFC, given, 1_000_000 - 30)
    assert totp.accepted(RFC, given, 1_000_000 + 90) is None
    assert totp.accepted(RFC, "１２３４５６", 1_000_000) is None


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("short7!", "short"),
        ("aaaaaaaaaaaa", "short"),
        ("x1" * 200, "short"),
        ("abc" * 100, "long"),
        ("inspector7", "login"),
        ("Inspector2026", "login"),
        ("7rotcepsni", "login"),
        ("P@ssw0rd", "common"),
        ("woaini1314", "common"),
        ("1qaz-2wsx", "common"),
        ("correct horse", None),
        ("锦江区环卫所的门朝东", None),
    ],
)
def test_a_password_is_long_enough_unlike_the_login_and_not_everybodys(password, fault):
    assert passwords.fault(password, "inspector7", 8) == fault


def test_a_password_that_is_made_may_be_one():
    assert all(passwords.fault(passwords.made(), "inspector7", 8) is None for _again in range(20))


class Browser:
    """Someone's browser without a screen."""

    def __init__(self, app) -> None:
        self.client = app.test_client()

    def get(self, path: str):
        return self.client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"})

    def send(self, path: str, **fields):
        """Fill the form of the page at `path`, or of the one that it leads to, and send it to `path`."""
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(path).text)[1]
        return self.post(path, token, **fields)

    def post(self, path: str, token: str, **fields):
        given = {"csrf_token": token} | fields
        return self.client.post(path, data=given, headers={"Accept": "text/html", "Accept-Language": "en"})

    def log_in(self, login: str, password: str = city.PASSWORD):
        return self.send("/login", login=login, password=password)


@pytest.fixture
def browser(city_app):
    return lambda: Browser(city_app)


def _failures(browser: Browser, login: str, count: int) -> list[int]:
    return [browser.log_in(login, "wrong wrong").status_code for _try in range(count)]


@pytest.fixture
def strict(clone, city_template):
    """The application of a city that locks after three failures and wants a second factor of administrators."""
    limits = {"lock_after": 3, "login_limit": "1000 per minute", "second_factor_roles": "administrator"}
    with clone(city_template, **limits) as settings:
        made = create_app(settings)
        made.testing = True
        yield made
        made.extensions["webgis"].dispose()


@pytest.mark.parametrize("login", ["acceptor1", "nobody-at-all"])
def test_a_login_is_locked_after_failures_whether_or_not_there_is_such_an_account(strict, login):
    someone = Browser(strict)
    assert _failures(someone, login, 3) == [422] * 3
    locked = someone.log_in(login)
    assert locked.status_code == 422 and "locked" in locked.text and "15 minutes" in locked.text
    assert Browser(strict).log_in("acceptor2" if login == "acceptor1" else "acceptor1").status_code in (302, 422)


def test_a_lock_ends_by_time_or_by_an_administrator_and_a_login_forgets_failures(strict):
    runtime, someone = strict.extensions["webgis"], Browser(strict)
    _failures(someone, "acceptor1", 2)
    assert someone.log_in("acceptor1").status_code == 302
    someone = Browser(strict)
    _failures(someone, "acceptor1", 3)
    with runtime.transaction() as session:
        assert "acceptor1" in logins.locked(session)
        session.execute(text("UPDATE city.login_failure SET locked_until = now() - interval '1 s'"))
    assert someone.log_in("acceptor1").status_code == 302
    someone = Browser(strict)
    _failures(someone, "acceptor1", 3)
    with runtime.transaction() as session:
        assert logins.unlock(session, "Acceptor1") and not logins.unlock(session, "acceptor1")
    assert someone.log_in("acceptor1").status_code == 302


def test_of_many_tries_at_once_none_slips_by_the_count(strict):
    runtime = strict.extensions["webgis"]

    def try_it(number: int) -> str:
        with runtime.transaction() as session:
            tried = logins.log_in(session, runtime.settings, "acceptor1", f"wrong {number} wrong", logins.Device())
        return tried.refused.code

    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(try_it, range(6)))
    assert sorted(codes) == ["accounts.locked"] * 3 + ["accounts.wrong-login"] * 3


def test_a_password_that_someone_else_gave_is_changed_before_anything_else(city_app, browser):
    with city_app.extensions["webgis"].transaction() as session:
        operations.set_password(session, "acceptor1", "given by another", must_change=True)
    someone = browser()
    assert someone.log_in("acceptor1", "given by another").location.startswith("/login/password")
    assert someone.get("/cases").location.startswith("/login")
    assert someone.get("/login").location.startswith("/login/password")
    for new, said in (
        ("given by another", "another one"),
        ("acceptor123", "like the login"),
        ("password", "Many people"),
    ):
        refused = someone.send("/login/password", password="given by another", new=new)
        assert refused.status_code == 422 and said in refused.text
    assert someone.send("/login/password", password="nonsense", new="quite another one").status_code == 422
    assert someone.send("/login/password", password="given by another", new="quite another one").location == "/"
    assert someone.get("/cases").status_code == 200
    assert browser().log_in("acceptor1", "quite another one").location == "/"


def _code(letters: str, step: int) -> str:
    plain = letters.replace(" ", "")
    secret = base64.b32decode(plain + "=" * (-len(plain) % 8))
    return totp.code(secret, step)


def test_a_role_that_needs_a_second_factor_sets_it_up_once_and_uses_it_ever_after(strict):
    someone = Browser(strict)
    assert someone.log_in("administrator1").location.startswith("/login/second-factor")
    page = someone.get("/login/second-factor").text
    assert "<svg" in page and someone.get("/cases").status_code == 302
    letters = re.search(r'class="letters num">([A-Z2-7 ]+)<', page)[1]
    now = totp.step_of(time.time())  # asked once: the next half minute may begin in the middle of the test
    assert someone.send("/login/second-factor", code="000000").status_code == 422
    assert letters in someone.get("/login/second-factor").text
    shown = someone.send("/login/second-factor", code=_code(letters, now))
    codes = re.findall(r"<li>([A-Z2-9]{5}-[A-Z2-9]{5})</li>", shown.text)
    assert len(codes) == second_factor.CODES and someone.get("/cases").status_code == 200

    other = Browser(strict)
    assert other.log_in("administrator1").location.startswith("/login/code")
    assert other.get("/cases").status_code == 302
    assert other.send("/login/code", code=_code(letters, now)).status_code == 422, "the code that set it up was used"
    assert other.send("/login/code", code=_code(letters, now + 1)).location == "/"
    third = Browser(strict)
    third.log_in("administrator1")
    assert third.send("/login/code", code=_code(letters, now + 1)).status_code == 422, "a code counts once"
    assert third.send("/login/code", code=codes[0].lower()).location == "/"
    fourth = Browser(strict)
    fourth.log_in("administrator1")
    assert fourth.send("/login/code", code=codes[0]).status_code == 422, "a recovery code counts once"


def test_codes_are_not_guessed_by_beginning_anew(strict):
    runtime = strict.extensions["webgis"]
    with runtime.transaction() as session:
        person = queries.person_by_login(session, "acceptor1")
        secret = second_factor.begin(session, runtime.settings, person)
        now = totp.step_of(time.time())
        assert second_factor.confirm(session, runtime.settings, person, totp.code(secret, now), time.time())
    for _again in range(3):
        someone = Browser(strict)
        assert someone.log_in("acceptor1").location.startswith("/login/code")
        assert someone.send("/login/code", code="123").status_code == 422
    assert Browser(strict).log_in("acceptor1").status_code == 422, "locked, although the password is right each time"


def test_the_secret_of_a_second_factor_is_sealed(strict):
    runtime = strict.extensions["webgis"]
    with runtime.transaction() as session:
        person = queries.person_by_login(session, "acceptor1")
        secret = second_factor.begin(session, runtime.settings, person)
        assert secret not in bytes(person.totp_secret)
        assert second_factor.begin(session, runtime.settings, person) == secret


def test_logins_are_listed_ended_and_end_with_their_person(city_runtime):
    settings = city_runtime.settings
    with city_runtime.transaction() as session:
        device = logins.Device("Firefox", "192.0.2.7")
        tokens = [logins.log_in(session, settings, "acceptor1", city.PASSWORD, device).token for _one in range(2)]
        person = queries.person_by_login(session, "acceptor1")
        listed = logins.of_person(session, person.id)
        assert [(one.device, one.address) for one in listed] == [("Firefox", "192.0.2.7")] * 2
        logins.end(session, listed[0].id, of=person.id)
    alive = [queries.actor_of_session(city_runtime.ask, token) for token in tokens]
    assert sorted(one is None for one in alive) == [False, True]
    with city_runtime.transaction() as session:
        key = operations.make_key(session, "acceptor1")
        operations.set_active(session, "acceptor1", False)
        operations.set_active(session, "acceptor1", True)
    assert all(queries.actor_of_session(city_runtime.ask, token) is None for token in tokens)
    assert queries.actor_of_key(city_runtime.ask, key) is None


def test_a_key_ends_when_its_time_is_over(city_runtime):
    with city_runtime.transaction() as session:
        key = operations.make_key(session, "acceptor1", days=1)
    assert queries.actor_of_key(city_runtime.ask, key).login == "acceptor1"
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.api_key SET expires_at = now()"))
    assert queries.actor_of_key(city_runtime.ask, key) is None
    for wrong in ({"actions": ["admin.people"]}, {"actions": ["nonsense"]}, {"days": 0}):
        with city_runtime.transaction() as session, pytest.raises(Invalid):
            operations.make_key(session, "acceptor1", **wrong)


def test_use_is_written_down_once_in_some_minutes_and_a_login_in_use_goes_on(city_app, browser):
    runtime = city_app.extensions["webgis"]
    someone = browser()
    someone.log_in("acceptor1")

    def stands():
        with runtime.transaction() as session:
            return session.execute(text("SELECT seen_at, expires_at FROM city.login_session")).one()

    before = stands()
    someone.get("/cases")
    assert stands() == before
    with runtime.transaction() as session:
        session.execute(
            text("UPDATE city.login_session SET seen_at = now() - interval '6 min', expires_at = now() + '1 h'")
        )
    someone.get("/cases")
    after = stands()
    assert after.seen_at > before.seen_at and after.expires_at > before.expires_at


def test_every_act_is_in_the_log_which_nobody_alters(city_runtime):
    with city_runtime.transaction() as session:
        by = queries.actor(session, "administrator1")
        operations.add_person(session, "manager9", "督查", "manager", "long enough 9", by=by)
        operations.change_person(session, "manager9", {"area": city.COUNTY}, by=by)
        operations.change_person(session, "manager9", {"area": city.COUNTY}, by=by)
        operations.set_active(session, "manager9", False)
        lines = [line for line, _name in admin_log.listed(session, words="manager9").rows]
    told = [(line.action, line.before, line.after) for line in lines]
    assert told == [
        ("people.deactivate", None, {"keys": 0, "sessions": 0}),
        ("people.change", {"area": None}, {"area": city.COUNTY}),
        ("people.add", None, {"name": "督查", "role": "manager", "department": None, "area": None, "classes": None}),
    ]
    assert [line.who for line in lines][1:] == ["administrator1"] * 2 and "@" in lines[0].who
    for verb in (
        "UPDATE city.admin_event SET who = 'x'",
        "DELETE FROM city.admin_event",
        "TRUNCATE city.admin_event",
    ):
        with pytest.raises(Exception, match="never changed"), city_runtime.transaction() as session:
            session.execute(text(verb))
