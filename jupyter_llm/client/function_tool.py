"""Python functions as tools that a model may call."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Message, ToolCall

from .answer_type import AnswerType, answer_type
from .signature import (
    annotated_texts,
    annotations_of,
    arguments_schema,
    description_of,
    docstring_of,
    kind_of_default,
    name_of,
    parameters_of,
)
from .tool_results import error_message, tool_message


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionTool:
    """A function, and what a model has to know to call it.

    `arguments` has the type of each argument by name, `schema` the JSON Schema of them all.
    """

    name: str
    description: str
    schema: dict[str, Any]
    function: Callable[..., Any] = field(repr=False)
    arguments: Mapping[str, AnswerType] = field(repr=False)

    def definition(self) -> dict[str, Any]:
        """The tool as an element of `tools` of a request."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.schema,
            "strict": True,  # the server then holds free calls to the schema, too
        }
        return {"type": "function", "function": function}

    def call(self, arguments: str) -> Any:
        """What the function returns; one that is `async` is run to its end.

        Args:
            arguments: JSON text, as a model wrote it.

        Raises:
            InvalidRequestError: The arguments do not fit; the function was not called.
        """
        result = self.function(**self.read(arguments))
        return _run(result) if inspect.isawaitable(result) else result

    async def acall(self, arguments: str) -> Any:
        """The same in an event loop; a function that is not `async` is called in a thread."""
        values = self.read(arguments)
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**values)
        result = await asyncio.to_thread(self.function, **values)
        return await result if inspect.isawaitable(result) else result

    def answer(self, call: ToolCall) -> Message:
        """Call the function, and put what comes of it, an error too, into words for the model."""
        try:
            return tool_message(call, self.call(call.arguments))
        except Exception as exc:  # noqa: BLE001  # the model may do better the next time
            return error_message(call, exc)

    async def aanswer(self, call: ToolCall) -> Message:
        """The same in an event loop."""
        try:
            return tool_message(call, await self.acall(call.arguments))
        except Exception as exc:  # noqa: BLE001  # the model may do better the next time
            return error_message(call, exc)

    def read(self, arguments: str) -> dict[str, Any]:
        """The arguments by name, each of its type.

        Raises:
            InvalidRequestError: They do not fit the function; the message says which and why.
        """
        given = self._parsed(arguments)
        missing = [name for name in self.schema.get("required", ()) if name not in given]
        if unknown := [name for name in given if name not in self.arguments]:
            raise self._error(f"it has no argument {unknown[0]!r}")
        if missing:
            raise self._error(f"the argument {missing[0]!r} is missing")
        return {name: self._value(name, value) for name, value in given.items()}

    def _parsed(self, arguments: str) -> dict[str, Any]:
        import msgspec

        try:
            given = msgspec.json.decode(arguments or "{}")
        except msgspec.DecodeError as exc:
            raise self._error(f"the arguments are no JSON: {exc}") from exc
        if not isinstance(given, dict):
            raise self._error("the arguments are no JSON object")
        return given

    def _value(self, name: str, value: Any) -> Any:
        try:
            return self.arguments[name].convert(value)
        except (ValueError, TypeError) as exc:
            raise self._error(f"the argument {name!r} does not fit: {exc}") from exc

    def _error(self, reason: str) -> InvalidRequestError:
        return InvalidRequestError(f"{self.name} cannot be called: {reason}.", param="tools")


def function_tool(function: Callable[..., Any] | FunctionTool) -> FunctionTool:
    """A function as a tool: described by its docstring, its arguments by their annotations.

    Google's, NumPy's and reST's ways to describe arguments are understood, and a text in
    `Annotated[int, "…"]`. An argument without annotation takes the type of its default, or
    any JSON. `*args` and `**kwargs` are not told to the model.

    Raises:
        InvalidRequestError: It is no function, or an argument's type has no JSON Schema.
    """
    if isinstance(function, FunctionTool):
        return function
    parameters, kinds = parameters_of(function), annotations_of(function)
    described = docstring_of(function)
    texts = {item.arg_name: item.description for item in described.params if item.description}
    types = {
        name: _type_of(function, name, kinds.get(name, kind_of_default(parameter.default)))
        for name, parameter in parameters.items()
    }
    return FunctionTool(
        name=name_of(function),
        description=description_of(described),
        schema=arguments_schema(parameters, types, {**annotated_texts(kinds), **texts}),
        function=function,
        arguments=types,
    )


def function_tools(
    functions: Iterable[Callable[..., Any] | FunctionTool],
) -> dict[str, FunctionTool]:
    """Several functions as tools, by name.

    Raises:
        InvalidRequestError: Two have the same name, or one cannot be a tool.
    """
    tools: dict[str, FunctionTool] = {}
    for function in functions:
        tool = function_tool(function)
        if tool.name in tools:
            raise InvalidRequestError(f"Two tools are called {tool.name!r}.", param="tools")
        tools[tool.name] = tool
    return tools


def _run(awaitable: Any) -> Any:
    """The result of a coroutine, in a thread, for a notebook's own loop runs already."""

    async def wait() -> Any:
        return await awaitable

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="llm tool") as thread:
        return thread.submit(asyncio.run, wait()).result()


def _type_of(function: Callable[..., Any], name: str, kind: Any) -> AnswerType:
    try:
        return answer_type(kind)
    except InvalidRequestError as exc:
        exc.add_note(f"It is the type of {name!r} of the tool {name_of(function)}.")
        raise
