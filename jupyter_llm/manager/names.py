"""Which model a name means, and which one answers where a request names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.errors import LLMError

if TYPE_CHECKING:
    from jupyter_llm.library.catalogue import Catalogue
    from jupyter_llm.manager.instances import Instances
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import Model


class Names:
    """Finds models by id, alias, file name or path; an empty name is the active model.

    `catalogue` has those on the disk. `active_id` is the active model, which
    `ModelManager.switch` changes.
    """

    def __init__(
        self, settings: ManagerSettings, catalogue: Catalogue, instances: Instances
    ) -> None:
        self.active_id = settings.default_model
        self.catalogue = catalogue
        self._settings = settings
        self._instances = instances

    async def find(self, name: str) -> Model:
        """The model of this name; one that lives is found without a look at the disk.

        Raises:
            ModelNotFoundError: There is none, or it may not be used here.
            ModelFileError: Its file is damaged.
        """
        await self._settings.saved.fresh()
        name = self._settings.model_of(name or self.active_id)
        if (instance := self._instances.get(name)) is not None:
            return instance.model
        return await self.catalogue.resolve(name)

    async def active(self) -> Model | None:
        """The active model, if there is such a model."""
        try:
            return await self.find("")
        except LLMError:
            return None
