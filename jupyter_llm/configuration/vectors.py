"""Traits on vector databases: where the embedded one keeps its data, and which others there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any as AnyValue

from jupyter_core.paths import jupyter_data_dir
from traitlets import Any, HasTraits, TraitError, Unicode, default, validate

from jupyter_llm.services.databases import ServiceDatabases
from jupyter_llm.vectors.config import databases_of
from jupyter_llm.vectors.databases import VectorDatabases
from jupyter_llm.vectors.running import EmbeddedSettings

if TYPE_CHECKING:
    from jupyter_llm.services.services import Services


class VectorTraits(HasTraits):
    """Vector databases."""

    vectors_dir = Unicode(
        help="""The folder of the embedded vector database, which one server at a time can use.
        Default: jupyter_llm/vectors in Jupyter's data directory."""
    ).tag(config=True)

    vector_dbs = Any(
        [],
        help="""Qdrant servers that this one offers beside its own vector database: a list of dicts
        with id and url, and key_env or key_file where they want a key.""",
    ).tag(config=True)

    @default("vectors_dir")
    def _default_vectors_dir(self) -> str:
        return str(Path(jupyter_data_dir(), "jupyter_llm", "vectors"))

    @validate("vector_dbs")
    def _check_vector_dbs(self, proposal: AnyValue) -> list[dict[str, AnyValue]]:
        if not isinstance(proposal.value, list | tuple):
            raise TraitError("vector_dbs is a list of dicts; write it into jupyter_llm_config.py.")
        try:
            databases_of(proposal.value)
        except ValueError as error:
            raise TraitError(str(error)) from None
        return list(proposal.value)

    def vector_databases(self, services: Services) -> VectorDatabases:
        """The databases to begin with; nothing is started or called yet."""
        folder = Path(self.vectors_dir).expanduser().absolute()
        return VectorDatabases(
            EmbeddedSettings(folder=folder),
            databases_of(self.vector_dbs),
            ServiceDatabases(services),
        )
