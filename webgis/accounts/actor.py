"""The words of accounts: roles, kinds of departments, and the value that says who acts."""

from dataclasses import dataclass

ROLES = ("inspector", "acceptor", "dispatcher", "department", "manager", "administrator", "system")
"""Roles of accounts; `system` is for machines that report (video, sensors), each with a key of its own."""

DEPARTMENT_KIND_WORDS = {
    "urban_management": ("城市管理", "Urban management"),
    "sanitation": ("环境卫生", "Sanitation"),
    "municipal_works": ("市政工程", "Municipal works"),
    "drainage": ("排水", "Drainage"),
    "landscaping": ("园林绿化", "Landscaping"),
    "traffic_police": ("交警", "Traffic police"),
    "transport": ("交通运输", "Transport"),
    "housing_construction": ("住房和城乡建设", "Housing and construction"),
    "ecology_environment": ("生态环境", "Ecology and environment"),
    "water_affairs": ("水务", "Water affairs"),
    "power": ("电力", "Power"),
    "telecom": ("通信", "Telecom"),
    "gas": ("燃气", "Gas"),
    "subdistrict": ("街道办事处", "Subdistrict office"),
    "public_security": ("公安", "Public security"),
    "emergency": ("应急管理", "Emergency management"),
    "market_regulation": ("市场监管", "Market regulation"),
    "civil_affairs": ("民政", "Civil affairs"),
    "other": ("其他", "Other"),
}
"""What kinds of departments are called, in Chinese and English."""

DEPARTMENT_KINDS = tuple(DEPARTMENT_KIND_WORDS)


@dataclass(frozen=True)
class Actor:
    """Who acts in one request or job.

    `departments` are the codes of their own department and all below it; `area` is the code of the area they are
    limited to (None: the whole city), `classes` are the beginnings of the classes that they are limited to
    ("matter:06"; none: all). The engine itself and people without an account have no id.
    """

    id: int | None
    login: str
    name: str
    role: str
    department: str | None = None
    departments: tuple[str, ...] = ()
    area: str | None = None
    classes: tuple[str, ...] = ()


ENGINE = Actor(None, "engine", "engine", "engine")
"""The engine acting by itself: a suspension that ends, tasks that follow their case."""

PUBLIC = Actor(None, "public", "public", "public")
"""Someone without an account."""
