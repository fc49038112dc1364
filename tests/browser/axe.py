"""axe-core on a page: what keeps people with impairments from using it.

Comes with `bin/setup --test` (package.json, devDependencies); it is evaluated in the page, so that the page's own
policy for scripts stays as strict as it is.
"""

from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WORSE = ("serious", "critical")

_FINDINGS = """
async (worse) => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.filter(({ impact }) => worse.includes(impact)).flatMap(({ id, help, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id} (${help}): ${target.join(" ")}: ${failureSummary}`));
}
"""


def findings(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page as it is now: rule, element and what is wrong."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(SOURCE.read_text(encoding="utf-8"))
    return page.evaluate(_FINDINGS, list(WORSE))
