"""Traits on models that run elsewhere."""

from __future__ import annotations

from typing import Any as AnyValue

from traitlets import Any, HasTraits, TraitError, validate

from jupyter_llm.engines.remote.config import remotes_of
from jupyter_llm.engines.remote.remotes import Remotes


class RemoteTraits(HasTraits):
    """Services whose models are models of this server, too."""

    # not a List: the errors of that one would repeat a value that holds keys
    remotes = Any(
        [],
        help="""Services that speak OpenAI's protocol and whose models are offered here, too: a
        list of dicts with id, url and models, and key_env or key_file where they want a key.""",
    ).tag(config=True)

    @validate("remotes")
    def _check_remotes(self, proposal: AnyValue) -> list[dict[str, AnyValue]]:
        if not isinstance(proposal.value, list | tuple):
            raise TraitError("remotes is a list of dicts; write it into jupyter_llm_config.py.")
        try:
            remotes_of(proposal.value)
        except ValueError as error:
            raise TraitError(str(error)) from None
        return list(proposal.value)

    def known_remotes(self) -> Remotes:
        """The services to begin with."""
        return Remotes(remotes_of(self.remotes))
