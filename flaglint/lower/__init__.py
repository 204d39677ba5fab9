"""lower: a clang translation unit to the IR of `flaglint.ir`."""

from flaglint.lower.unit import Lowering, lower_unit

__all__ = ["Lowering", "lower_unit"]
