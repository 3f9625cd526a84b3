"""What fits on one line → its text: expressions, arguments, ops. The canonical form."""

from __future__ import annotations

from collections.abc import Set
from operator import itemgetter

from cnndsl.layers import LAYERS
from cnndsl.syntax import tree

# How tightly an expression holds together; the grammar's levels, from loose to tight.
_CONDITIONAL, _OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(10)
_LEVELS: dict[str, int] = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
    "**": _POWER,
}
# The order of arguments; the short options come one by one between shapes and other keyed ones.
_SIZE, _LEADING, _SHAPE, _KEYED, _WORD = 0, 1, 2, 20, 21
_KEYS = {key: 10 + index for index, key in enumerate(("k", "s", "p", "d", "g", "op"))}


def expression_text(node: tree.Expression, tight: bool = False, least: int = _CONDITIONAL) -> str:
    """An expression, in parentheses where it holds together less tightly than `least`.

    `tight` is for the inside of parentheses and braces, where sums have no blanks: `(n-1)`.
    """
    if _level(node) < least:
        return f"({_bare(node, tight=True)})"
    return _bare(node, tight)


def atom_text(node: tree.Expression) -> str:
    """An expression as it stands among arguments: `64`, `-1`, `n`, `round8(C/r)`, `(4*n)`."""
    match node:
        case tree.Unary(operator="-", operand=tree.Number()):
            return expression_text(node)
        case _:
            return expression_text(node, least=_ATOM)


def argument_text(argument: tree.Argument) -> str:
    """One argument of an op."""
    match argument:
        case tree.Size():
            return size_text(argument)
        case tree.ShapeLiteral():
            return shape_text(argument)
        case tree.Option():
            return argument.letters + "x".join(map(str, argument.values))
        case tree.Word():
            return expression_text(argument.name)
        case tree.Value(expression=tree.Name() | tree.Template() as name):
            return f"({expression_text(name)})"
        case tree.Value():
            return atom_text(argument.expression)
        case tree.Keyed():
            return f"{argument.key}={_keyed_text(argument.value)}"


def operation_text(operation: tree.Operation, variables: Set[str]) -> str:
    """An op with its arguments in canonical order, without its body."""
    arguments = ordered(operation, variables)
    return " ".join([operation.name, *map(argument_text, arguments)])


def ordered(operation: tree.Operation, variables: Set[str]) -> tuple[tree.Argument, ...]:
    """Sizes, values, shapes, `k s p d g op` short or keyed, other keyed ones, words.

    Values and words together keep their order, and so do the sizes of what is no layer, since all
    of them may be what a `def` takes by position: the values that come first are those before the
    first word that is none of the variables.
    """
    is_layer = operation.name in LAYERS
    ranked: list[tuple[int, tree.Argument]] = []
    words_began = False
    for argument in operation.arguments:
        match argument:
            case tree.Size() if is_layer:
                rank = _SIZE
            case tree.ShapeLiteral():
                rank = _SHAPE
            case tree.Option(letters=key) | tree.Keyed(key=key):
                rank = _KEYS.get(key, _KEYED)
            case tree.Size() | tree.Value() if not words_began:
                rank = _LEADING
            case tree.Word(name=tree.Name(id=name)) if not words_began and name in variables:
                rank = _LEADING
            case _:
                rank, words_began = _WORD, True
        ranked.append((rank, argument))
    return tuple(argument for _, argument in sorted(ranked, key=itemgetter(0)))


def size_text(size: tree.Size) -> str:
    """`5x5`."""
    return "x".join(_entry_text(value) for value in size.values)


def shape_text(shape: tree.ShapeLiteral) -> str:
    """`3@224x224`."""
    channels = "" if shape.channels is None else _entry_text(shape.channels)
    return f"{channels}@{'x'.join(_entry_text(value) for value in shape.space)}"


def number_text(value: float) -> str:
    """`64`, `0.5`, `1e-5`."""
    return repr(value).replace("e-0", "e-").replace("e+", "e")


def _level(node: tree.Expression) -> int:
    match node:
        case tree.Conditional() | tree.Applied():
            return _CONDITIONAL
        case tree.Binary():
            return _LEVELS[node.operator]
        case tree.Unary():
            return _NOT if node.operator == "not" else _SIGN
        case _:
            return _ATOM


def _bare(node: tree.Expression, tight: bool) -> str:
    match node:
        case tree.Number():
            return number_text(node.value)
        case tree.Name():
            return node.id
        case tree.Template():
            return "".join(p if isinstance(p, str) else _entry_text(p) for p in node.parts)
        case tree.Applied():
            return " ".join([node.layer, *(number_text(n.value) for n in node.numbers)])
        case tree.Call():
            given = [expression_text(a, tight=True) for a in node.arguments]
            given += map(argument_text, node.settings)
            return f"{node.function}({', '.join(given)})"
        case tree.Unary():
            sign = "not " if node.operator == "not" else "-"
            return sign + expression_text(node.operand, tight, _level(node))
        case tree.Conditional():
            plain = isinstance(node.yes, tree.Applied)
            yes = _bare(node.yes, tight) if plain else expression_text(node.yes, tight, _OR)
            test = expression_text(node.test, tight, _OR)
            return f"{yes} if {test} else {expression_text(node.no, tight)}"
        case tree.Binary():
            return _binary(node, tight)


def _binary(node: tree.Binary, tight: bool) -> str:
    level = _LEVELS[node.operator]
    left, right = level, level + 1
    if level == _COMPARISON:  # `a < b < c` isn't an expression
        left = level + 1
    elif level == _POWER:  # -a**b is -(a**b), a**-b needs no parentheses, a**b**c is a**(b**c)
        left, right = _ATOM, _SIGN
    blank = "" if level >= _PRODUCT or (tight and level == _SUM) else " "
    parts = (expression_text(node.left, tight, left), expression_text(node.right, tight, right))
    return f"{blank}{node.operator}{blank}".join(parts)


def _entry_text(value: int | str | tree.Expression) -> str:
    """A part of a size, shape or template: `64`, `H`, `{2*n}`."""
    if isinstance(value, int | str):
        return str(value)
    return f"{{{expression_text(value, tight=True)}}}"


def _keyed_text(value: tree.Expression | tree.Size | tree.ShapeLiteral | tree.TupleValue) -> str:
    match value:
        case tree.Size():
            return size_text(value)
        case tree.ShapeLiteral():
            return shape_text(value)
        case tree.TupleValue():
            return f"({','.join(expression_text(item, tight=True) for item in value.items)})"
        case _:
            return atom_text(value)
