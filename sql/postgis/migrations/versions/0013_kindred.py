"""More classes that people take for one another, and a threshold measured on labelled pairs."""

from alembic import op

revision = "0013_kindred"
down_revision = "0012_case_digest"
branch_labels = None
depends_on = None

FAMILIES = (
    ("sewage", 0.8, "06030 01002 01003 01004 01018 03003"),
    ("leak", 0.7, "06030 01001 01025"),
    ("lettering", 0.8, "06004 07001"),
    ("signals", 0.9, "02014 02015"),
    ("signs", 0.7, "02010 02012 02013"),
    ("works", 0.7, "08002 08003 08006 08007"),
    ("sunken", 0.6, "06013 08003 01001 01002 01003 01004 01005 01007 01023"),
    ("boxes", 0.7, "01027 01048 01060"),
    ("fences", 0.7, "02017 04008"),
    ("goods", 0.7, "06036 09005 09006"),
    ("hawking", 0.6, "06028 09001 09022"),
    ("slabs", 0.8, "01017 01026"),
)
"""As in 0010: families of classes, how like their members are."""

COMPONENTS = ("01", "02", "03", "04", "05")
"""Major classes whose numbers are components and, out of order, matters."""


def upgrade() -> None:
    rows = [
        f"('{family}', '{kind}', '{code}', {likeness})"
        for family, likeness, codes in FAMILIES
        for code in codes.split()
        for kind in (("component", "matter") if code[:2] in COMPONENTS else ("matter",))
    ]
    op.execute(
        f"INSERT INTO city.kindred_class (family, kind, class_code, likeness) VALUES {', '.join(rows)}"
        " ON CONFLICT DO NOTHING"
    )
    op.execute("UPDATE city.duplicate_window SET least_score = 0.35 WHERE prefix = '' AND least_score = 0.5")
