import time

import pytest

from jupyter_llm.chat import sandbox
from jupyter_llm.chat.template import ChatTemplate
from jupyter_llm.errors import InvalidRequestError, ModelFileError
from jupyter_llm.types import Message

CHATML = (
    "{%- for message in messages %}\n"
    "    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}\n"
)
HELLO = (Message(role="user", content="Hello {{ 7 * 7 }}"),)


def test_renders_as_template_authors_expect() -> None:
    text = ChatTemplate(CHATML).render(HELLO)
    assert text == "<|im_start|>user\nHello {{ 7 * 7 }}<|im_end|>\n<|im_start|>assistant\n"


def test_special_tokens_and_json_are_in_scope() -> None:
    template = ChatTemplate(
        "{{ bos_token }}{{ messages[0] | tojson }}{{ eos_token }}", bos_token="<s>"
    )
    message = Message(role="user", content="<é>", name="Ann")
    assert template.render([message]) == '<s>{"role": "user", "content": "<é>", "name": "Ann"}'


def test_a_template_that_refuses_is_a_bad_request_in_its_words() -> None:
    template = ChatTemplate("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(InvalidRequestError, match="roles must alternate") as caught:
        template.render(HELLO)
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ raise_exception.__globals__.items() }}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{{ messages.append(1) }}",
        "{{ 1 / 0 }}",
        "{{ messages[9].content + 1 }}",
    ],
)
def test_a_hostile_template_gets_nowhere(source: str) -> None:
    with pytest.raises(InvalidRequestError):
        ChatTemplate(source).render(HELLO)


def test_a_template_that_does_not_compile_is_the_files_fault() -> None:
    with pytest.raises(ModelFileError, match="does not compile"):
        ChatTemplate("{% for %}")


LONG = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    "source",
    [
        LONG,
        LONG.replace("range(99999)", "('x' * 99999)"),
        "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(99) }}",
        "{% for a in [[1, 1]] recursive %}{{ loop(['ab', 'ab']) }}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) if b < 0 %}{% endfor %}{% endfor %}",
    ],
    ids=["loops", "strings", "macros", "recursive", "conditions"],
)
def test_a_template_that_never_ends_is_ended(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "RENDER_TIMEOUT_S", 0.2)
    template = ChatTemplate(source)

    started = time.monotonic()
    with pytest.raises(InvalidRequestError, match=r"took more than|recursion"):
        template.render([Message(role="user", content="Hi")])
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "expression",
    [
        "9 ** 9999999",
        "'x' * 9999999",
        "9999999 * [1]",
        "2.5 ** 99999",
        "lipsum(9)",
        "9 ** -9 * 'a'",
    ],
)
def test_what_takes_all_memory_or_for_ever_is_refused(expression: str) -> None:
    with pytest.raises(InvalidRequestError):
        ChatTemplate("{{ " + expression + " }}").render([Message(role="user", content="Hi")])


def test_repetitions_and_powers_of_a_usual_size_work() -> None:
    source = "{{ '-' * 20 }}{{ 3 * [1] }}{{ 2 ** 10 }}{{ 2 * 1.5 }}"
    text = ChatTemplate(source).render([Message(role="user", content="Hi")])
    assert text == f"{'-' * 20}[1, 1, 1]10243.0"
