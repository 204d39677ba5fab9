"""One function's statements to blocks: where control goes.

`Body` holds the blocks under construction. Statements that fork or leave (if, loops, switch,
goto, return) are here; what a single expression does is `flaglint.lower.expressions`'s, which
`Body` extends because C's `&&`, `?:` and statement expressions fork too.

A variable whose type is one of <linux/cleanup.h>'s classes is destroyed on every way out of
its scope: the destructor's call is put there, as the compiler's cleanup attribute does.
"""

from __future__ import annotations

from collections.abc import Iterator

from flaglint import ir
from flaglint.location import Location
from flaglint.lower import kinds as k
from flaglint.lower.cursors import Node
from flaglint.lower.expressions import Expressions


class Body(Expressions):
    """Builds one function's blocks; `lower` is the whole interface."""

    def lower(self, compound: Node) -> tuple[ir.Block, ...]:
        """The blocks of the function whose body is `compound`; block 0 is the entry."""
        self._find_labels(compound, ())
        self._whole = compound
        self.statement(compound)
        self.leave(ir.Return("", self.where(compound)))
        return self.finished()

    def statement(self, node: Node) -> None:
        """Lower one statement (an expression in statement position included)."""
        kind = node.kind
        if k.FIRST_EXPR <= kind <= k.LAST_EXPR:
            self.value(node)
            return
        match kind:
            case k.COMPOUND_STMT:
                self.scopes.append((id(node), []))
                for child in node.children:
                    self.statement(child)
                self._close_scope()
            case k.DECL_STMT:
                for child in node.children:
                    if child.kind == k.VAR_DECL:
                        self.declare(child)
            case k.IF_STMT:
                self._if(node)
            case k.WHILE_STMT:
                self._while(node.children[0], node.children[-1], None)
            case k.DO_STMT:
                self._do(node)
            case k.FOR_STMT:
                self._for(node)
            case k.SWITCH_STMT:
                self._switch(node)
            case k.CASE_STMT | k.DEFAULT_STMT:
                self._case(node)
            case k.LABEL_STMT:
                block = self.label(self.clang.spelling(node.cursor))
                self.leave(ir.Jump(block))
                self.enter(block)
                for child in node.children:
                    self.statement(child)
            case k.GOTO_STMT:
                self._goto(node)
            case k.BREAK_STMT:
                if self.breaks:
                    self._jump_out(*self.breaks[-1])
            case k.CONTINUE_STMT:
                if self.continues:
                    self._jump_out(*self.continues[-1])
            case k.RETURN_STMT:
                value = self.value(node.children[0]) if node.children else ""
                self.unwind(0)
                self.leave(ir.Return(value, self.where(node)))
            case k.ASM_STMT:
                self._exchange(node)
                self._jump_from_asm()
            case k.NULL_STMT:
                pass
            case _:
                for child in node.children:
                    if child.kind >= k.FIRST_EXPR:
                        self.statement(child)

    def _exchange(self, node: Node) -> None:
        # What an asm statement does is not read. One that is given a place in memory and
        # pointers, as an exchange is, may store any of them there, for others to read; what it
        # gives back is what was there. Of other results nothing is known.
        where = self.where(node)
        operands = [child for child in node.children if k.FIRST_EXPR <= child.kind <= k.LAST_EXPR]
        read = [each for each in operands if each.kind == k.UNEXPOSED_EXPR]  # an lvalue is written
        given = {self.clang.spelling(self.strip(each).cursor) for each in read}
        results = [
            each
            for each in operands
            if each.kind == k.DECL_REF_EXPR and self.clang.spelling(each.cursor) not in given
        ]
        pointers = [each for each in (*results, *read) if self.type_kind(each) == k.TYPE_POINTER]
        places = [
            self.place(each)
            for each in operands
            if pointers and self.strip(each).kind in (k.UNARY_OPERATOR, k.ARRAY_SUBSCRIPT_EXPR)
        ]
        before = {}
        compared = self._compared(results, [each for each in read if each in pointers], pointers)
        for path in places:
            kind = self.type_of(pointers[0])
            before[path] = self.temporary()
            self.emit(ir.Load(before[path], path, kind, where))
            if compared is not None and len(places) == 1:
                self._compare_exchange(path, before[path], *compared, where)
                continue
            self.emit(ir.Rmw(path, "take", "", where))
            for pointer in pointers:
                value, kind = self.value(pointer), self.type_of(pointer)
                self.emit(ir.Store(path, value, kind, True, where))
            if len(pointers) > 1:  # which of them it is now is not known
                self.emit(ir.Rmw(path, "asm", "", where))
        for each in results:
            path, kind = self.place(each), self.type_of(each)
            if path.steps or (compared is not None and each is compared[2]):
                continue
            old = next(iter(before.values()), "") if each in pointers else ""
            self.emit(ir.Copy(path.base, old, kind, where))

    def _compared(
        self, results: list[Node], read: list[Node], pointers: list[Node]
    ) -> tuple[Node, Node, Node | None] | None:
        # Of a compare and exchange: what is stored, what has to be there for that, and what tells
        # whether it was. One that gives back what was there is given both; one that tells takes
        # what is expected in the place of what was there.
        given_back = [each for each in results if each in pointers]
        if len(given_back) == 1 and len(read) == 2:
            return read[0], read[1], None
        if len(given_back) == 1 and len(read) == 1 and len(results) == 2:
            return read[0], given_back[0], next(each for each in results if each not in pointers)
        return None

    def _compare_exchange(
        self, path: ir.Path, before: str, new: Node, old: Node, told: Node | None, where: Location
    ) -> None:
        yes, no, after = self.block(), self.block(), self.block()
        same, kind = self.temporary(), self.type_of(new)
        self.emit(ir.Binary(same, "==", before, self.value(old), 0, "int", where))
        self.leave(ir.Branch(same, yes, no))
        for block, stored in ((yes, 1), (no, 0)):
            self.enter(block)
            if stored:
                self.emit(ir.Rmw(path, "take", "", where))
                self.emit(ir.Store(path, self.value(new), kind, True, where))
            if told is not None:
                self.emit(ir.Copy(self.place(told).base, stored, "int", where))
            self.leave(ir.Jump(after))
        self.enter(after)

    def _close_scope(self) -> None:
        self.destroy(self.scopes[-1][1])
        self.scopes.pop()

    def _jump_out(self, block: int, depth: int) -> None:
        self.unwind(depth)
        self.leave(ir.Jump(block))

    def _if(self, node: Node) -> None:
        cond, then, *rest = node.children
        yes, no, after = self.block(), self.block(), self.block()
        self.condition(cond, yes, no)
        self.enter(yes)
        self.statement(then)
        self.leave(ir.Jump(after))
        self.enter(no)
        if rest:
            self.statement(rest[0])
        self.leave(ir.Jump(after))
        self.enter(after)

    def _while(self, cond: Node | None, body: Node, step: Node | None) -> None:
        head, inside, bottom, after = self.block(), self.block(), self.block(), self.block()
        self.leave(ir.Jump(head))
        self.enter(head)
        if cond is None:
            self.leave(ir.Jump(inside))
        else:
            self.condition(cond, inside, after)
        self.breaks.append((after, len(self.scopes)))
        self.continues.append((bottom, len(self.scopes)))
        self.enter(inside)
        self.statement(body)
        self.leave(ir.Jump(bottom))
        self.enter(bottom)
        if step is not None:
            self.value(step)
        self.leave(ir.Jump(head))
        self.breaks.pop()
        self.continues.pop()
        self.enter(after)

    def _do(self, node: Node) -> None:
        body, cond = node.children[0], node.children[-1]
        inside, bottom, after = self.block(), self.block(), self.block()
        self.leave(ir.Jump(inside))
        self.breaks.append((after, len(self.scopes)))
        self.continues.append((bottom, len(self.scopes)))
        self.enter(inside)
        self.statement(body)
        self.leave(ir.Jump(bottom))
        self.breaks.pop()
        self.continues.pop()
        self.enter(bottom)
        self.condition(cond, inside, after)
        self.enter(after)

    def _for(self, node: Node) -> None:
        start, cond, step = self._for_parts(node.children[:-1])
        self.scopes.append((id(node), []))
        if start is not None:
            self.statement(start)
        self._while(cond, node.children[-1], step)
        self._close_scope()

    def _for_parts(self, parts: list[Node]) -> tuple[Node | None, Node | None, Node | None]:
        # libclang leaves out the parts that are not written, without a placeholder; which
        # of the three a part is has to be told from what it does.
        start = cond = step = None
        if len(parts) == 3:
            return parts[0], parts[1], parts[2]
        for part in parts:
            if part.kind == k.DECL_STMT:
                start = part
            elif self.changes(part):
                if start is None and cond is None and part is parts[0] and not self.steps(part):
                    start = part
                else:
                    step = part
            else:
                cond = part
        return start, cond, step

    def _switch(self, node: Node) -> None:
        on = self.value(node.children[0])
        after = self.block()
        dispatch = self.current
        self.current = None
        self.switches.append(([], []))
        self.breaks.append((after, len(self.scopes)))
        self.statement(node.children[-1])
        self.leave(ir.Jump(after))
        self.breaks.pop()
        cases, defaults = self.switches.pop()
        if dispatch is not None:
            default = defaults[0] if defaults else after
            self.enter(dispatch)
            self.leave(ir.Switch(on, tuple(cases), default))
        self.enter(after)

    def _case(self, node: Node) -> None:
        block = self.block()
        self.leave(ir.Jump(block))  # fall through from the statement before
        self.enter(block)
        children = node.children
        if self.switches:
            cases, defaults = self.switches[-1]
            if node.kind == k.DEFAULT_STMT:
                defaults.append(block)
            else:
                single = len(children) < 3
                cases.append((self.constant(children[0]) if single else None, block))
        if children:
            self.statement(children[-1])

    def _goto(self, node: Node) -> None:
        if not node.children:
            return
        name = self.clang.spelling(node.children[0].cursor)
        enclosing = self.label_scopes.get(name, ())
        depth = 0
        for (scope, _), outer in zip(self.scopes, enclosing, strict=False):
            if scope != outer:
                break
            depth += 1
        self._jump_out(self.label(name), depth)

    def _jump_from_asm(self) -> None:
        # libclang does not show the labels of an asm statement: those that no other names.
        if self.loose is None:
            named = {
                self.clang.spelling(node.children[0].cursor)
                for node in _nodes(self._whole)
                if node.kind in (k.GOTO_STMT, k.ADDR_LABEL_EXPR) and node.children
            }
            self.loose = tuple(sorted(self.label_scopes.keys() - named))
        if self.loose and self.current is not None:
            after = self.block()
            to = tuple((None, self.label(name)) for name in self.loose)
            self.leave(ir.Switch(self.temporary(), to, after))
            self.enter(after)

    def _find_labels(self, node: Node, scopes: tuple[int, ...]) -> None:
        if node.kind == k.LABEL_STMT:
            self.label_scopes[self.clang.spelling(node.cursor)] = scopes
        if node.kind in (k.COMPOUND_STMT, k.FOR_STMT):
            scopes = (*scopes, id(node))
        for child in node.children:
            if child.kind >= k.UNEXPOSED_STMT:
                self._find_labels(child, scopes)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)
