"""lower: a clang translation unit to the IR of `flaglint.ir`."""

from flaglint.lower.layout import page_layout
from flaglint.lower.unit import Inline, Lowering, lower_headers, lower_unit

__all__ = ["Inline", "Lowering", "lower_headers", "lower_unit", "page_layout"]
