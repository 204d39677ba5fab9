"""A finding's identity across edits: what it says of which code, never where the line is."""

from __future__ import annotations

import hashlib


def fingerprint(rule: str, file: str, function: str, *parts: str) -> str:
    """32 hexadecimal digits that survive line shifts and edits elsewhere in the function."""
    text = "\0".join((rule, file, function, *parts))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
