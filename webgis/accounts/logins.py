"""Logging in: a password, what the login still needs after it, failures that lock, and the logins one has.

A login that still needs something (a code, a new password, a second factor) speaks for nobody. Failures are counted by
what was typed, whether or not there is such an account, and under a lock: of many tries at once each is counted before
it is looked at, and an answer does not tell which logins exist.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.orm import Session

from webgis.accounts import admin_log, passwords, queries
from webgis.accounts.actor import Actor
from webgis.accounts.models import LoginFailure, LoginSession, Person
from webgis.errors import Conflict, Forbidden, Invalid, NotFound, WebgisError
from webgis.settings import Settings

UNFINISHED = timedelta(minutes=15)
"""How long a login may wait for what it still needs."""

LONGEST_DEVICE, LONGEST_LOGIN = 200, 64


@dataclass(frozen=True)
class Device:
    """From where somebody logs in: what the browser calls itself, and its address."""

    name: str = ""
    address: str = ""


@dataclass(frozen=True)
class Tried:
    """What became of a try: who it is and the token for the cookie, or the refusal, to be raised when the count of
    failures has been committed."""

    person: Person | None = None
    token: str | None = None
    needs: str | None = None
    refused: WebgisError | None = None


_COUNT = text(
    """
    INSERT INTO city.login_failure AS f (login, failures) VALUES (:login, 1)
    ON CONFLICT (login) DO UPDATE SET last_at = now(),
        locked_until = CASE WHEN f.locked_until > now() THEN f.locked_until END,
        failures = CASE WHEN f.locked_until > now() THEN f.failures WHEN f.locked_until <= now() THEN 1
                        WHEN f.last_at < now() - interval '1 day' THEN 1 ELSE f.failures + 1 END
    RETURNING failures, locked_until > now() AS locked,
              extract(epoch FROM nullif(locked_until, 'infinity') - now())::integer AS wait_s
    """
)
_FORGET_OLD = text(
    "DELETE FROM city.login_failure WHERE last_at < now() - interval '1 day' AND coalesce(locked_until < now(), true)"
)


def log_in(session: Session, settings: Settings, login: str, password: str, device: Device) -> Tried:
    """Try a password. The caller commits and then raises `refused`, if there is one."""
    if (locked := _counted(session, login)) is not None:
        return Tried(refused=locked)
    person = queries.person_by_login(session, login)
    usable = person is not None and person.active
    if not passwords.matches(person.password_hash if usable else passwords.nobodys(), password) or not usable:
        return Tried(refused=_failed(session, settings, login))
    _forgive(session, login, wholly=person.totp_since is None)
    needs = "second" if person.totp_since else need_of(settings, person)
    return Tried(person, _opened(session, settings, person, device, needs), needs)


def _counted(session: Session, login: str) -> WebgisError | None:
    """Count a try before it is looked at; the refusal when the login is locked."""
    row = session.execute(_COUNT, {"login": _typed(login)}).one()
    if not row.locked:
        return None
    return Forbidden(
        "accounts.locked",
        "Too many failures: this login is locked"
        + (f". Try again in {row.wait_s} seconds" if row.wait_s else " until an administrator unlocks it"),
        field="password",
        retry_after_s=row.wait_s,
    )


def _typed(login: str) -> str:
    return login.replace("\0", "").strip().lower()[:LONGEST_LOGIN]


def _failed(session: Session, settings: Settings, login: str, code: bool = False) -> WebgisError:
    """The refusal of a wrong try; from so many on the login is locked."""
    if settings.lock_after:
        until = func.now() + timedelta(minutes=settings.lock_minutes) if settings.lock_minutes else text("'infinity'")
        locking = update(LoginFailure).where(LoginFailure.login == _typed(login))
        session.execute(locking.where(LoginFailure.failures >= settings.lock_after).values(locked_until=until))
    if code:
        return Invalid("accounts.wrong-code", "The code is wrong, too old or was used already", field="code")
    return Invalid("accounts.wrong-login", "The login or the password is wrong", field="password")


def _forgive(session: Session, login: str, *, wholly: bool) -> None:
    """The try was right: it counts no more, and when the login is whole none before it does."""
    own = LoginFailure.login == _typed(login)
    if wholly:
        session.execute(delete(LoginFailure).where(own))
    else:
        session.execute(update(LoginFailure).where(own).values(failures=LoginFailure.failures - 1))


def need_of(settings: Settings, person: Person) -> str | None:
    """What a login of this person needs besides password and code."""
    if person.must_change:
        return "password"
    wanted = person.role in settings.second_factor_roles.split(",")
    return "enrol" if wanted and person.totp_since is None else None


def _opened(session: Session, settings: Settings, person: Person, device: Device, needs: str | None) -> str:
    token = secrets.token_urlsafe(32)
    session.execute(delete(LoginSession).where(LoginSession.expires_at <= func.now()))
    session.execute(_FORGET_OLD)
    session.add(
        LoginSession(
            token_hash=queries.fingerprint(token),
            person_id=person.id,
            expires_at=func.now() + (UNFINISHED if needs else timedelta(hours=settings.session_hours)),
            needs=needs,
            device=device.name[:LONGEST_DEVICE] or None,
            address=device.address or None,
        )
    )
    session.flush()
    return token


def let_in(session: Session, settings: Settings, person: Person, device: Device) -> Tried:
    """A login of someone whom the city's login service has vouched for: that has seen to the second factor."""
    return Tried(person, _opened(session, settings, person, device, None))


