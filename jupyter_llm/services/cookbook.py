"""The recipes there are: those of this package, and those of the operator's folders."""

from __future__ import annotations

import difflib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.errors import RecipeNotFoundError
from jupyter_llm.services.recipe import Recipe, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

SHIPPED = Path(__file__).parent / "shipped"

log = logging.getLogger(__name__)


class Cookbook:
    """Recipes by name: `folder/file.yaml` below one of `folders` is `folder/file`.

    A later folder's recipe takes the place of an earlier one of the same name. Files are
    read anew each time, so that an operator's change needs no restart.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._folders = (SHIPPED, *folders)

    def recipes(self) -> dict[str, Recipe]:
        """Every recipe that can be read, in the order of the names; others are logged."""
        found: dict[str, Recipe] = {}
        for folder in self._folders:
            for path in sorted((*folder.glob("*/*.yaml"), *folder.glob("*/*.yml"))):
                name = path.relative_to(folder).with_suffix("").as_posix()
                try:
                    found[name] = parse(path.read_text(encoding="utf-8"), name)
                except (OSError, ValueError) as error:
                    log.warning("The recipe %s is left out: %s", path, error)
        return dict(sorted(found.items()))

    def recipe(self, name: str) -> Recipe:
        """The recipe of this name, with or without its folder.

        Raises:
            RecipeNotFoundError: There is none, or several; the message lists them.
        """
        recipes = self.recipes()
        if name in recipes:
            return recipes[name]
        short = [full for full in recipes if full.partition("/")[2] == name]
        if len(short) == 1:
            return recipes[short[0]]
        close = short or difflib.get_close_matches(name, recipes, n=3) or list(recipes)
        raise RecipeNotFoundError(
            f"There is no recipe {name[:100]!r}. There are: {', '.join(close)}.",
            param="recipe_name",
        )
