"""Answers in the formats that models write, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field

from jupyter_llm.chat.reasoning import Opening
from jupyter_llm.types import Tool

TOOLS = (
    Tool(
        name="get_weather",
        description="The weather of a place.",
        parameters="""{"type":"object","properties":{"city":{"type":"string"},
            "unit":{"type":"string","enum":["C","F"]},"days":{"type":"integer"},
            "detail":{"type":"boolean"},"tags":{"type":"array","items":{"type":"string"}}},
            "required":["city"]}""",
    ),
    Tool(name="now"),
    Tool(name="write", parameters='{"type":"object","properties":{"text":{"type":"string"}}}'),
)

HERMES = '"<tool_call>"'
HARMONY = "<|channel|><|message|>"
THINK = "<think></think>"
QWEN = THINK + "<tool_call>"
DEEPSEEK = "<think></think><｜tool▁calls▁begin｜><｜tool▁sep｜>"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """`source` stands for the chat template; `calls` are names and arguments, in order."""

    id: str
    source: str
    output: str
    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, object], ...] = ()
    opening: Opening = Opening.FREE
    ids: tuple[str, ...] = field(default=())


ANSWERS = (
    Recorded(id="plain", source="", output="Just an answer. \n", text="Just an answer. \n"),
    Recorded(
        id="hermes",
        source=HERMES,
        output='<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zürich 🌧", '
        '"tags": ["}", "\\"{"]}}\n</tool_call>',
        calls=(("get_weather", {"city": "Zürich 🌧", "tags": ["}", '"{']}),),
    ),
    Recorded(
        id="hermes two with text",
        source=HERMES,
        output="Let me look.\n<tool_call>\n"
        '{"arguments": {"city": "Bern"}, "name": "get_weather"}\n</tool_call>\n'
        '<tool_call>\n{"name": "now"}\n</tool_call>\nDone. ',
        text="Let me look.\n\nDone. ",
        calls=(("get_weather", {"city": "Bern"}), ("now", {})),
    ),
    Recorded(
        id="hermes arguments as a string, and null",
        source=HERMES,
        output='<tool_call>{"name":"get_weather","arguments":"{\\"city\\": \\"Rom\\"}"}</tool_call>'
        '<tool_call>{"name":"now","arguments":null}</tool_call>',
        calls=(("get_weather", {"city": "Rom"}), ("now", {})),
    ),
    Recorded(
        id="hermes broken",
        source=HERMES,
        output='<tool_call>\nget_weather(city="Bern")\n</tool_call> and <tool_cal',
        text='<tool_call>\nget_weather(city="Bern")\n</tool_call> and <tool_cal',
    ),
    Recorded(
        id="hermes cut off in the name",
        source=HERMES,
        output='<tool_call>\n{"name": "get_we',
        text='<tool_call>\n{"name": "get_we',
    ),
    Recorded(
        id="hermes without its end",
        source=HERMES,
        output='<tool_call>\n{"name": "now", "arguments": {}}\n',
        calls=(("now", {}),),
    ),
    Recorded(
        id="qwen 3 thinks",
        source=QWEN,
        output="<think>\nThe user wants\n<tool_call>s.\n</think>\n\n"
        '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
        reasoning="The user wants\n<tool_call>s.",
        calls=(("now", {}),),
    ),
    Recorded(
        id="thinking opened by the template",
        source=QWEN,
        opening=Opening.OPEN,
        output="Hm.\n\nSo.\n</think>\n\nForty-two.",
        reasoning="Hm.\n\nSo.",
        text="Forty-two.",
    ),
    Recorded(
        id="thinking cut off",
        source=THINK,
        output="<think>\nFirst I have to </thi",
        reasoning="First I have to </thi",
    ),
    Recorded(
        id="thinking closed by the template",
        source=THINK,
        opening=Opening.CLOSED,
        output="<think> is a tag.",
        text="<think> is a tag.",
    ),
    Recorded(id="it does not think", source=THINK, output="\n Yes.", text="\n Yes."),
    Recorded(
        id="qwen coder",
        source="<tool_call><function=<parameter=",
        output='I will.\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nLos\n"Angeles\n'
        "</parameter>\n<parameter=days>\n3\n</parameter>\n<parameter=detail>\nTrue\n</parameter>\n"
        '<parameter=tags>\n["a", "<b>"]\n</parameter>\n</function>\n</tool_call>\n'
        "<tool_call>\n<function=now>\n</function>\n</tool_call>",
        text="I will.",
        calls=(
            (
                "get_weather",
                {"city": 'Los\n"Angeles', "days": 3, "detail": True, "tags": ["a", "<b>"]},
            ),
            ("now", {}),
        ),
    ),
    Recorded(
        id="qwen coder forgets the outer tag, writes code",
        source="<tool_call><function=<parameter=",
        output="<function=write>\n<parameter=text>\nif a < b:\n    x = '</param>'\n\n</parameter>\n"
        "</function>\n</tool_call>",
        calls=(("write", {"text": "if a < b:\n    x = '</param>'\n"}),),
    ),
    Recorded(
        id="llama bare",
        source='<|start_header_id|>"parameters"',
        output='{"name": "get_weather", "parameters": {"city": "Lima"}}',
        calls=(("get_weather", {"city": "Lima"}),),
    ),
    Recorded(
        id="llama two behind a tag",
        source='<|start_header_id|>"parameters"',
        output='<|python_tag|>{"type": "function", "name": "now", "parameters": {}}; '
        '{"name": "get_weather", "parameters": {"city": "Lima"}}',
        calls=(("now", {}), ("get_weather", {"city": "Lima"})),
    ),
    Recorded(
        id="llama answers with JSON",
        source='<|start_header_id|>"parameters"',
        output='{"name": "Lima", "parameters": {"a": 1}}',
        text='{"name": "Lima", "parameters": {"a": 1}}',
    ),
    Recorded(
        id="llama calls a built-in tool",
        source='<|start_header_id|>"parameters"',
        output='<|python_tag|>brave_search.call(query="x")',
        text='<|python_tag|>brave_search.call(query="x")',
    ),
    Recorded(
        id="mistral array",
        source="[TOOL_CALLS]",
        output='[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Lyon"}, '
        '"id": "a1B2c3D4e"}, {"name": "now", "arguments": {}}]',
        calls=(("get_weather", {"city": "Lyon"}), ("now", {})),
    ),
    Recorded(
        id="mistral named",
        source="[TOOL_CALLS][ARGS][THINK][/THINK]",
        output="[THINK]Two calls.[/THINK]On it.[TOOL_CALLS]get_weather[ARGS]"
        '{"city": "Lyon"}[TOOL_CALLS]now[CALL_ID]abcdefghi[ARGS]{}',
        reasoning="Two calls.",
        text="On it.",
        calls=(("get_weather", {"city": "Lyon"}), ("now", {})),
    ),
    Recorded(
        id="mistral named, its marker swallowed",
        source="[TOOL_CALLS][ARGS]",
        output='[TOOL_CALLS]get_weather{"city": "}"}',
        calls=(("get_weather", {"city": "}"}),),
    ),
    Recorded(
        id="mistral broken",
        source="[TOOL_CALLS]",
        output="[TOOL_CALLS] [none]",
        text="[TOOL_CALLS] [none]",
    ),
    Recorded(
        id="mistral, the second broken",
        source="[TOOL_CALLS]",
        output='[TOOL_CALLS] [{"name": "now", "arguments": {}}, {"nam]',
        text=', {"nam]',
        calls=(("now", {}),),
    ),
    Recorded(
        id="harmony answer",
        source=HARMONY,
        output="<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant"
        "<|channel|>final<|message|>Four.",
        reasoning="Easy.",
        text="Four.",
    ),
    Recorded(
        id="harmony call with preamble",
        source=HARMONY,
        output="<|channel|>analysis<|message|>Need weather.<|end|><|start|>assistant<|channel|>"
        "commentary<|message|>I look it up.<|end|><|start|>assistant<|channel|>commentary "
        'to=functions.get_weather <|constrain|>json<|message|>{"city":"Oslo"}<|call|>',
        reasoning="Need weather.",
        text="I look it up.",
        calls=(("get_weather", {"city": "Oslo"}),),
    ),
    Recorded(
        id="harmony call, recipient first",
        source=HARMONY,
        output="<|channel|>analysis<|message|>A.<|end|><|start|>assistant<|channel|>analysis"
        "<|message|>B.<|end|><|start|>assistant to=functions.now<|channel|>commentary json"
        "<|message|>",
        reasoning="A.\n\nB.",
        calls=(("now", {}),),
    ),
    Recorded(
        id="harmony without channels",
        source=HARMONY,
        output="Plain <b> text",
        text="Plain <b> text",
    ),
    Recorded(
        id="deepseek v3",
        source=DEEPSEEK + "```json",
        output="<think>\nhm</think>\nOne moment.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function"
        '<｜tool▁sep｜>get_weather\n```json\n{"city": "北京"}\n```<｜tool▁call▁end｜>\n'
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜>"
        "<｜tool▁calls▁end｜>",
        reasoning="hm",
        text="One moment.",
        calls=(("get_weather", {"city": "北京"}), ("now", {})),
    ),
    Recorded(
        id="deepseek v3.1",
        source=DEEPSEEK,
        output="<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>"
        '{"city": "北京"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}'
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        calls=(("get_weather", {"city": "北京"}), ("now", {})),
    ),
    Recorded(
        id="deepseek, the second broken",
        source=DEEPSEEK,
        output="<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}"
        "<｜tool▁call▁end｜><｜tool▁call▁begin｜>what is this<｜tool▁calls▁end｜>",
        text="<｜tool▁call▁begin｜>what is this<｜tool▁calls▁end｜>",
        calls=(("now", {}),),
    ),
    Recorded(
        id="kimi",
        source="<|tool_calls_section_begin|>",
        output="Checking.<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0"
        '<|tool_call_argument_begin|>{"city": "Wuhan"}<|tool_call_end|><|tool_call_begin|>'
        "functions.now:1<|tool_call_argument_begin|>{}<|tool_call_end|>"
        "<|tool_calls_section_end|>",
        text="Checking.",
        calls=(("get_weather", {"city": "Wuhan"}), ("now", {})),
        ids=("functions.get_weather:0", "functions.now:1"),
    ),
    Recorded(
        id="glm",
        source="<tool_call><arg_key></think>",
        output="\n<think>Weather.</think>\n<tool_call>get_weather\n<arg_key>city</arg_key>\n"
        "<arg_value>Jinan\n</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n"
        "</tool_call>\n<tool_call>now\n</tool_call>",
        reasoning="Weather.",
        calls=(("get_weather", {"city": "Jinan\n", "days": 2}), ("now", {})),
    ),
    Recorded(
        id="glm on one line",
        source="<tool_call><arg_key>",
        output="<tool_call>get_weather<arg_key>city</arg_key><arg_value>Jinan</arg_value>"
        "</tool_call>",
        calls=(("get_weather", {"city": "Jinan"}),),
    ),
    Recorded(
        id="functiongemma",
        source="<start_function_call>",
        output="<start_function_call>call:get_weather{city:<escape>São {Paulo}<escape>,days:3,"
        "detail:true,tags:[<escape>a<escape>,<escape>b<escape>]}<end_function_call>"
        "<start_function_call>call:now{}<end_function_call>",
        calls=(
            (
                "get_weather",
                {"city": "São {Paulo}", "days": 3, "detail": True, "tags": ["a", "b"]},
            ),
            ("now", {}),
        ),
    ),
    Recorded(
        id="gemma 4",
        source="<|tool_call><|channel>thought<channel|>",
        output="<|channel>thought\nWeather, then.<channel|>Sure.<|tool_call>call:get_weather"
        '{city:<|"|>Rio "R"<|"|>,where:{lat:-22.9,names:[<|"|>a<|"|>]}}<tool_call|>',
        reasoning="Weather, then.",
        text="Sure.",
        calls=(("get_weather", {"city": 'Rio "R"', "where": {"lat": -22.9, "names": ["a"]}}),),
    ),
    Recorded(
        id="gemma 3 python",
        source="<start_of_turn>",
        output='Okay.\n```tool_code\nprint(get_weather(city="Rio", days=2))\nnow()\n```',
        text="Okay.",
        calls=(("get_weather", {"city": "Rio", "days": 2}), ("now", {})),
    ),
    Recorded(
        id="gemma 3 JSON",
        source="<start_of_turn>",
        output='```json\n{"name": "get_weather", "parameters": {"city": "Rio"}}\n```',
        calls=(("get_weather", {"city": "Rio"}),),
    ),
    Recorded(
        id="gemma 3 shows code",
        source="<start_of_turn>",
        output="```tool_code\nimport os\n```\nThat is all.",
        text="```tool_code\nimport os\n```\nThat is all.",
    ),
)
