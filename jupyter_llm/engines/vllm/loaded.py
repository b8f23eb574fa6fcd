"""What exists between load and unload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jupyter_llm.chat.grammar.grammars import Grammars
from jupyter_llm.engines.common.file_vocabulary import FileVocabulary
from jupyter_llm.engines.common.inputs import TextInputs
from jupyter_llm.engines.common.stopping import LoadStoppedError
from jupyter_llm.types import LoadOptions, MemoryUse, Model, TokenizeRequest, TokenList

from .core import Core, check_version, num_gpus
from .environment import environment, settings
from .options import ResolvedOptions
from .plan import arguments_of, check_plan, planned
from .prompts import Prompts


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
        cls, model: Model, options: LoadOptions, work: Path, is_wanted: Callable[[], bool]
    ) -> Loaded:
        """Start vLLM, which has `work` for its log; called on a thread that lives as long.

        Raises:
            EngineUnavailableError: vLLM is of a version that this was not tried with.
            LoadStoppedError: It is not wanted any more.
            ModelFileError: vLLM does not understand the folder.
            ModelLoadError: There is no room, or vLLM failed.
        """
        # vLLM looks for its log's place when it is imported
        with environment(settings(work, num_threads=1, on_processor=False)):
            check_version()
            plan = planned(model, options, num_gpus=num_gpus())
        check_plan(plan)
        if not is_wanted():
            raise LoadStoppedError
        named = settings(work, num_threads=plan.options.num_threads, on_processor=plan.on_processor)
        with environment(named):
            core = Core.start(arguments_of(plan), adapter=plan.options.adapter)
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
