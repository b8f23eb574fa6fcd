"""Traits on the way to a cluster."""

from __future__ import annotations

from typing import get_args

from traitlets import Enum, HasTraits, Unicode

from jupyter_llm.engines.remote.settings import Balance
from jupyter_llm.services.ssh import SshSettings
from jupyter_llm.services.ssh_shell import SshShell

BALANCES = get_args(Balance)


class ClusterTraits(HasTraits):
    """Where services run that this machine does not run itself."""

    ssh_host = Unicode(
        help="""The machine that services are started from and reached through, over SSH, as
        host, user@host:port or a name of your SSH configuration; empty for this machine."""
    ).tag(config=True)

    ssh_config_file = Unicode(
        help="""The OpenSSH configuration that has the user, the keys, the known hosts and the
        jump hosts of ssh_host; empty for that of the account."""
    ).tag(config=True)

    services_balance = Enum(
        BALANCES,
        BALANCES[0],
        help="""Which server of a group has the next request: each in turn (round_robin), or the
        one that has the fewest (least_outstanding).""",
    ).tag(config=True)

    def ssh_shell(self) -> SshShell | None:
        """The other machine, if there is one; nothing is connected yet."""
        if not self.ssh_host:
            return None
        return SshShell(SshSettings(host=self.ssh_host, config_file=self.ssh_config_file))
