"""`python3 -m flaglint` is the `flaglint` command."""

from flaglint.cli import entry

if __name__ == "__main__":
    entry()
