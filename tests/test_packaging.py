"""What a wheel carries, and that the versions agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

import jupyter_llm

ROOT = Path(__file__).parent.parent
SHARED = "share/jupyter/labextensions/@jupyter-llm/labextension"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The paths in a wheel built here; data files without the wheel's own prefix."""
    if not (ROOT / "jupyter_llm/labextension/package.json").exists() and not os.environ.get("CI"):
        pytest.skip("needs the built side panel (make panel, with Node.js 20 or later)")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (wheel,) = folder.glob("*.whl")
    prefix = f"jupyter_llm-{jupyter_llm.__version__}.data/data/"
    return {name.removeprefix(prefix) for name in ZipFile(wheel).namelist()}


def test_a_wheel_enables_the_server_extension(files: set[str]) -> None:
    assert "etc/jupyter/jupyter_server_config.d/jupyter_llm.json" in files


def test_a_wheel_brings_the_side_panel(files: set[str]) -> None:
    assert f"{SHARED}/install.json" in files
    package = json.loads((ROOT / "jupyter_llm/labextension/package.json").read_text())
    assert f"{SHARED}/{package['jupyterlab']['_build']['load']}" in files


def test_a_wheel_brings_every_migration_of_the_registry(files: set[str]) -> None:
    folder = ROOT / "jupyter_llm/registry/migrations"
    scripts = {str(path.relative_to(ROOT)) for path in folder.rglob("*.py")}

    assert "jupyter_llm/registry/migrations/env.py" in scripts
    assert scripts <= files


def test_a_wheel_brings_swagger_ui_and_its_licence(files: set[str]) -> None:
    folder = "jupyter_llm/swagger_ui"
    assert {f"{folder}/swagger-ui-bundle.js", f"{folder}/swagger-ui.css"} <= files
    assert {f"{folder}/LICENSE", f"{folder}/NOTICE"} <= files


def test_a_wheel_brings_the_admin_page_and_the_licences_of_its_parts(files: set[str]) -> None:
    names = ("admin.js", "admin.js.LICENSE.txt", "admin.css", "icon.svg")
    assert {f"jupyter_llm/admin_page/{name}" for name in names} <= files


@pytest.mark.parametrize("path", ["py.typed", "guide/guide.gguf"])
def test_a_wheel_brings_what_is_not_python(files: set[str], path: str) -> None:
    assert f"jupyter_llm/{path}" in files


def test_a_wheel_leaves_out_what_only_developers_need(files: set[str]) -> None:
    assert {name.split("/")[0] for name in files} == {
        "jupyter_llm",
        f"jupyter_llm-{jupyter_llm.__version__}.dist-info",
        "etc",
        "share",
    }


def test_package_and_panel_have_the_same_version() -> None:
    panel = json.loads((ROOT / "labextension/package.json").read_text())
    assert panel["version"] == jupyter_llm.__version__
