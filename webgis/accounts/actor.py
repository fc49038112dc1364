"""The words of accounts: roles, kinds of departments, and the value that says who acts."""

from dataclasses import dataclass

ROLES = ("inspector", "acceptor", "dispatcher", "department", "manager", "administrator")

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
    """Who acts in one request or job."""

    id: int
    login: str
    name: str
    role: str
    department: str | None = None
