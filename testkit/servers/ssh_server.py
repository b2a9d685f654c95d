"""An SSH server on loopback: the machine's sshd, or asyncssh's own where there is no sshd.

Both run commands of the present user with a real shell, and know one key. ``KIND`` says which;
``TRAININGRUN_TEST_SSHD=none`` chooses the second where both are possible.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from testkit.waiting import until

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_WANTED = os.environ.get("TRAININGRUN_TEST_SSHD") != "none"
SSHD = shutil.which("sshd", path=_PATH) if _WANTED else None
KIND = SSHD or "asyncssh's own, in the process of the test (no sshd)"
_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
"""


@dataclass(frozen=True)
class SshServer:
    """Where it listens, and what a client needs to be let in."""

    port: int
    user: str
    key: Path
    known_hosts: Path


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """A server that is gone at the end; its files lie in ``folder``."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = SshServer(port, getpass.getuser(), folder / "key", folder / "known_hosts")
    host_key, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    for each, name in ((host_key, "host_key"), (key, "key")):
        each.write_private_key(folder / name)
        (folder / name).chmod(0o600)
    key.write_public_key(folder / "authorized_keys")
    public = host_key.export_public_key().decode().strip()
    server.known_hosts.write_text(f"[127.0.0.1]:{port} {public}\n")
    with _sshd(folder, port) if SSHD else _own(folder, port):
        yield server


@contextmanager
def _sshd(folder: Path, port: int) -> Iterator[None]:
    (folder / "sshd_config").write_text(_CONFIG.format(port=port, folder=folder))
    if os.getuid() == 0:  # as root it wants this folder, which packages make at the boot
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    command = [str(SSHD), "-D", "-e", "-f", str(folder / "sshd_config")]
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: _listens(port), seconds=20, what="sshd listens")
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _own(folder: Path, port: int) -> Iterator[None]:
    """asyncssh's server in a thread with a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def serve() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            asyncssh.SSHServer,
            "127.0.0.1",
            port,
            server_host_keys=[str(folder / "host_key")],
            authorized_client_keys=str(folder / "authorized_keys"),
            process_factory=_run,
            encoding=None,
        )

    async def close() -> None:
        server.close()
        await server.wait_closed()

    server = asyncio.run_coroutine_threadsafe(serve(), loop).result(20)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """What sshd does with a command: hand it to the shell."""
    shell = await asyncio.create_subprocess_shell(
        process.command or "sh",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path.home(),
    )
    out, error = await shell.communicate(await process.stdin.read())
    process.stdout.write(out)
    process.stderr.write(error)
    process.exit(shell.returncode or 0)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