def pass_on(session: Session, settings: Settings, session_id: int) -> str | None:
    """What the login has needed is there: it goes on to what it needs next, or is whole. What it needs now."""
    own = session.get_one(Person, session.scalar(select(LoginSession.person_id).where(LoginSession.id == session_id)))
    needs = need_of(settings, own)
    until = UNFINISHED if needs else timedelta(hours=settings.session_hours)
    changed = update(LoginSession).where(LoginSession.id == session_id)
    session.execute(changed.values(needs=needs, expires_at=func.now() + until, seen_at=func.now()))
    if needs is None:
        _forgive(session, own.login, wholly=True)
    return needs


def try_code(session: Session, settings: Settings, person: Person, right) -> WebgisError | None:
    """Try a code of the second factor: `right` looks at it. The caller commits and then raises the refusal."""
    if (locked := _counted(session, person.login)) is not None:
        return locked
    if not right():
        return _failed(session, settings, person.login, code=True)
    _forgive(session, person.login, wholly=True)
    return None


def unlock(session: Session, login: str, by: Actor | None = None) -> bool:
    """Let someone try again at once; whether there was anything to forget."""
    gone = session.execute(delete(LoginFailure).where(LoginFailure.login == _typed(login))).rowcount > 0
    if gone:
        admin_log.record(session, by, "people.unlock", login)
    return gone


def locked(session: Session) -> dict[str, object]:
    """Logins that are locked now (in lower case), and until when."""
    wanted = select(LoginFailure.login, LoginFailure.locked_until).where(LoginFailure.locked_until > func.now())
    return dict(session.execute(wanted.where(LoginFailure.locked_until < text("'infinity'"))).all()) | dict.fromkeys(
        session.scalars(select(LoginFailure.login).where(LoginFailure.locked_until == text("'infinity'")))
    )


def log_out(session: Session, token: str) -> None:
    """End the login of this token, if it has not ended."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == queries.fingerprint(token)))


_LISTED = (
    select(LoginSession.id, LoginSession.device, LoginSession.address, LoginSession.created_at, LoginSession.seen_at,
           Person.login, Person.name, Person.role)
    .join(Person, Person.id == LoginSession.person_id)
    .where(LoginSession.expires_at > func.now(), LoginSession.needs.is_(None))
    .order_by(LoginSession.seen_at.desc())
)  # fmt: skip


def of_person(session: Session, person_id: int) -> list[Row]:
    """One's logins, the last used first: id, device, address, created_at, seen_at."""
    return list(session.execute(_LISTED.where(LoginSession.person_id == person_id)).all())


def of_all(session: Session, words: str = "", most: int = 200) -> list[Row]:
    """Everyone's logins, the last used first; `words`: part of login or name."""
    wanted = _LISTED.limit(most)
    if words:
        wanted = wanted.where(queries.called(words))
    return list(session.execute(wanted).all())


def end(session: Session, session_id: int, *, of: int | None = None, by: Actor | None = None) -> None:
    """End a login: one of one's own (`of` a person), or anyone's, which is recorded."""
    gone = delete(LoginSession).where(LoginSession.id == session_id).returning(LoginSession.person_id)
    person = session.scalar(gone if of is None else gone.where(LoginSession.person_id == of))
    if person is None:
        raise NotFound("accounts.login-ended", "This login has ended already")
    if of is None:
        admin_log.record(session, by, "sessions.end", session.get_one(Person, person).login)


def end_all(session: Session, person_id: int, keep: int | None = None) -> int:
    """End all logins of a person, but for the one to `keep`; how many there were."""
    gone = delete(LoginSession).where(LoginSession.person_id == person_id)
    return session.execute(gone if keep is None else gone.where(LoginSession.id != keep)).rowcount


def change_password(
    session: Session, settings: Settings, person: Person, given: str, new: str, keep: int | None
) -> None:
    """A new password by the one whose it is; their other logins end. `Invalid` names the field."""
    if not passwords.matches(person.password_hash, given):
        raise Invalid("accounts.wrong-password", "That is not your password", field="password")
    check_password(settings, person.login, new)
    if passwords.matches(person.password_hash, new):
        raise Invalid("accounts.same-password", "The new password is the old one", field="new")
    person.password_hash, person.must_change = passwords.hashed(new), False
    end_all(session, person.id, keep)
    session.flush()


def check_password(settings: Settings, login: str, new: str, field: str = "new") -> None:
    """Refuse what may be no password for this login."""
    fault = passwords.fault(new, login, settings.password_length)
    if fault:
        accepted = passwords.accepted(settings.password_length)
        raise Invalid(
            "accounts.weak-password", f"{field}: expected {accepted}", field=field, why=fault, accepted=accepted,
            shortest=settings.password_length,
        )  # fmt: skip


def require_person(session: Session, login: str) -> Person:
    """The person of this login, active or not."""
    found = queries.person_by_login(session, login)
    if found is None:
        raise NotFound("accounts.person-unknown", f"There is no account {login}", field="login")
    return found


def not_oneself(by: Actor | None, person: Person) -> None:
    """Refuse an act by which administrators would shut themselves out."""
    if by is not None and by.id == person.id:
        raise Conflict("accounts.oneself", "Nobody does this to their own account", login=person.login)
