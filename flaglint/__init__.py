"""flaglint: finds plain (non-atomic) page-flag writes that can lose a concurrent update."""

__version__ = "0.1.0"
