"""Cursor kinds of clang-c/Index.h (LLVM 18) that the lowering tells apart, as plain ints.

Comparing the binding's CursorKind objects costs an attribute look-up and an object each; a
function body has thousands of cursors.
"""

FUNCTION_DECL = 8
VAR_DECL = 9
PARM_DECL = 10
FIELD_DECL = 6
ENUM_CONSTANT_DECL = 7
TYPE_REF = 43
UNEXPOSED_ATTR = 400
MEMBER_REF = 47
FIRST_EXPR = 100
UNEXPOSED_EXPR = 100
DECL_REF_EXPR = 101
MEMBER_REF_EXPR = 102
CALL_EXPR = 103
INTEGER_LITERAL = 106
STRING_LITERAL = 109
CHARACTER_LITERAL = 110
PAREN_EXPR = 111
UNARY_OPERATOR = 112
ARRAY_SUBSCRIPT_EXPR = 113
BINARY_OPERATOR = 114
COMPOUND_ASSIGNMENT_OPERATOR = 115
CONDITIONAL_OPERATOR = 116
CSTYLE_CAST_EXPR = 117
COMPOUND_LITERAL_EXPR = 118
INIT_LIST_EXPR = 119
STMT_EXPR = 121
GENERIC_SELECTION_EXPR = 122
SIZEOF_EXPR = 136
LAST_EXPR = 199
UNEXPOSED_STMT = 200
LABEL_STMT = 201
COMPOUND_STMT = 202
CASE_STMT = 203
DEFAULT_STMT = 204
IF_STMT = 205
SWITCH_STMT = 206
WHILE_STMT = 207
DO_STMT = 208
FOR_STMT = 209
GOTO_STMT = 210
INDIRECT_GOTO_STMT = 211
CONTINUE_STMT = 212
BREAK_STMT = 213
RETURN_STMT = 214
ADDR_LABEL_EXPR = 120
ASM_STMT = 215
NULL_STMT = 230
DECL_STMT = 231

LINKAGE_INTERNAL = 2
STORAGE_STATIC = 3
STORAGE_EXTERN = 2

TYPE_VOID = 2
TYPE_POINTER = 101
TYPE_RECORD = 105
TYPE_CONSTANT_ARRAY = 112
TYPE_INCOMPLETE_ARRAY = 114
TYPE_VARIABLE_ARRAY = 115
TYPE_DEPENDENT_ARRAY = 116
ARRAYS = frozenset(
    (TYPE_CONSTANT_ARRAY, TYPE_INCOMPLETE_ARRAY, TYPE_VARIABLE_ARRAY, TYPE_DEPENDENT_ARRAY)
)

# enum CXBinaryOperatorKind
BINARY = {
    3: "*", 4: "/", 5: "%", 6: "+", 7: "-", 8: "<<", 9: ">>", 11: "<", 12: ">",
    13: "<=", 14: ">=", 15: "==", 16: "!=", 17: "&", 18: "^", 19: "|", 20: "&&", 21: "||",
    22: "=", 23: "*=", 24: "/=", 25: "%=", 26: "+=", 27: "-=", 28: "<<=", 29: ">>=",
    30: "&=", 31: "^=", 32: "|=", 33: ",",
}  # fmt: skip

# enum CXUnaryOperatorKind
UNARY = {
    1: "post++", 2: "post--", 3: "++", 4: "--", 5: "&", 6: "*", 7: "+", 8: "-", 9: "~",
    10: "!", 11: "real", 12: "imag", 13: "extension", 14: "coawait",
}  # fmt: skip
