"""Tools, calls and results in prompts, by templates written as those of real models are."""

from __future__ import annotations

import time

import pytest

from jupyter_llm.chat.template import ChatTemplate
from jupyter_llm.chat.turns import with_calls_told
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Message, Tool, ToolCall

TOOLS = (
    Tool(
        name="weather",
        description="The weather.",
        parameters='{"type":"object","properties":{"city":{"type":"string"}}}',
    ),
)
CALL = ToolCall(id="call_0123456789", name="weather", arguments='{"city": "Zürich", "days": 2}')
TALK = (
    Message(role="system", content="Be brief."),
    Message(role="user", content="Is it warm?"),
    Message(role="assistant", content="", reasoning="Look it up.", tool_calls=(CALL,)),
    Message(role="tool", content="21 °C", name="weather", tool_call_id=CALL.id),
    Message(role="tool", content="dry", name="weather", tool_call_id=CALL.id),
)

# objects, as Qwen's and Llama's templates want them
OBJECTS = """{%- for tool in tools or [] %}{{ tool | tojson }}
{% endfor %}{%- for m in messages %}<{{ m.role }}>{{ m.content or '' }}
{%- if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}
{%- for c in m.tool_calls or [] %}CALL {{ c.function.name }}
{%- for key, value in c.function.arguments.items() %} {{ key }}={{ value }}{% endfor %}{% endfor %}
{%- endfor %}"""

# text, as DeepSeek's templates put it together; a call is where the content is none
TEXT = """{%- for tool in tools or [] %}{{ tool.function.name }}{% endfor %}
{%- for m in messages %}{%- if m['role'] == 'assistant' and m['content'] is none %}
{%- for c in m['tool_calls'] %}{{ 'CALL ' + c['function']['name'] + c['function']['arguments'] }}
{%- endfor %}{%- else %}{{ '<' + m['role'] + '>' + m['content'] }}{%- endif %}{%- endfor %}"""

# nine characters, as Mistral's templates demand
SHORT_IDS = """{%- for tool in tools or [] %}{{ tool.function | tojson }}{% endfor %}
{%- for m in messages %}{%- for c in m.tool_calls or [] %}
{%- if c.id|length != 9 %}{{ raise_exception('ids must have 9 characters') }}{% endif %}
[{{ c.function.arguments | tojson }} {{ c.id }}]{%- endfor %}
{%- if m.role == 'tool' %}<{{ m.content }} {{ m.tool_call_id }}>{% endif %}{%- endfor %}"""

# no word of tools, and the roles must alternate
PLAIN = """{%- for m in messages %}
{%- if m.role not in ('system', 'user', 'assistant') %}{{ raise_exception('unknown role') }}
{%- endif %}{{ '[' + m.role + ']' + m.content }}{%- endfor %}"""


def test_tools_and_calls_reach_the_template_as_objects() -> None:
    text = ChatTemplate(OBJECTS).render(TALK, tools=TOOLS)

    assert '"name": "weather", "description": "The weather.", "parameters": {"type"' in text
    assert "CALL weather city=Zürich days=2" in text
    assert "<think>Look it up.</think>" in text
    assert "<tool>21 °C<tool>dry" in text


def test_a_template_that_wants_text_gets_the_arguments_as_json() -> None:
    text = ChatTemplate(TEXT).render(TALK, tools=TOOLS)

    assert 'CALL weather{"city": "Zürich", "days": 2}' in text


def test_an_id_that_is_too_long_for_the_template_becomes_a_short_one() -> None:
    text = ChatTemplate(SHORT_IDS).render(TALK, tools=TOOLS)

    in_call = text.partition("2} ")[2][:9]
    assert f"<21 °C {in_call}>" in text
    kept = ToolCall(id="abcDEF123", name="weather", arguments="{}")
    assert "abcDEF123]" in ChatTemplate(SHORT_IDS).render(
        [Message(role="assistant", content="", tool_calls=(kept,))]
    )


def test_a_template_without_tools_is_told_of_them_in_the_turns() -> None:
    text = ChatTemplate(PLAIN).render(TALK, tools=TOOLS)

    assert text.startswith("[system]Be brief.\n\nYou may call functions.")
    assert '{"type": "function", "function": {"name": "weather"' in text
    assert (
        '[assistant]<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich", "days": 2}}\n'
        "</tool_call>[user]<tool_response>\n21 °C\n</tool_response>\n"
        "<tool_response>\ndry\n</tool_response>"
    ) in text


def test_without_a_system_turn_one_is_made() -> None:
    text = ChatTemplate(PLAIN).render(TALK[1:2], tools=TOOLS)

    assert text.startswith("[system]You may call functions.")
    assert text.endswith("[user]Is it warm?")


@pytest.mark.parametrize("source", [OBJECTS, TEXT, PLAIN])
@pytest.mark.parametrize("arguments", ["{", "[1]", '{"a": Infinity}', "[" * 100_000])
def test_malformed_arguments_are_the_callers_fault(source: str, arguments: str) -> None:
    call = ToolCall(id="c", name="weather", arguments=arguments)
    talk = [TALK[1], Message(role="assistant", content="", tool_calls=(call, call))]
    with pytest.raises(InvalidRequestError) as caught:
        ChatTemplate(source).render(talk, tools=TOOLS)

    assert caught.value.param == "messages[1].tool_calls[0].function.arguments"


def test_arguments_of_the_caller_reach_the_template_but_replace_nothing() -> None:
    template = ChatTemplate("{{ mood }}{{ messages | length }}")

    assert template.render(TALK[:2], arguments={"mood": "merry"}) == "merry2"
    with pytest.raises(InvalidRequestError) as caught:
        template.render(TALK, arguments={"messages": []})
    assert caught.value.param == "chat_template_kwargs.messages"


def test_thousands_of_results_are_told_in_little_time() -> None:
    result = Message(role="tool", content="x" * 99, tool_call_id="1")
    started = time.perf_counter()
    told = with_calls_told([Message(role="user", content="a"), *[result] * 40_000])
    assert time.perf_counter() - started < 2
    assert [turn.role for turn in told] == ["user", "user"]
    assert told[1].content.count("</tool_response>") == 40_000
