"""NVIDIA's management library, played by a few lines of C that the tests compile."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
LIBRARY = "libnvidia-ml.so.1"
GIB = 1 << 30
NUM_NO_BYTES = (1 << 64) - 1
"""What NVML says of a process whose memory it may not tell."""


@dataclass(frozen=True)
class StandIn:
    """A folder with the library, and the file that tells it what GPUs to have."""

    folder: Path

    @property
    def devices(self) -> Path:
        return self.folder / "devices"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find this library and no other."""
        return {"LD_LIBRARY_PATH": str(self.folder), "NVML_STANDIN": str(self.devices)}

    def has(self, *lines: str) -> None:
        """Have these devices from now on."""
        self.devices.write_text("\n".join(lines) + "\n")

    def run(self, script: str, **environment: str) -> str:
        """The output of a Python script beside these devices."""
        inherited = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**inherited, **self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def compile_standin(folder: Path) -> StandIn:
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    command += [f"-Wl,-soname,{LIBRARY}", "-o", str(folder / LIBRARY), str(SOURCE)]
    subprocess.run(command, check=True)
    return StandIn(folder)
