"""A real SLURM of three nodes on one machine, with GPUs that are links to /dev/null.

Every daemon is a child of this process and runs in the foreground: in a container nobody may
reap it otherwise, and a dead one would look alive.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

START_TIMEOUT_S = 60.0
GPUS_PER_NODE = 4
GPU_NODES, CPU_NODES = ("gpu1", "gpu2"), ("cpu1",)
NODES = (*GPU_NODES, *CPU_NODES)
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
INSTALL = "apt-get install munge slurmctld slurmd slurm-client"

_CONFIG = """
ClusterName=mini
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={root}/run/munge.socket
CredType=cred/munge
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdTimeout=10
KillWait=5
PropagateResourceLimits=NONE
SlurmdParameters=config_overrides
"""
# sixteen processors and 128 GB each, whatever the machine has
_NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=16 Boards=1 "
    "SocketsPerBoard=1 CoresPerSocket=16 ThreadsPerCore=1 RealMemory=128000{gpus} State=UNKNOWN\n"
)
_PARTITIONS = (
    f"PartitionName=gpu Nodes={','.join(GPU_NODES)} Default=YES MaxTime=7-0 "
    "DefaultTime=1:00:00 State=UP\n"
    f"PartitionName=cpu Nodes={','.join(CPU_NODES)} MaxTime=7-0 State=UP\n"
)


def require_slurm() -> None:
    """Skip the test where SLURM is not installed; in CI it has to be."""
    missing = [program for program in PROGRAMS if not find(program)]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)} missing: {INSTALL}")
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: {INSTALL}")


def find(program: str) -> str | None:
    """The program, also where only root would look for it."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


class MiniSlurm:
    """Starts the daemons below `root` and ends them; `env` leads SLURM's commands to it.

    `prefix` goes before each command: with it the cluster may be in another network.
    """

    def __init__(self, root: Path, *, prefix: Sequence[str] = ()) -> None:
        self.root = root.resolve()
        self._prefix = prefix
        self.config = self.root / "etc" / "slurm.conf"
        self.env = {"SLURM_CONF": str(self.config)}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            self._write_files()
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, *argv: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """One of SLURM's commands."""
        return subprocess.run(
            [*self._prefix, *argv],
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def stop_controller(self) -> None:
        """From now on nobody answers."""
        # killed, it would forget what it has not written down for five seconds
        self._daemons["slurmctld"].terminate()
        self._daemons["slurmctld"].wait(START_TIMEOUT_S)
        self._kill("slurmctld")

    def start_controller(self) -> None:
        """Let it answer again, with what it knew."""
        self._spawn("slurmctld", "slurmctld", "-D", "-i")
        self._wait_for("the controller", lambda: self.run("sinfo").returncode == 0)

    def fail_node(self, name: str) -> None:
        """The controller gives the node up, and what runs on it."""
        self.run("scontrol", "update", f"nodename={name}", "state=down", "reason=test")

    def restore_node(self, name: str) -> None:
        """The node takes jobs again."""
        self.run("scontrol", "update", f"nodename={name}", "state=resume")

    def job_ids(self) -> list[str]:
        """Every job that the controller knows."""
        return self.run("squeue", "-h", "--states=all", "--format=%A").stdout.split()

    def stop(self) -> None:
        """End all jobs, then the daemons, the last started first."""
        if "slurmctld" in self._daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.run("scancel", f"--user={getpass.getuser()}", timeout=15)
                self._wait_for("the jobs' end", lambda: not self._going(), timeout_s=20)
        for name in reversed(list(self._daemons)):
            self._daemons[name].terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._daemons[name].wait(10)
            self._kill(name)

    def _going(self) -> bool:
        return bool(self.run("squeue", "-h", timeout=15).stdout.strip())

    def _kill(self, name: str) -> None:
        daemon = self._daemons.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()

    def _write_files(self) -> None:
        for folder in ("etc", "log", "run", "state", "spool", "dev"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)
        key = self.root / "etc" / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        # an ordinary file would be scheduled, but CUDA_VISIBLE_DEVICES not set
        for index in range(GPUS_PER_NODE):
            (self.root / "dev" / f"nvidia{index}").symlink_to("/dev/null")
        host = socket.gethostname().partition(".")[0]
        port, *ports = _free_ports(1 + len(NODES))
        text = _CONFIG.format(host=host, port=port, user=getpass.getuser(), root=self.root)
        for name, node_port in zip(NODES, ports, strict=True):
            gpus = f" Gres=gpu:h100:{GPUS_PER_NODE}" if name in GPU_NODES else ""
            text += _NODE.format(name=name, host=host, port=node_port, gpus=gpus)
        self.config.write_text(text + _PARTITIONS)
        devices = f"{self.root}/dev/nvidia[0-{GPUS_PER_NODE - 1}]"
        (self.root / "etc" / "gres.conf").write_text(
            "".join(f"NodeName={name} Name=gpu Type=h100 File={devices}\n" for name in GPU_NODES)
        )
        (self.root / "etc" / "cgroup.conf").write_text(f"CgroupPlugin={self._cgroup_plugin()}\n")

    def _cgroup_plugin(self) -> str:
        # the first versions know no "disabled", and their v1 does nothing here
        version = subprocess.check_output([find("slurmctld") or "", "-V"], text=True).split()[-1]
        return (
            "disabled"
            if [int(part) for part in version.split(".")[:2]] >= [23, 11]
            else "cgroup/v1"
        )

    def _start_all(self) -> None:
        munge = self.root / "run" / "munge"
        self._spawn(
            *("munged", "munged", "--foreground", "--force"),
            f"--key-file={self.root}/etc/munge.key",
            f"--socket={munge}.socket",
            f"--pid-file={munge}.pid",
            f"--log-file={self.root}/log/munged.log",
            f"--seed-file={munge}.seed",
        )
        self._wait_for("munged", Path(f"{munge}.socket").exists)
        self._spawn("slurmctld", "slurmctld", "-D", "-c", "-i")
        for name in NODES:
            self._spawn(f"slurmd-{name}", "slurmd", "-D", "-N", name)
        self._wait_for("the nodes", self._all_idle)

    def _all_idle(self) -> bool:
        return self.run("sinfo", "-h", "-N", "-o", "%T").stdout.split().count("idle") == len(NODES)

    def _spawn(self, name: str, program: str, *options: str) -> None:
        # to a file: a daemon that holds on to a pipe would hold up whoever reads it
        with (self.root / "log" / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                [*self._prefix, find(program) or program, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.env},
                cwd=self.root,
                start_new_session=True,
            )

    def _wait_for(self, what: str, is_there: object, timeout_s: float = START_TIMEOUT_S) -> None:
        assert callable(is_there)
        deadline = time.monotonic() + timeout_s
        while not is_there():
            dead = [name for name, daemon in self._daemons.items() if daemon.poll() is not None]
            if dead or time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come; dead: {dead}\n{self._logs()}")
            time.sleep(0.05)

    def _logs(self) -> str:
        return "\n".join(
            f"{file.name}: {file.read_text(errors='replace')[-800:]}"
            for file in sorted((self.root / "log").iterdir())
        )


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
