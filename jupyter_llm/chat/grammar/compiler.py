"""From a constraint to a matcher of llguidance, which says what token may come next.

llguidance enforces JSON Schema, regular expressions and context-free grammars with masks
that take microseconds, and refuses what it cannot enforce instead of passing over it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from llguidance import LLMatcher, LLParserLimits
from llguidance.gbnf_to_lark import gbnf_to_lark

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Constraint, ConstraintKind

from .formats import tightened
from .options import JSON_OPTIONS
from .schema import culprit, has_dangling_escape, parse, refusal

if TYPE_CHECKING:
    from llguidance import LLTokenizer

MAX_TEXT = 256 * 1024
"""Characters of a constraint."""

_LIMITS = LLParserLimits(max_lexer_states=50_000, max_grammar_size=200_000, verbose_errors=False)
"""Some 100 MB and two seconds for one grammar at most; a mask has llguidance's own bound."""


def compile_constraint(constraint: Constraint, tokenizer: LLTokenizer) -> LLMatcher:
    """A matcher at the beginning of an answer; each answer takes a deep copy.

    May take seconds; safe to call from any thread.

    Raises:
        InvalidRequestError: It cannot be enforced, or allows no answer; `param` names the
            field, and the message has the JSON pointer of a schema's keyword.
    """
    if len(constraint.text) > MAX_TEXT:
        raise InvalidRequestError(
            f"{constraint.param} has {len(constraint.text)} characters: the most is {MAX_TEXT}.",
            param=constraint.param,
        )
    matcher = _matcher(constraint, tokenizer)
    if not _allows_text(matcher, tokenizer):
        error = matcher.get_error()
        reason = error if "limit" in error else "it allows no answer, or none but an empty one"
        raise _refused(constraint, _first_line(reason))
    return matcher


def grammar_of(constraint: Constraint) -> str:
    """The constraint as llguidance writes grammars: in its dialect of Lark, or as JSON.

    Raises:
        InvalidRequestError: It is none; `param` names the field.
    """
    match constraint.kind:
        case ConstraintKind.JSON_OBJECT:
            return _json_grammar({"type": "object"})
        case ConstraintKind.JSON_SCHEMA:
            return _schema_grammar(constraint)
        case ConstraintKind.REGEX:
            if has_dangling_escape(constraint.text):
                raise _refused(constraint, "it ends with a lone backslash")
            return str(LLMatcher.grammar_from_regex(constraint.text))
        case ConstraintKind.LARK:
            return str(LLMatcher.grammar_from_lark(constraint.text))
        case ConstraintKind.GBNF:
            return str(LLMatcher.grammar_from_lark(_lark_of_gbnf(constraint)))
        case ConstraintKind.CHOICE:
            choices = " | ".join(json.dumps(choice) for choice in json.loads(constraint.text))
            return str(LLMatcher.grammar_from_lark(f"start: {choices}"))


def _schema_grammar(constraint: Constraint) -> str:
    try:
        return _json_grammar(parse(constraint.text, constraint.param))
    except ValueError as error:
        raise _refused(constraint, str(error)) from error


def _lark_of_gbnf(constraint: Constraint) -> str:
    try:
        return str(gbnf_to_lark(constraint.text))
    except Exception as error:  # the converter's own errors have no class in common
        raise _refused(constraint, str(error) or repr(error)) from error


def _json_grammar(schema: Any) -> str:
    grammar: str = LLMatcher.grammar_from_json_schema(
        json.dumps(tightened(schema)), overrides=JSON_OPTIONS
    )
    return grammar


def _matcher(constraint: Constraint, tokenizer: LLTokenizer) -> LLMatcher:
    matcher = _unchecked(grammar_of(constraint), tokenizer)
    if not matcher.is_error():
        return matcher
    message = matcher.get_error()
    if constraint.kind is not ConstraintKind.JSON_SCHEMA:
        raise _refused(constraint, message)

    def trouble_with(other: Any) -> str:
        return str(_unchecked(_json_grammar(other), tokenizer).get_error())

    schema = parse(constraint.text, constraint.param)
    raise refusal(constraint.param, culprit(schema, message, trouble_with), _first_line(message))


def _unchecked(grammar: str, tokenizer: LLTokenizer) -> LLMatcher:
    return LLMatcher(tokenizer, grammar, log_level=0, limits=_LIMITS)


def _allows_text(matcher: LLMatcher, tokenizer: LLTokenizer) -> bool:
    """Whether an answer can begin with anything but its end; warms the matcher up, too."""
    mask = np.zeros((tokenizer.vocab_size + 31) // 32, np.uint32)
    matcher.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
    for token in tokenizer.eos_tokens:
        mask[token // 32] &= ~np.uint32(1 << token % 32)
    return bool(mask.any()) and not matcher.is_error()


def _refused(constraint: Constraint, reason: str) -> InvalidRequestError:
    if constraint.kind is ConstraintKind.JSON_SCHEMA:
        return refusal(constraint.param, "", reason)
    return InvalidRequestError(
        f"{constraint.param} cannot be enforced: {reason.strip()}.", param=constraint.param
    )


def _first_line(message: str) -> str:
    """A refusal without the drawing below it, which shows where in a regular expression."""
    lines = [line.strip() for line in message.strip().splitlines()]
    return lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"
