"""Runs flaglint as its users do, and writes down what it does that it must not.

    python watch.py LOG BYTES TREE ALLOWED... -- ARGUMENTS

An audit hook, which forked workers inherit, logs one line for: starting another program,
importing or loading code from TREE, talking to the network, and creating, changing or removing a
file anywhere but below the ALLOWED directories. BYTES bound its memory. What clang does
below Python is not seen; that the tree is unchanged afterwards is checked by the caller.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")
_CHANGES = {
    "os.chmod": 1,
    "os.chown": 1,
    "os.link": 2,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.utime": 1,
    "os.setxattr": 1,
}
_NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto")


def _at(path: object, folder: object) -> object:
    """A path that is relative to an open directory, as shutil.rmtree has them, made whole."""
    if isinstance(folder, int) and folder >= 0 and isinstance(path, str | bytes):
        with contextlib.suppress(OSError):
            return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))
    return path


def watch(log: str, tree: str, allowed: tuple[str, ...]) -> None:
    """Install the hook in this process and all that it forks."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def below(path: object, folders: tuple[str, ...]) -> bool:
        if isinstance(path, int) or not isinstance(path, str | bytes | os.PathLike):
            return False
        full = os.path.abspath(os.fsdecode(path))
        return any(full == folder or full.startswith(folder + "/") for folder in folders)

    def forbidden(event: str, args: tuple[object, ...]) -> bool:
        if event in _STARTS or event in _NETWORK:
            return True
        if event == "import":
            return below(args[1], (tree,))
        if event in ("compile", "exec"):
            name = args[1] if event == "compile" else getattr(args[0], "co_filename", "")
            return below(name, (tree,))
        if event == "ctypes.dlopen":
            return below(args[0], (tree,))
        if event == "open":
            flags = args[2]
            writes = isinstance(flags, int) and bool(flags & _WRITING)
            return writes and not isinstance(args[0], int) and not below(args[0], allowed)
        count = _CHANGES.get(event, 0)
        return any(
            not isinstance(path, int) and not below(_at(path, args[-1]), allowed)
            for path in args[:count]
        )

    def hook(event: str, args: tuple[object, ...]) -> None:
        if forbidden(event, args):
            line = " ".join([event, *map(repr, args)])[:500]
            os.write(descriptor, line.encode("utf-8", "backslashreplace") + b"\n")

    sys.addaudithook(hook)


if __name__ == "__main__":
    split = sys.argv.index("--")
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
    watch(sys.argv[1], sys.argv[3], (*sys.argv[4:split], os.devnull))
    sys.argv = ["flaglint", *sys.argv[split + 1 :]]
    from flaglint.cli import entry

    entry()
