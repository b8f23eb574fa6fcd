"""Is a part of a page accessible? axe-core looks at it, in light and in dark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab_page import LabPage
    from playwright.async_api import Page

AXE = Path(__file__).parents[2] / "labextension/node_modules/axe-core/axe.min.js"
SERIOUS = {"serious", "critical"}
THEMES = {"": "JupyterLab Light", "-dark": "JupyterLab Dark"}
RUN = "within => axe.run(within, {resultTypes: ['violations']}).then(found => found.violations)"


async def look(lab_page: LabPage, name: str, within: str) -> None:
    """See that what the CSS selector `within` finds is accessible in both of Lab's themes.

    Leaves the screenshots `name.png` and `name-dark.png`, and the light theme.

    Raises:
        AssertionError: axe has found something serious; the message says what and where.
    """
    found = {}
    for suffix, theme in reversed(THEMES.items()):
        await lab_page.use_theme(theme)
        await lab_page.screenshot(f"{name}{suffix}")
        found[theme] = await serious_violations(lab_page.page, within)
    assert not any(found.values()), found


async def serious_violations(page: Page, within: str) -> list[str]:
    """What axe holds to be serious or worse: its rule, and the elements that break it."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    violations: list[dict[str, Any]] = await page.evaluate(RUN, within)
    return [
        f"{violation['id']}: {violation['help']}: {_elements(violation)}"
        for violation in violations
        if violation["impact"] in SERIOUS
    ]


def _elements(violation: dict[str, Any]) -> str:
    return "; ".join(f"{node['html']} ({node['failureSummary']})" for node in violation["nodes"])
