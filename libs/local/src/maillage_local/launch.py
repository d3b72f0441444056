"""Become another program that ends when its parent does.

Run by path, `python -I -S launch.py --signal INT --parent PID [--namespace] -- PROGRAM ARG…`, with
the standard library alone: the interpreter's start (about 15 ms) is all it costs, and no code runs
between fork and exec of a process that may hold threads, as a `preexec_fn` would.

The kernel sends the death signal when the parent's *thread* that started us ends (prctl(2),
PR_SET_PDEATHSIG), so callers start processes from their main thread.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
NAMESPACE_REFUSED = 125

_libc = ctypes.CDLL(None, use_errno=True)


def enter_user_namespace() -> None:
    """Let PostgreSQL, which refuses root, see an ordinary user while files stay ours.

    Maps the first ordinary user and group to our own ids. The user must be in passwd, since
    initdb looks it up. Raises OSError where user namespaces are refused.
    """
    import pwd

    user = next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)
    outer_user, outer_group = os.geteuid(), os.getegid()
    if _libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are refused here")
    # The kernel accepts a group map only once setgroups is off (user_namespaces(7)).
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user.pw_uid} {outer_user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{user.pw_gid or 1} {outer_group} 1", encoding="ascii")


def end_with_parent(parent: int, number: int) -> None:
    """Ask for `number` when the parent ends; end now if it is already gone."""
    if _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit(1)


def main(arguments: list[str]) -> None:
    """Parse `arguments` and exec; never returns."""
    at = arguments.index("--")
    options, program = arguments[:at], arguments[at + 1 :]
    number = signal.Signals[f"SIG{options[options.index('--signal') + 1]}"]
    parent = int(options[options.index("--parent") + 1])
    if "--namespace" in options:
        try:
            enter_user_namespace()
        except OSError as refused:
            print(f"launch: {refused.strerror}", file=sys.stderr)
            sys.exit(NAMESPACE_REFUSED)
    # After the namespace: a change of credentials clears the death signal.
    end_with_parent(parent, number)
    os.execvp(program[0], program)  # noqa: S606 (becoming the program is the point)


if __name__ == "__main__":
    main(sys.argv[1:])
