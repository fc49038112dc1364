"""Departments and posts of the demo city, and their passwords. Posts have no persons' names: nobody here is real.

Passwords are made at random for each installation and kept in `var/demo-accounts.json`, which only its owner can read.
"""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from webgis.accounts import demo_logins, operations
from webgis.accounts import queries as accounts_queries
from webgis.accounts.models import Department
from webgis.db import Runtime
from webgis.errors import NotFound
from webgis.grid import queries as grid

OF_COUNTIES = {
    "urban_management": ("综合执法大队", "Urban Management"),
    "sanitation": ("环卫所", "Sanitation"),
    "municipal_works": ("市政所", "Municipal Works"),
    "landscaping": ("园林所", "Landscaping"),
}
"""Kinds of departments that every county has, with what follows the county's name."""

OF_CITIES = {
    "drainage": ("排水管理处", "Drainage"),
    "traffic_police": ("交警支队", "Traffic Police"),
    "transport": ("交通运输局", "Transport"),
    "housing_construction": ("住建局", "Housing and Construction"),
    "ecology_environment": ("生态环境局", "Ecology and Environment"),
    "water_affairs": ("水务局", "Water Affairs"),
    "power": ("供电公司", "Power Supply"),
    "telecom": ("通信公司", "Telecom"),
    "gas": ("燃气公司", "Gas Supply"),
    "subdistrict": ("街道工作处", "Subdistrict Affairs"),
    "public_security": ("公安局", "Public Security"),
    "emergency": ("应急管理局", "Emergency Management"),
    "market_regulation": ("市场监管局", "Market Regulation"),
    "civil_affairs": ("民政局", "Civil Affairs"),
    "other": ("综合协调处", "General Coordination"),
}
"""Kinds of departments of which the city has one."""

POSTS = (
    ("inspector", 4, "采集员", "Inspector"),
    ("acceptor", 2, "受理员", "Acceptor"),
    ("dispatcher", 2, "派遣员", "Dispatcher"),
    ("manager", 1, "管理者", "Manager"),
    ("administrator", 1, "系统管理员", "Administrator"),
    ("system", 1, "传感器平台", "Sensor Platform"),
)
"""Roles outside the departments, with the number of posts of each."""

PASSWORD_BYTES = 9


@dataclass(frozen=True)
class Post:
    """An account of the demo."""

    login: str
    name: str
    role: str
    department: str | None
    password: str


def accounts(runtime: Runtime) -> list[dict[str, str | None]]:
    """Login, name, role, department and password of every demo account; empty when no demo was loaded here."""
    path = demo_logins.file(runtime.settings)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def required_accounts(runtime: Runtime) -> list[dict[str, str | None]]:
    """The demo accounts, or `NotFound` with what to do."""
    found = accounts(runtime)
    if not found:
        raise NotFound(
            "demo.no-accounts",
            f"{demo_logins.file(runtime.settings)} does not exist: no demo was loaded from here. Load it with: "
            "webgis demo load; or give an account a new password: webgis accounts password LOGIN",
        )
    return found


def settle(session: Session, runtime: Runtime, city: str, counties: Sequence[str]) -> int:
    """Add the departments of these areas and an account for each post; those that exist are left. Returns how many.

    The file of passwords is written before the caller commits, so that no account exists whose password is lost.
    """
    wanted = [*_posts(), *_department_posts(session, city, counties)]
    new = [post for post in wanted if accounts_queries.person_by_login(session, post.login) is None]
    for post in new:
        operations.add_person(session, post.login, post.name, post.role, post.password, department=post.department)
    kept = [account for account in accounts(runtime) if account["login"] not in {post.login for post in new}]
    if new:
        _write(demo_logins.file(runtime.settings), [*kept, *(asdict(post) for post in new)])
    return len(new)


def _posts() -> list[Post]:
    return [
        Post(f"{role}{number}", f"{zh}{number} {en} {number}", role, None, _password())
        for role, count, zh, en in POSTS
        for number in range(1, count + 1)
    ]


def _department_posts(session: Session, city: str, counties: Sequence[str]) -> list[Post]:
    posts = []
    for area, kinds in [*((county, OF_COUNTIES) for county in counties), (city, OF_CITIES)]:
        place = grid.area(session, area)
        for kind, (zh, en) in kinds.items():
            code = department_code(area, kind)
            if session.get(Department, code) is None:
                name_en = f"{place.name_en} {en}" if place.name_en else en
                operations.add_department(session, code, f"{place.name_zh}{zh}", name_en, kind=kind, area=area)
            posts.append(Post(code, f"{place.name_zh}{zh}", "department", code, _password()))
    return posts


def department_code(area: str, kind: str) -> str:
    """The code of an area's department of a kind; it is also the login of its account."""
    return f"{area}-{kind.replace('_', '-')}"


def responsible(county: str, kind: str) -> str:
    """The code of the department of this kind that serves a county: its own, else the city's."""
    return department_code(county if kind in OF_COUNTIES else county[:4], kind)


def _password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


def _write(path: Path, rows: list[dict]) -> None:
    """Write the passwords so that nobody else can ever read them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(rows, file, ensure_ascii=False, indent=1)
    made.replace(path)
