"""How good flaglint is: seeded bugs and harmless twins on real kernels (`python -m evaluation`).

seed      what a seed says, and reading it from seeds/*.toml
source    a C file's functions, statements and calls, found in its text
edit      a seed's edits applied to a file's text, with a map of its lines
scratch   a copy of a kernel tree in which only the edited files are new ones
compiling whether an edited file still compiles
scoring   what two reports, without and with the seed, say of it
table     the outcome for a reader
"""
