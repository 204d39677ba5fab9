"""Which locks are certainly held: must-locksets of lock names.

    spin_lock(&lruvec->lru_lock);        {lruvec.lru_lock}

A lock is named by the struct member it lives in (its class, as lockdep has it), a global by
"@name", and the lock a formal points to by "*name" until a caller says which it is. Two
instances of one class count as one lock here; the reports say "same lock class". RCU and the
read side of a rwsem exclude no other reader and are never in a set.
"""

from __future__ import annotations

from typing import TypeAlias

from flaglint.values import Value

MustLockset: TypeAlias = frozenset[str]


def lock_name(value: Value, field: str = "") -> str:
    """The name of the lock at an address, "" when nothing is known of it."""
    if not isinstance(value, tuple):
        return field
    match value[0]:
        case "a":
            root, steps = value[1], value[2]
            for step in reversed(steps):
                if step.startswith(".") and not step.startswith(_INNER):
                    return str(step[1:])
            if root.startswith("*"):
                return str(root)
            return str(root[1:] if root.startswith("&") else root)
        case "h":
            return str(value[2]) or field
        case "o":
            return field or "page lock bit"
    return field


_INNER = (".spinlock.", ".raw_spinlock.", ".rt_mutex.")
"""Members inside a lock itself: &lock->rlock is the lock."""


def inner(field: str) -> bool:
    """Whether a member ("record.name") is a part of a lock rather than a lock."""
    return ("." + field).startswith(_INNER)
