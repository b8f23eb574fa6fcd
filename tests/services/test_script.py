"""The script of a job, word for word, and what nobody gets into it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.services.cookbook import Cookbook
from jupyter_llm.services.plan import plan
from jupyter_llm.services.recipe import parse
from jupyter_llm.services.script import Place, render

BASH = shutil.which("bash") or "bash"
GOLDEN = Path(__file__).parent / "golden"
LOCAL = Place(folder="/jobs/a b", python="/usr/bin/python3", host="127.0.0.1", is_local=True)
CLUSTER = Place(folder="/jobs/1", python="python3", host="0.0.0.0", is_local=False)

SCRIPTS: dict[str, tuple[str, dict[str, Any] | None, Place]] = {
    "vllm-single-node": ("vllm-single-node", None, CLUSTER),
    "vllm-replicas": ("vllm-replicas", {"gpu_per_replica": 2}, CLUSTER),
    "vllm-all-options": (
        "vllm-single-node",
        {
            "environment": {
                "VLLM_MODEL": "it's a model",
                "VLLM_HOST": "::",
                "VLLM_PORT": 9000,
                "VLLM_LOGGING_LEVEL": "$(id)",
                "CUDA_VISIBLE_DEVICES": "0,1",
            }
        },
        CLUSTER,
    ),
    "llama-cpp": ("llama-cpp-single-node", {"environment": {"N_CTX": 2048}}, LOCAL),
    "qdrant": ("qdrant", None, LOCAL),
}

INJECTIONS = [
    *("; touch $CANARY", "&& touch $CANARY", "| touch $CANARY", "|| touch $CANARY", "& touch x"),
    *("$(touch $CANARY)", "`touch $CANARY`", "${IFS}", "$((1+1))", "${HOME}", "$HOME", "$PORT"),
    *("${PORT}", "${FOLDER}", "${MODEL}", "${NUM_GPUS}", "%(PORT)s", "{PORT}", "{{PORT}}"),
    *("'; touch $CANARY; '", '"; touch $CANARY; "', "'\"'\"'", "\\'; touch x; \\'", "''", '""'),
    *("> $CANARY", ">> $CANARY", "< /etc/passwd", "<(touch $CANARY)", ">(touch $CANARY)", "<<EOF"),
    *("*", "?", "[a-z]", "{a,b}", "~", "~root", "!!", "#", "# comment", "\\", "\\\\", "\\$(id)"),
    *("a b", " a", "a ", "  ", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "a/../b"),
    *("é", "🙂", "\u2028touch $CANARY", "\u202e", "a=b", "=b", "(id)", "{ id; }", "!(a)", "@(a)"),
    *(
        "!!python/object/apply:os.system [id]",
        "&anchor",
        "*alias",
        "key: value",
        "[- item]",
        "%YAML",
    ),
    *("#SBATCH --uid=0", "#!/bin/sh", "EOF;", "}", "exit 0", "a\u00a0b", "x" * 4096),
]
BREAKING = ["a\nb", "a\r\nb", "\x00", "a\x1bb", "\n#SBATCH --uid=0", "a\n}\ntouch $CANARY\n"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_word_for_word_what_it_was(name: str) -> None:
    recipe, config, place = SCRIPTS[name]
    script = render(plan(Cookbook().recipe(recipe), config), place)
    made = script.partition("# Runs the servers")[0]
    golden = GOLDEN / f"{name}.sh"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(made)
    assert made == golden.read_text()


@pytest.mark.parametrize("name", SCRIPTS)
def test_bash_reads_every_script(name: str) -> None:
    recipe, config, place = SCRIPTS[name]
    script = render(plan(Cookbook().recipe(recipe), config), place)
    done = subprocess.run([BASH, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


RECIPE = parse(
    """
kind: inference
environment: {OTHER: }
settable: [FREE_*]
command: [printf, '%s\\0', '${MODEL}', 'pre${OTHER}post', ['--other', '${OTHER}']]
""",
    "site/printer",
)


def test_the_corpus_is_large_enough() -> None:
    assert len(set(INJECTIONS)) + len(BREAKING) >= 50


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_a_request_says_reaches_the_command_as_it_is(text: str, tmp_path: Path) -> None:
    config = {"environment": {"MODEL": text, "OTHER": text, "FREE_TEXT": text}}
    place = Place(folder=str(tmp_path), python="python3", host="h", is_local=True)
    script = render(plan(RECIPE, config), place).partition("# Runs the servers")[0]
    script += '\n( serve )\nprintf "%s\\0" "${FREE_TEXT-unset}"\n'
    env = {**os.environ, "CANARY": str(tmp_path / "canary"), "PORT": "1", "INDEX": "0"}
    done = subprocess.run(
        [BASH], input=script.encode(), capture_output=True, check=True, env=env, cwd=tmp_path
    )
    words = done.stdout.decode().split("\0")[:-1]
    assert words == [text, f"pre{text}post", "--other", text, "unset"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", BREAKING)
@pytest.mark.parametrize("name", ["MODEL", "OTHER", "FREE_TEXT"])
def test_a_line_is_never_broken(name: str, text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        plan(RECIPE, {"environment": {"MODEL": "a", name: text}})
    assert caught.value.param == f"config.environment.{name}"


@pytest.mark.parametrize("text", [*INJECTIONS, *BREAKING])
def test_no_name_of_a_variable_is_made_up(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        plan(RECIPE, {"environment": {f"FREE_{text}": "a"}})


@pytest.mark.parametrize("text", [t for t in (*INJECTIONS, *BREAKING) if t != "*"])
@pytest.mark.parametrize(
    "field", ["partition", "account", "qos", "reservation", "gpu_type", "memory"]
)
def test_no_option_of_the_cluster_is_made_up(field: str, text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        plan(RECIPE, {"resources": {"gpu": 1, field: text}})
    assert caught.value.param == f"config.resources.{field}"
