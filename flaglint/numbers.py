"""C's operators on numbers that are known."""

from __future__ import annotations

FLIP = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
"""The comparison that is true where another is false."""
SWAP = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
"""The comparison of the same two the other way round."""


def compute(operator: str, one: int, two: int) -> int | None:
    """What C makes of two numbers; None for an operator or a shift not known."""
    match operator:
        case "==":
            return int(one == two)
        case "!=":
            return int(one != two)
        case "<":
            return int(one < two)
        case ">":
            return int(one > two)
        case "<=":
            return int(one <= two)
        case ">=":
            return int(one >= two)
        case "+":
            return one + two
        case "-":
            return one - two
        case "&":
            return one & two
        case "|":
            return one | two
        case "*":
            return one * two
        case "<<" if 0 <= two < 64:
            return one << two
        case ">>" if 0 <= two < 64:
            return one >> two
    return None
