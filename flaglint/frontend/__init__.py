"""One C file of the tree -> a clang translation unit, with no build and in milliseconds.

The idea: parsing mm/rmap.c is a second of work, of which nearly all goes into the same few
hundred headers; `prepare` synthesises what a build would have generated, compiles the most
included headers into one precompiled header, and `parse` starts from that.

    prepared = prepare(open_tree("linux"), cache)
    parsed = parse(prepared, "mm/rmap.c")

Invariants: nothing is written outside the cache directory, and nothing there is seen by a
reader before it is complete (it is written aside and renamed); a prepared set is keyed by
everything it was made from, so it is re-used exactly while that is unchanged.

Limits: one configuration per run; a file that is not built under it may have errors, which
`Parsed.errors` lists. The C library's and the compiler's own headers are never used.

Interface: `prepare`, then `parse` for each file and `reads_of` for what that depended on;
`parse_references` and `parse_headers` for the common headers.
"""

from flaglint.frontend.parsing import (
    include_dirs,
    own_arguments,
    parse,
    parse_headers,
    parse_references,
)
from flaglint.frontend.preparing import prepare
from flaglint.frontend.units import (
    CrashError,
    Diagnostic,
    FrontendError,
    Parsed,
    Prepared,
    Reads,
    reads_of,
)

__all__ = [
    "CrashError",
    "Diagnostic",
    "FrontendError",
    "Parsed",
    "Prepared",
    "Reads",
    "include_dirs",
    "own_arguments",
    "parse",
    "parse_headers",
    "parse_references",
    "prepare",
    "reads_of",
]
