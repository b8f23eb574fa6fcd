"""The reference of the widgets has every trait, in the words of its help."""

from __future__ import annotations

from pathlib import Path

import ipywidgets
import pytest

from jupyter_llm import widgets

REFERENCE = Path(__file__).parents[2] / "docs/reference/widgets.md"


@pytest.mark.parametrize("name", widgets.__all__)
def test_every_trait_is_in_the_reference(name: str) -> None:
    kind = getattr(widgets, name)
    section = REFERENCE.read_text(encoding="utf-8").split(f"## `{name}(")[1].split("\n## ")[0]
    of_others = ipywidgets.VBox.class_traits()
    own = {n: t.help for n, t in kind.class_traits().items() if n not in of_others}
    lines = [f"| `{trait}` | {text} |" for trait, text in own.items()]
    told = [line for line in section.splitlines() if line.startswith("| `")]
    assert sorted(told) == sorted(lines)
