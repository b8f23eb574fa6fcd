"""What exists between load and unload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jupyter_llm.chat.grammar.grammars import Grammars
from jupyter_llm.engines.common.file_vocabulary import FileVocabulary
from jupyter_llm.engines.common.inputs import TextInputs
from jupyter_llm.types import LoadOptions, MemoryUse, Model, TokenizeRequest, TokenList

from .options import ResolvedOptions
from .plan import Begin, IsWanted
from .prompts import Prompts
from .steps import Core


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A model in vLLM's processes, and what turns requests into its tokens.

    It either `writes` or gives vectors.
    """

    core: Core
    prompts: Prompts
    inputs: TextInputs
    grammars: Grammars
    options: ResolvedOptions
    memory: MemoryUse
    writes: bool

    @classmethod
    def start(
        cls, begin: Begin, model: Model, options: LoadOptions, work: Path, is_wanted: IsWanted
    ) -> Loaded:
        """Load a model, on a thread that lives as long. Raises what `begin` does."""
        core, plan = begin(model, options, work, is_wanted)
        try:
            vocabulary = FileVocabulary(plan.folder, core.num_tokens)
            length = plan.options.context_length
            prompts = Prompts(vocabulary, plan.folder.chat_template, context_length=length)
        except BaseException:
            core.close()
            raise
        return cls(
            core=core,
            prompts=prompts,
            inputs=TextInputs(
                vocabulary,
                prompts,
                context_length=length,
                max_tokens=length,
                num_dimensions=core.num_dimensions,
            ),
            grammars=Grammars(vocabulary.grammar_tokenizer),
            options=plan.options,
            memory=plan.memory,
            writes=not plan.is_embedding,
        )

    def tokens(self, request: TokenizeRequest) -> TokenList:
        """What the model would read."""
        asked = request.request
        if asked.prompt is not None:
            ids = self.prompts.vocabulary.tokenize(asked.prompt, adds_special=request.adds_special)
        else:
            ids = self.prompts.text_tokens(asked, self.prompts.any_turn(asked))
        return self.inputs.named(ids)

    def close(self) -> None:
        """End it all; the memory is free then."""
        self.grammars.close()
        self.core.close()
