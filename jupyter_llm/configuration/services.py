"""Traits on services: from which recipes, on what, and where their jobs' folders are."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_core.paths import jupyter_data_dir
from traitlets import Enum, Float, List, Unicode

from jupyter_llm.configuration.cluster import ClusterTraits
from jupyter_llm.registry.services import ServiceRecords
from jupyter_llm.services.cookbook import Cookbook
from jupyter_llm.services.folder import Folders
from jupyter_llm.services.local import LocalLauncher
from jupyter_llm.services.services import Services
from jupyter_llm.services.shell import LocalShell
from jupyter_llm.services.site import Site
from jupyter_llm.services.slurm import SlurmLauncher

if TYPE_CHECKING:
    from jupyter_llm.registry.database import Registry

_DAY_S = 86_400.0
_REMOTE_FOLDER = ".jupyter_llm/services"


class ServiceTraits(ClusterTraits):
    """Services that are started from recipes."""

    services_launcher = Enum(
        ["auto", "slurm", "local"],
        "auto",
        help="""What runs services: SLURM, or processes of one machine. 'auto' takes SLURM where
        there is a command sbatch, and with ssh_host.""",
    ).tag(config=True)

    services_dir = Unicode(
        help="""The folder for the jobs of services: keys, logs and data. On a cluster all nodes
        see it. Empty for jupyter_llm/services in Jupyter's data directory, and with ssh_host for
        .jupyter_llm/services in the home folder there."""
    ).tag(config=True)

    services_python = Unicode(
        help="""The Python with this package that runs its servers as services; empty for this
        server's own, and with ssh_host for python3."""
    ).tag(config=True)

    services_poll_s = Float(
        5.0,
        min=0.1,
        help="""Seconds between two looks at the services that run; each is one command for
        all of them.""",
    ).tag(config=True)

    services_hand_over_s = Float(
        1800.0,
        min=0,
        help="""Seconds before its time limit, or half of that at most, at which a service that
        was asked to hand over gets its successor.""",
    ).tag(config=True)

    services_keep_days = Float(
        30.0,
        min=0,
        help="""Days after which a service that has ended is forgotten, and the folder of its job
        deleted, unless it is a vector database; 0 keeps all.""",
    ).tag(config=True)

    service_admins = List(
        Unicode(),
        help="""Users who see and stop everybody's services, and see them in metrics; the user of
        an API key is llm-key:NAME. Whoever has the server's own token may, too.""",
    ).tag(config=True)

    recipe_dirs = List(
        Unicode(),
        help="""Folders with further recipes, as FOLDER/NAME.yaml; one with the name of another
        takes its place.""",
    ).tag(config=True)

    def known_services(self, registry: Registry) -> Services:
        """The services of this server; nothing is read or started yet."""
        shell = self.ssh_shell() or LocalShell()
        folder = self._folder()
        launcher = SlurmLauncher(shell) if self._has_slurm() else LocalLauncher(shell)
        # processes are of one machine, a cluster's jobs of all that see the folder
        host = self.ssh_host or (socket.gethostname() if launcher.is_local else "")
        account = _account(is_elsewhere=bool(self.ssh_host))
        return Services(
            Cookbook([Path(each).expanduser() for each in self.recipe_dirs]),
            Site(
                shell=shell,
                launcher=launcher,
                folders=Folders(shell, folder),
                python=self.services_python or ("python3" if self.ssh_host else sys.executable),
                keep_s=self.services_keep_days * _DAY_S,
            ),
            ServiceRecords(registry, f"{launcher.name}:{account}@{host}:{folder}"),
            self.services_poll_s,
            self.services_hand_over_s,
        )

    def _folder(self) -> str:
        if self.ssh_host:
            # a relative one stands below the home folder there
            return self.services_dir.removeprefix("~/") or _REMOTE_FOLDER
        own = Path(jupyter_data_dir(), "jupyter_llm", "services")
        return str(Path(self.services_dir or own).expanduser().absolute())

    def _has_slurm(self) -> bool:
        if self.services_launcher != "auto":
            return bool(self.services_launcher == "slurm")
        return bool(self.ssh_host) or shutil.which("sbatch") is not None


def _account(*, is_elsewhere: bool) -> str:
    """Whose jobs these are: in a registry that others use, too, each finds their own alone.

    Servers in containers may all run as one account, and go to a cluster as many.
    """
    if is_elsewhere and (user := os.environ.get("JUPYTERHUB_USER")):
        return user
    return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
