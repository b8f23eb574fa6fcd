"""One model's way of talking: from a request to its prompt, and what its answer is held to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Constraint, ConstraintKind, GenerationRequest, Image, ToolChoice

from .declared import Declared
from .formats.base import Format
from .formats.choose import FALLBACK, format_of
from .grammar.schema import parse
from .lark import FindToken, Lark
from .marks import marked
from .parser import AnswerParser
from .reasoning import Opening, Reasoning, reasoning_of
from .template import ChatTemplate

NO_REASONING = "none"
"""The `reasoning_effort` that asks for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """The assistant's next turn.

    `prompt` asks for it. `constraints` are what it is held to, one behind the other; a first
    one of two is the reasoning. `checks` are schemas that the last one enforces and that have
    to compile on their own, so that a refusal names them. `make_parser` splits one answer;
    `None` where all of it is text. `markers` are control tokens that the parser has to see.
    After `reasoning_budget` tokens of reasoning `closing` is to follow. `stops` end the answer
    like stop strings; after one call it is complete where `is_one_call`. `images` are by the
    words that stand for them in the prompt.
    """

    prompt: str
    constraints: tuple[Constraint, ...] = ()
    checks: tuple[Constraint, ...] = ()
    make_parser: Callable[[], AnswerParser] | None = None
    markers: frozenset[str] = frozenset()
    reasoning_budget: int | None = None
    closing: str = ""
    stops: tuple[str, ...] = ()
    is_one_call: bool = False
    images: Mapping[str, Image] = field(default_factory=dict)


