"""A process that another of ours started and must not outlive: where it writes, how it is stopped, who runs it.

Only the standard library: `bin/setup` and the private servers use it before anything is installed.
"""

import ctypes
import os
import select
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from webgis.errors import Unavailable

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Owner:
    """The unprivileged user who runs a process, when we are root."""

    uid: int
    gid: int

    @property
    def prefix(self) -> list[str]:
        """Arguments of setpriv(1) that give up root for good."""
        return [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", "--no-new-privs"]


def as_owner(owner: Owner | None, command: Sequence[str], *, death: signal.Signals | None = None) -> list[str]:
    """`command` run by `owner` (None: by us), with the signal `death` sent to it when the thread that starts it ends.

    The kernel forgets the death signal when a process changes its user, so setpriv sets it after that.
    """
    options = owner.prefix if owner else []
    if death:
        options = [*options, f"--pdeathsig={death.name.removeprefix('SIG')}"]
    return ["setpriv", *options, "--", *command] if options else list(command)


class Child:
    """One process, started again as often as wanted.

    It is a session of its own, so that Ctrl-C in the terminal reaches only the parent, who stops its children in
    order. The kernel sends it `death_signal` (by default `stop_signal`) when the parent dies, more exactly the thread
    that started it: start it from the main thread.
    """

    largest_log = 10 * 2**20
    """Bytes of a log beyond which it is put aside (as .old) at the next start."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        owner: Owner | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        last_signal: signal.Signals = signal.SIGKILL,
        death_signal: signal.Signals | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        self.stop_signal = stop_signal
        self.last_signal = last_signal
        self._command = as_owner(owner, command, death=death_signal or stop_signal)
        self._env = dict(env)
        self._cwd = cwd
        self._pass_fds = tuple(pass_fds)
        self._process: subprocess.Popen | None = None
        self._asked = False

    def start(self) -> None:
        """Start the process; what it prints is added to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > self.largest_log:
            self.log.rename(self.log.with_suffix(".old"))
        self._asked = False
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
                pass_fds=self._pass_fds,
            )

    @property
    def pid(self) -> int | None:
        """The process's number, or None before the first start."""
        return self._process.pid if self._process else None

    def status(self) -> int | None:
        """The exit status (negative: the signal that ended it), or None while it runs."""
        return self._process.poll() if self._process else 0

    def wait(self, seconds: float) -> bool:
        """Whether the process ended within `seconds`."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready()`; raise `Unavailable` with the end of the log when the process ends or is too slow."""
        for _ in range(int(seconds / 0.05)):
            if ready():
                return
            if self.wait(0.05):
                raise Unavailable(
                    "children.ended", f"{self.name} ended at its start (status {self.status()}). {self.tail()}"
                )
        raise Unavailable("children.slow", f"{self.name} did not answer within {seconds:.0f} s. {self.tail()}")

    def tail(self, lines: int = 12) -> str:
        """The last lines of the log, with its place."""
        text = self.log.read_text(errors="replace").splitlines()[-lines:] if self.log.exists() else []
        return "\n".join([f"The end of {self.log}:", *text])

    def ask_to_stop(self) -> None:
        """Send the stop signal, once, and return at once."""
        if self._process and self.status() is None and not self._asked:
            self._asked = True
            self._process.send_signal(self.stop_signal)

    def stop(self, patience: float = 8.0) -> None:
        """Stop the process and wait: first kindly, after `patience` seconds by the last signal, then by SIGKILL."""
        self.ask_to_stop()
        for stronger in (self.last_signal, signal.SIGKILL):
            if self._process is None or self.wait(patience):
                return
            self._process.send_signal(stronger)
            patience = 3.0
        self._process.wait()


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies: for one that was forked and not started by `Child`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


def living_in(folder: Path, programs: tuple[str, ...]) -> list[int]:
    """Numbers of the processes whose current folder is `folder` and whose program's name begins with one of `programs`.

    Servers change to their data folder; a person's shell that stands there is not counted.
    """
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit()
        and _link(entry / "cwd") == str(folder)
        and os.path.basename(_link(entry / "exe")).startswith(programs)
    ]


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def all_gone(pids: list[int], seconds: float) -> bool:
    """Whether all of `pids`, our children or not, ended within `seconds` each."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended, _, _ = select.select([handle], [], [], seconds)
        os.close(handle)
        if not ended:
            return False
    return True
