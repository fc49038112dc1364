"""The words of accounts: roles, kinds of departments, and the value that says who acts."""

from dataclasses import dataclass

ROLES = ("inspector", "acceptor", "dispatcher", "department", "manager", "administrator", "system")
"""Roles of accounts; `system` is for machines that report (video, sensors), each with a key of its own."""

DEPARTMENT_KINDS = (
    "urban_management",
    "sanitation",
    "municipal_works",
    "drainage",
    "landscaping",
    "traffic_police",
    "transport",
    "housing_construction",
    "ecology_environment",
    "water_affairs",
    "power",
    "telecom",
    "gas",
    "subdistrict",
    "public_security",
    "emergency",
    "market_regulation",
    "civil_affairs",
    "other",
)


@dataclass(frozen=True)
class Actor:
    """Who acts in one request or job.

    `departments` are the codes of their own department and all below it; `area` is the code of the area they are
    limited to (None: the whole city). The engine itself and people without an account have no id.
    """

    id: int | None
    login: str
    name: str
    role: str
    department: str | None = None
    departments: tuple[str, ...] = ()
    area: str | None = None


ENGINE = Actor(None, "engine", "engine", "engine")
"""The engine acting by itself: a suspension that ends, tasks that follow their case."""

PUBLIC = Actor(None, "public", "public", "public")
"""Someone without an account."""