class Dialogue:
    """Talks with a model by its chat template.

    `find_token` gives the id of the control token that is spelled like a text.

    Raises:
        ModelFileError: The template is not valid Jinja.
    """

    def __init__(
        self, source: str, *, bos_token: str = "", eos_token: str = "", find_token: FindToken
    ) -> None:
        self._template = ChatTemplate(source, bos_token=bos_token, eos_token=eos_token)
        self._reasoning = reasoning_of(source)
        self._format = format_of(source)
        self._find_token = find_token

    def turn(self, request: GenerationRequest) -> Turn:
        """What a request with messages comes to.

        Raises:
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        conversation = marked(request.messages or ())
        request = replace(request, messages=conversation.messages)
        toolbox = request.toolbox
        tools = Declared(() if toolbox.choice is ToolChoice.NONE else toolbox.tools)
        form = self._format if self._template.knows_tools or not tools.tools else self._told()
        prompt, opening, thinks = self._prompt(request, tools)
        conversation.check(prompt)
        main = self._main(request, tools, form)
        constraints = [main] if main else []
        if constraints and thinks and self._reasoning:
            constraints.insert(0, self._prelude(self._reasoning, opening, request, tools))
        is_split = bool(tools.tools) or self._reasoning is not None
        calls_next = bool(tools.tools) and toolbox.choice is ToolChoice.REQUIRED
        return Turn(
            prompt=prompt,
            constraints=tuple(constraints),
            checks=tuple(_checks(request, tools)),
            make_parser=self._parser(form, tools, opening) if is_split else None,
            markers=frozenset((*form.markers, *form.stops, *self._reasoning_markers())),
            stops=form.stops if tools.tools else (),
            reasoning_budget=request.reasoning_budget if self._reasoning else None,
            closing=self._reasoning.closing(to_call=calls_next) if self._reasoning else "",
            is_one_call=bool(tools.tools) and not toolbox.is_parallel,
            images=conversation.images,
        )

    def _told(self) -> Format:
        """The format that a model is asked for whose template knows no tools."""
        return self._format if isinstance(self._format, type(FALLBACK)) else FALLBACK

    def _reasoning_markers(self) -> tuple[str, ...]:
        return self._reasoning.markers if self._reasoning else ()

    def _parser(
        self, form: Format, tools: Declared, opening: Opening
    ) -> Callable[[], AnswerParser]:
        return lambda: AnswerParser(
            form, tools=tools, reasoning=self._reasoning, opening=opening, make_id=form.new_id
        )

    def _prompt(self, request: GenerationRequest, tools: Declared) -> tuple[str, Opening, bool]:
        """The prompt, what its end says of the reasoning, and whether the model will think."""
        asked = self._asked_to_think(request)

        def render(thinks: bool | None) -> str:
            arguments = _template_arguments(request, thinks)
            return self._template.render(
                request.messages or (), tools=tools.tools, arguments=arguments
            )

        prompt = render(asked)
        if self._reasoning is None:
            return prompt, Opening.CLOSED, False
        opening = self._reasoning.opening(prompt)
        if opening is Opening.OPEN and asked is False:
            return f"{prompt.rstrip()}\n\n{self._reasoning.end}\n\n", Opening.CLOSED, False
        if opening is not Opening.FREE:
            return prompt, opening, opening is Opening.OPEN
        without = render(False)
        knows_switch = without != render(True)
        if asked is False and not knows_switch:
            skipped = self._reasoning.skipped(may_call=bool(tools.tools))
            return prompt + skipped, Opening.CLOSED, False
        return prompt, opening, prompt != without or not knows_switch

    def _asked_to_think(self, request: GenerationRequest) -> bool | None:
        """What the request says; `None` leaves it to the template.

        Raises:
            InvalidRequestError: Reasoning of a model that has none.
        """
        effort, budget = request.reasoning_effort, request.reasoning_budget
        if effort == NO_REASONING or budget == 0:
            return False
        if effort is not None and self._reasoning is None:
            raise InvalidRequestError(
                "This model does not reason: its chat template has no marks for it. Leave "
                f"'reasoning_effort' out or send \"{NO_REASONING}\".",
                param="reasoning_effort",
            )
        for name in ("enable_thinking", "thinking"):
            if isinstance(given := request.template_arguments.get(name), bool):
                return given
        return None if effort is None and budget is None else True

    def _main(self, request: GenerationRequest, tools: Declared, form: Format) -> Constraint | None:
        """What the answer itself is held to, behind the reasoning."""
        toolbox = request.toolbox
        if not tools.tools:
            return request.constraint
        lark = Lark(self._find_token)
        if toolbox.choice is ToolChoice.REQUIRED:
            names = [toolbox.name] if toolbox.name else _names(tools)
            calls = form.forced(tools, names, lark, many=toolbox.is_parallel and not toolbox.name)
            return _lark(lark.grammar(calls), "tool_choice")
        if request.constraint is not None:
            calls = form.forced(tools, _names(tools), lark, many=toolbox.is_parallel)
            return _lark(
                lark.grammar(f"{calls} | {_embedded(request.constraint, lark)}"),
                request.constraint.param,
            )
        if not any(tool.is_strict for tool in tools.tools):
            return None
        free = form.free(tools.loosened(), _names(tools), lark, many=toolbox.is_parallel)
        return _lark(lark.grammar(free), "tools")

    def _prelude(
        self, reasoning: Reasoning, opening: Opening, request: GenerationRequest, tools: Declared
    ) -> Constraint:
        to_call = bool(tools.tools)
        lark = Lark(self._find_token)
        expression = reasoning.grammar(lark, opening, to_call=to_call)
        param = request.constraint.param if request.constraint else "tools"
        return _lark(lark.grammar(expression), param)


def _template_arguments(request: GenerationRequest, thinks: bool | None) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if thinks is not None:
        # the two names that templates have for it
        arguments = {"enable_thinking": thinks, "thinking": thinks}
    if request.reasoning_effort not in (None, NO_REASONING):
        arguments["reasoning_effort"] = request.reasoning_effort
    return {**arguments, **request.template_arguments}


def _checks(request: GenerationRequest, tools: Declared) -> Sequence[Constraint]:
    """The schemas that are enforced, each under the field that it came in."""
    toolbox = request.toolbox
    checks = []
    for tool in tools.tools:
        is_forced = toolbox.choice is ToolChoice.REQUIRED and toolbox.name in ("", tool.name)
        if is_forced or tool.is_strict or request.constraint is not None:
            kind = ConstraintKind.JSON_SCHEMA
            checks.append(Constraint(kind=kind, text=tool.parameters, param=tool.param))
    if tools.tools and request.constraint is not None:
        checks.append(request.constraint)
    return checks


def _names(tools: Declared) -> list[str]:
    return [tool.name for tool in tools.tools]


def _lark(text: str, param: str) -> Constraint:
    return Constraint(kind=ConstraintKind.LARK, text=text, param=param)


def _embedded(constraint: Constraint, lark: Lark) -> str:
    """A constraint as an alternative of a larger grammar.

    Raises:
        InvalidRequestError: It is in a language that cannot be, or no schema that is enforced.
    """
    match constraint.kind:
        case ConstraintKind.JSON_OBJECT:
            return lark.json({"type": "object"})
        case ConstraintKind.JSON_SCHEMA:
            return lark.json(parse(constraint.text, constraint.param))
        case ConstraintKind.CHOICE:
            return " | ".join(lark.text(choice) for choice in json.loads(constraint.text))
        case _:
            raise InvalidRequestError(
                f"'{constraint.param}' cannot be combined with tools that the model may call or "
                'not. Send "tool_choice": "none", or a JSON schema.',
                param=constraint.param,
            )
