"""Several answers to one question, in one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import InvalidRequestError

from .answer import Answer
from .answer_type import AnswerType, answer_type
from .chat_request import chat_body
from .reply import replies_from_body
from .work import CHAT_PATH, Work, value_of

if TYPE_CHECKING:
    from .chat_request import Messages
    from .reply import Reply

_ALONE = ("tools", "max_rounds", "cache", "on_answer")


def several(messages: Messages, *, schema: Any = None, **options: Any) -> Work[list[Answer]]:
    """`n` answers; for the other options see `chat_body`.

    Raises:
        InvalidRequestError: `param` names what one answer alone can have.
    """
    if given := [name for name in _ALONE if options.pop(name, None)]:
        raise InvalidRequestError(
            f"{given[0]} is for one answer; leave n out, or {given[0]}.", param=given[0]
        )
    wanted = None if schema is None else answer_type(schema)
    return Work(
        path=CHAT_PATH,
        body=chat_body(messages, schema=wanted, **options),
        read=lambda body: [_answer(reply, wanted) for reply in replies_from_body(body)],
    )


def _answer(reply: Reply, wanted: AnswerType | None) -> Answer:
    return Answer(
        text=reply.text,
        value=None if wanted is None else value_of(reply, wanted),
        reasoning=reply.reasoning,
        turns=(reply.message(),),
        model=reply.model,
        finish_reason=reply.finish_reason,
        usage=reply.usage,
        timings=reply.timings,
    )
