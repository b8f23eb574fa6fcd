"""Which braces of a prompt mean something."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.kernel.interpolate import interpolate

NAMES = {
    "x": 3,
    "name": "Ada",
    "row": {"key": "value", "two words": "both"},
    "items": ["first", "second"],
    "point": SimpleNamespace(x=1.5, tags=["a", "b"]),
    "größe": "tall",
    "braces": "{name} {{x}} {",
}


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("Greet {name}.", "Greet Ada."),
        ("{name}{name}", "AdaAda"),
        ("{point.x}", "1.5"),
        ("{point.tags[1]}", "b"),
        ("{items[0]} and {items[-1]}", "first and second"),
        ("{row['key']} {row[\"two words\"]}", "value both"),
        ("{größe}", "tall"),
        ("{name[0]}", "A"),
        ('{"who": {x}}', '{"who": 3}'),
        ("{{x}, {name}}", "{3, Ada}"),
    ],
)
def test_a_reference_to_a_variable_becomes_its_value(prompt: str, sent: str) -> None:
    assert interpolate(prompt, NAMES) == sent


@pytest.mark.parametrize(
    "prompt",
    [
        "{unknown}",
        "{unknown.x[0]}",
        "{}",
        "{ name }",
        "{{name}}",
        "Hello {{ name }}, {% if x %}",
        '{"name": "Ada", "x": {"y": 1}}',
        "{'name': x}",
        "{x: 1}",
        "{x!r} {x:.2f} {x=}",
        "{x + 1} {name.upper()} {items[x]} {row[key]} {items[0:1]}",
        r"\frac{1}{2} \sqrt{\pi} \text{if } n",
        "function f() { return {a: 1}; }",
        "for (;;) {x;}",
        "{x\n}",
        "}{",
        "{{{",
    ],
)
def test_every_other_brace_is_left_as_it_is_typed(prompt: str) -> None:
    assert interpolate(prompt, NAMES) == prompt


@settings(deadline=None)
@given(st.text())
def test_text_without_known_names_is_unchanged(text: str) -> None:
    assert interpolate(text, {}) == text


@settings(deadline=None)
@given(st.text(alphabet="{}[].'\"ax0 \n"))
def test_braces_around_unknown_names_are_unchanged(text: str) -> None:
    assert interpolate(text, {"other": 1}) == text


@settings(deadline=None)
@given(st.text())
def test_a_value_is_put_in_as_it_is(value: str) -> None:
    names = {"value": value, "x": "must not appear"}
    assert interpolate("<{value}>", names) == f"<{value}>"


def test_braces_in_a_value_mean_nothing() -> None:
    assert interpolate("{braces}{x}", NAMES) == "{name} {{x}} {3"


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("{point.z}", "no attribute 'z'"),
        ("{items[7]}", "out of range"),
        ("{row['none']}", "'none'"),
        ("{x[0]}", "not subscriptable"),
    ],
)
def test_what_a_known_variable_lacks_is_an_error_that_quotes_it(prompt: str, reason: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        interpolate(f"before {prompt} after", NAMES)
    assert prompt in str(raised.value)
    assert reason in str(raised.value)
    assert "--raw" in str(raised.value)


def test_a_value_without_text_is_an_error() -> None:
    class Silent:
        def __str__(self) -> str:
            raise OSError("disk gone")

    with pytest.raises(InvalidRequestError, match="disk gone"):
        interpolate("{silent}", {"silent": Silent()})


def test_nothing_is_evaluated() -> None:
    called: list[str] = []
    names = {"call": called.append}
    assert interpolate("{call('x')} {call.__call__('x')}", names).count("{") == 2
    assert called == []
