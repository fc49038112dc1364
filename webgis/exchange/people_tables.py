"""People in and out as tables: every row is looked at before any is taken over, and what is written reads back.

A table names people by their login. Those that it does not know are added with a password that is made and must be
changed; the others become as their row says. Whoever is not in the table stays as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from webgis.accounts import operations, passwords, queries
from webgis.accounts.actor import ROLES, Actor
from webgis.accounts.first import Made
from webgis.accounts.models import Person
from webgis.cases.table_reading import Fields, Problem, read_header, sentence_and_facts, words
from webgis.catalog import sheets
from webgis.catalog.sheets import Fault
from webgis.errors import Invalid
from webgis.texts import NO, YES

HEADINGS = {
    "login": ("login", "account", "账号", "登录名"),
    "name": ("name", "姓名"),
    "role": ("role", "角色"),
    "department": ("department", "部门代码", "部门"),
    "area": ("area", "区域代码", "区域"),
    "classes": ("classes", "类别", "类别代码"),
    "active": ("active", "在用"),
}
"""The columns, and the headings under which each is found."""

EXPORT_HEADINGS = {"zh": ("账号", "姓名", "角色", "部门代码", "区域代码", "类别", "在用"), "en": tuple(HEADINGS)}
NEEDED = ("login", "name", "role")
ROLE_WORDS = {
    "inspector": ("巡查员", "采集员", "监督员"),
    "acceptor": ("受理员",),
    "dispatcher": ("派遣员",),
    "department": ("部门", "部门人员"),
    "manager": ("管理者", "监督管理人员"),
    "administrator": ("系统管理员", "管理员"),
    "system": ("系统", "设备"),
}
"""What each role is called in tables, besides its code; the first is written."""

ACTIVE, INACTIVE = (*YES, "在用"), (*NO, "停用")
MOST_PEOPLE = 5000
_ROLES = {word: role for role, known in ROLE_WORDS.items() for word in (role, *known)}


@dataclass
class Row:
    """What a row makes of a person: `login` and the facts as `operations.change_person` takes them."""

    number: int
    login: str
    facts: dict[str, Any]
    active: bool
    known: Person | None

    @property
    def verb(self) -> str:
        """add, change, or same."""
        if self.known is None:
            return "add"
        same = operations.person_facts(self.known) == self.facts and self.known.active == self.active
        return "same" if same else "change"


@dataclass
class Plan:
    """What a table would do: its rows, or its faults."""

    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def count(self, verb: str) -> int:
        """How many rows do this."""
        return sum(row.verb == verb for row in self.rows)


def read(session: Session, sheet: sheets.Sheet, by: Actor | None = None) -> Plan:
    """Look at every row of a table; nothing is changed."""
    plan = Plan()
    columns, plan.faults = read_header(sheet.header, HEADINGS, NEEDED)
    if plan.faults:
        return plan
    if len(sheet.rows) > MOST_PEOPLE:
        plan.faults.append(Fault(None, "login", f"at most {MOST_PEOPLE} rows", f"最多 {MOST_PEOPLE} 行"))
        return plan
    known = {one.login.lower(): one for one in queries.people(session)}
    departments = {one.code for one in queries.departments(session)}
    classes = queries.class_keys(session) if "classes" in columns else []
    seen: dict[str, int] = {}
    for row in sheet.rows:
        given = {column: row.cells.get(heading, "") for column, heading in columns.items()}
        fields = Fields(given, row.number, plan.faults)
        made = _row(fields, row.number, columns, known, departments, classes)
        if made is None:
            continue
        if (first := seen.setdefault(made.login.lower(), made.number)) != made.number:
            fields.fault("login", f"the login stands in row {first} already", f"账号与第 {first} 行重复")
        _check_self(fields, made, by)
        plan.rows.append(made)
    return plan


def _row(
    fields: Fields,
    number: int,
    columns: Mapping[str, str],
    known: Mapping[str, Person],
    departments: set[str],
    classes: Sequence[str],
) -> Row | None:
    login = fields.read("login", _login)
    person = known.get((login or "").lower())
    before = operations.person_facts(person) if person else dict.fromkeys(operations.PERSON_COLUMNS)
    name, role = fields.read("name", _name), fields.read("role", _role)
    department = (
        fields.read("department", _department, departments) if "department" in columns else before["department"]
    )
    area = fields.read("area", _area) if "area" in columns else before["area"]
    limits = fields.read("classes", _classes, classes) if "classes" in columns else before["classes"]
    active = fields.read("active", _yes_or_no) if "active" in columns else (person is None or person.active)
    if role == "department" and department is None:
        fields.fault("department", "this role needs the code of a department", "该角色须填写部门代码")
    if login is None or name is None or role is None or active is None:
        return None
    facts = {"name": name, "role": role, "department": department, "area": area, "classes": limits}
    return Row(number, person.login if person else login, facts, active, person)


def _check_self(fields: Fields, row: Row, by: Actor | None) -> None:
    if by is None or row.known is None or row.known.id != by.id:
        return
    before = operations.person_facts(row.known)
    if not row.active or any(row.facts[name] != before[name] for name in operations.RIGHTS):
        fields.fault("login", "nobody takes their own rights away", "不能更改自己账号的权限")


def _login(written: str) -> str:
    if not operations.LOGIN.match(written):
        raise Problem("2 to 64 letters, digits or . _ @ - are expected", "应为 2 至 64 位字母、数字或 . _ @ -")
    return written


def _name(written: str) -> str:
    name = words(written, operations.LONGEST_NAME)
    if name is None:
        raise Problem("a name is expected", "应填写姓名")
    return name


def _role(written: str) -> str:
    role = _ROLES.get(written.lower()) or _ROLES.get(written)
    if role is None:
        spoken = "、".join(known[0] for known in ROLE_WORDS.values())
        raise Problem(f"one of {', '.join(ROLES)} is expected", f"应为以下之一：{spoken}")
    return role


def _department(written: str, departments: set[str]) -> str | None:
    if written and written not in departments:
        raise Problem("there is no department of this code", "没有该代码的部门")
    return written or None


def _area(written: str) -> str | None:
    if written and not operations.AREA_CODE.match(written):
        raise Problem("a code of 4, 6, 9 or 12 digits is expected", "应为 4、6、9 或 12 位区域代码")
    return written or None


def _classes(written: str, known: Sequence[str]) -> str | None:
    try:
        return operations.read_classes(written, known) if written else None
    except Invalid as error:
        got = error.facts["got"]
        raise Problem(f"no class begins with {got}", f"没有以 {got} 开头的类别") from None


def _yes_or_no(written: str) -> bool:
    if written.lower() in INACTIVE:
        return False
    if written and written.lower() not in ACTIVE:
        raise Problem("yes or no is expected", "应为 是 或 否")
    return True


def take_over(session: Session, plan: Plan, *, by: Actor | None = None) -> list[Made]:
    """Make people be as the rows of a faultless plan say; the accounts that were made. All or nothing."""
    if plan.faults:
        message, facts = sentence_and_facts(plan.faults)
        raise Invalid("exchange.bad-people", message, field="file", **facts)
    made = []
    for row in plan.rows:
        if row.known is None:
            password = passwords.made()
            facts = {name: row.facts[name] for name in ("department", "area", "classes")}
            operations.add_person(
                session, row.login, row.facts["name"], row.facts["role"], password, must_change=True, by=by, **facts
            )
            made.append(Made(row.login, row.facts["name"], password))
        else:
            operations.change_person(session, row.login, row.facts, by=by)
        operations.set_active(session, row.login, row.active, by=by)
    return made


def export_rows(people: Sequence[Person], language: str = "zh") -> list[tuple[str, ...]]:
    """People as rows under `EXPORT_HEADINGS`, which `read` reads back."""
    chinese = language == "zh"
    return [
        (
            one.login,
            one.name,
            ROLE_WORDS[one.role][0] if chinese else one.role,
            one.department_code or "",
            one.area_code or "",
            one.class_codes or "",
            ("是" if chinese else "yes") if one.active else ("否" if chinese else "no"),
        )
        for one in people
    ]


def template(path: Path, language: str = "zh") -> int:
    """A table to fill in, with one row as an example."""
    example = Person(login="inspector-w01", name="巡查一岗" if language == "zh" else "Inspector 1", role="inspector")
    example.active = True
    return sheets.write(path, EXPORT_HEADINGS[language], export_rows([example], language))
