"""Walks a spec's statements and adds the steps they mean.

Every function takes the current value and returns the next. A value whose shape is None follows
from an error that was reported: it passes through silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.arguments import Arguments
from cnndsl.elaborate.meanings import (
    FORMS,
    MERGES,
    UNKNOWN,
    Definition,
    LayerWord,
    Meaning,
    Size,
    UnknownError,
    Value,
)
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.residual import join_residual
from cnndsl.elaborate.scope import (
    CallFrame,
    Recorded,
    RowFrame,
    Scope,
    Sharing,
    head_span,
    name_span,
    quote,
)
from cnndsl.elaborate.steps import MOST_STEPS, add_step
from cnndsl.elaborate.synonyms import suggestion
from cnndsl.layers.base import LAYERS, Layer
from cnndsl.source import Span
from cnndsl.syntax import tree
from cnndsl.syntax.reading import UNREAD

WORK_OF_A_CALL = 5  # of a block, or of `reuse`, beside its lines
RESIDUAL_WORDS = ("project", "pad", "ifsame")


def add_statements(scope: Scope, body: tree.Sequence, value: Value) -> Value:
    """Add a body's statements; its lets are seen below them alone."""
    scope = replace(scope, variables=dict(scope.variables))
    for statement in body.statements:
        match statement:
            case tree.Line():
                value = add_line(scope, statement, value)
            case tree.For():
                value = add_loop(scope, statement, value)
            case tree.Let():
                declare(scope, statement, scope.variables)
            case _:
                pass  # a line of the file's top level, which the parser reported
    return value


def declare(scope: Scope, node: tree.Let, variables: dict[str, Meaning]) -> None:
    """`let x = expr`, a further variable."""
    if not check_name(scope, node.name, name_span(node, "let")):
        return
    try:
        variables[node.name] = scope.meaning(node.value)
    except UnknownError:
        variables[node.name] = UNKNOWN


def add_loop(scope: Scope, node: tree.For, value: Value) -> Value:
    """`for a, b in (64, 2) (128, 2):`."""
    for inner in _rounds(scope, node):
        value = UNKNOWN if inner is None else add_statements(inner, node.body, value)
    return value


def _rounds(scope: Scope, node: tree.Loop) -> Iterator[Scope | None]:
    """What each row of a loop makes known; None after a reported error."""
    names = [v.id for v in node.variables]
    for i, v in enumerate(node.variables):
        if v.id in names[:i]:
            message = f"this `for` has two variables `{v.id}`"
            scope.error(v.span, "name-taken", message, "choose another name")
            names = []
        elif not check_name(scope, v.id, v.span):
            names = []
    if not names:
        scope.poisoned.body(node.body)
        yield None
        return
    listed = ", ".join(names)
    around = scope.deeper(node.span)
    for row in _rows(scope, node):
        span = row[0].span.to(row[-1].span)
        scope.work(span)
        try:
            meanings = {n: scope.meaning(e) for n, e in zip(names, row, strict=True)}
        except UnknownError:
            scope.poisoned.body(node.body)
            yield None
            continue
        first, text = row[0], quote(span).strip("`")
        if len(row) > 1:
            text = f"({text})"
        elif isinstance(first, tree.Number):  # the span may be that of a whole `range(…)`
            text = f"{first.value}"
        frame = RowFrame(span.source, span.start, span.end, f"for {listed} in {text}")
        frames = (frame, *scope.frames)
        yield replace(around, variables=scope.variables | meanings, frames=frames)


def _rows(scope: Scope, node: tree.Loop) -> Iterator[tuple[tree.Expression, ...]]:
    """The rows as written; `range(n)` and `range(a, b)` stand for the numbers counted."""
    for row in node.rows:
        match row:
            case (tree.Call(function="range") as call,):
                try:
                    numbers = _range(scope, call)
                except UnknownError:
                    scope.poisoned.body(node.body)
                    continue
                for number in numbers:
                    yield (tree.Number(value=number, span=call.span),)
            case _:
                yield row


def _range(scope: Scope, call: tree.Call) -> range:
    if len(call.arguments) not in (1, 2):
        message = f"`range` takes 1 or 2 numbers, not {len(call.arguments)}"
        help = "`range(3)` counts 0 1 2, `range(1, 3)` counts 1 2"
        raise scope.fail(call.span, "wrong-arguments", message, help)
    return range(*(scope.integer(a, "an end of a range") for a in call.arguments))


# Lines


def add_line(scope: Scope, node: tree.Line, value: Value) -> Value:
    """`[label:] op args -> op args [from x] [*k] [if cond]`."""
    try:
        return _add_line(scope, node, value)
    except UnknownError:
        scope.poisoned.op(node.operations[-1])
        scope.poisoned.label(node.label)
        return UNKNOWN


def _repeats(scope: Scope, node: tree.Line) -> int:
    """How often a line stands there; 0 where its condition leaves it out."""
    if node.condition is not None and not scope.truth(node.condition):
        return 0
    if node.repeat is None:
        return 1
    repeats = scope.integer(node.repeat, "a number of repeats")
    if not 0 <= repeats <= MOST_STEPS:
        message = f"a line can be repeated 0 to {MOST_STEPS:,} times, not {repeats:,}"
        help = f"write a number from 0 to {MOST_STEPS:,} behind the `*`"
        raise scope.fail(node.repeat.span, "bad-repeat", message, help)
    return repeats


def _add_line(scope: Scope, node: tree.Line, value: Value) -> Value:
    scope.work(node.span)
    repeats = _repeats(scope, node)
    if repeats == 0:
        if node.label is not None:
            label = scope.text(node.label)
            scope.build.left_out[scope.full(label)] = node.span
        return value
    label = _label(scope, node)
    if node.source is not None:
        value = _source(scope, node.source)
    first_step = len(scope.build.steps)
    inner = scope if label is None else scope.within(scope.full(label))
    for _ in range(repeats):
        own = scope.full(label) if label is not None and repeats == 1 else None
        value = add_chain(inner, node.operations, value, own)
        if value.shape is None:
            break  # the same again would find the same errors
    if label is not None and node.label is not None:
        full = scope.full(label)
        scope.build.label(full, value, node.label.span)
        made = tuple(s.owner for s in scope.build.steps[first_step:])
        scope.build.recorded[full] = Recorded(node.operations, scope, repeats, made)
    return value


def _label(scope: Scope, node: tree.Line) -> str | None:
    """The line's label, if it has one that it may have."""
    if node.label is None:
        return None
    label = scope.text(node.label)
    scope.check_length(scope.full(label), node.label.span)
    if not check_name(scope, label, node.label.span, is_label=True):
        scope.poisoned.label(node.label)
        return None
    return label


def _source(scope: Scope, name: tree.Name | tree.Template) -> Value:
    """The value behind `from`."""
    text = scope.text(name)
    found = scope.known(text)
    return found if isinstance(found, Value) else scope.resolve(text, name.span)


# Ops


def add_chain(
    scope: Scope, operations: Sequence[tree.Operation], value: Value, own: str | None = None
) -> Value:
    """Add ops one after the other; the first step takes the name `own`, if there is one."""
    for operation, following in zip_longest(operations, operations[1:]):
        value = _add_op(scope, operation, value, own, following)
        own = None
    return value


def _add_op(
    scope: Scope,
    operation: tree.Operation,
    value: Value,
    own: str | None,
    following: tree.Operation | None,
) -> Value:
    """One op with its trailing words; `own` is the name that its step takes from a label."""
    scope.work(operation.span)
    unread = operation.name == UNREAD and scope.poisoned.lines
    if unread or operation.name in scope.poisoned.blocks:
        scope.poisoned.op(operation)
        return UNKNOWN
    meaning = scope.known(operation.name)
    if isinstance(meaning, Value | Size | int | float):
        _not_a_layer(scope, operation, meaning)
        return UNKNOWN
    if isinstance(meaning, LayerWord) and meaning.name != operation.name:
        arguments = (*meaning.arguments(head_span(operation)), *operation.arguments)
        operation = replace(operation, name=meaning.name, arguments=arguments)
    name = operation.name
    if name in FORMS and (operation.body or name not in MERGES):
        return _add_form(scope, operation, value, own)
    if name in LAYERS:
        return _add_layer(scope, operation, LAYERS[name], value, own, following)
    definition = scope.file.definition(name)
    if definition is not None:
        return _add_call(scope, operation, definition, value, own)
    _unknown_layer(scope, operation)
    return UNKNOWN


def _add_layer(
    scope: Scope,
    operation: tree.Operation,
    kind: type[Layer],
    value: Value,
    own: str | None,
    following: tree.Operation | None,
) -> Value:
    read, layer = Arguments(scope, operation), None
    if operation.body is None:
        layer = read.layer(kind, following)
    else:
        _unexpected_body(scope, operation)
    name = own or scope.fresh_name(kind.word, operation.span)
    if layer is None:
        scope.build.values[name] = UNKNOWN
        return UNKNOWN
    inputs = [*([value] if kind.takes_current else []), *read.references]
    if layer.word == "unpool":
        inputs.append(_pool_input(scope, inputs[1], read.reference_spans[0]))
    value = add_step(scope, name, layer, inputs, read.places)
    return add_chain(scope, read.trailing, value)


def _pool_input(scope: Scope, pooled: Value, span: Span) -> Value:
    """What the pool named by an `unpool` took in: the size to go back to."""
    if pooled.shape is None:
        return pooled
    step = scope.build.by_name.get(pooled.name)
    if step is not None and step.layer.word == "pool":
        return scope.build.values[step.inputs[0]]
    what = "an input" if step is None else f"made by `{step.layer.word}`"
    message = f"`unpool` takes the label of a pool, but {quote(span)} is {what}"
    help = "a label names the end of its line: write `P1: pool 2x2 s2` alone, then `unpool P1`"
    scope.error(span, "not-a-pool", message, help)
    return UNKNOWN


# Blocks


def _add_call(
    scope: Scope, operation: tree.Operation, definition: Definition, value: Value, own: str | None
) -> Value:
    """A block's body with the parameters that a line gives it."""
    _check_recursion(scope, operation, definition)
    path = own or scope.fresh_name(operation.name, operation.span)
    read, given = Arguments(scope, operation), None
    if definition.broken:
        scope.poisoned.body(operation.body)
    elif operation.body is None:
        given = read.call(definition)
    else:
        _unexpected_body(scope, operation)
    if given is None:
        scope.build.values[path] = UNKNOWN
        return UNKNOWN
    inner = Scope(
        scope.build,
        definition.file,
        entry=value,
        path=path,
        frames=(_call_frame(operation, definition, given), *scope.frames),
        head=scope.head,
        inside=(*scope.inside, definition),
        sharing=scope.sharing,
        depth=scope.depth_within(operation.span),
    )
    scope.work(operation.span, WORK_OF_A_CALL)
    for parameter in definition.node.parameters:
        if parameter.name in given:
            inner.variables[parameter.name] = given[parameter.name]
        elif parameter.default is not None:
            try:
                inner.variables[parameter.name] = inner.meaning(parameter.default)
            except UnknownError:
                inner.variables[parameter.name] = UNKNOWN
    value = add_statements(inner, definition.node.body, value)
    return add_chain(scope, read.trailing, value)


def _check_recursion(scope: Scope, operation: tree.Operation, definition: Definition) -> None:
    if not any(block is definition for block in scope.inside):
        return
    names = [block.node.name for block in scope.inside]
    between = names[len(names) - names[::-1].index(definition.node.name) :]
    way = f" by way of `{between[0]}`" if between else ""
    message = f"the block `{definition.node.name}` calls itself{way}, which never ends"
    help = "repeat a line by `*k`, or lines by `for`"
    scope.stop(head_span(operation), "recursive-block", message, help)


# Forms


def _add_form(scope: Scope, operation: tree.Operation, value: Value, own: str | None) -> Value:
    match operation.name:
        case "skip":
            return _add_skip(scope, operation, value)
        case "residual":
            return _add_residual(scope, operation, value, own)
        case "head":
            return _add_head(scope, operation, value)
        case "reuse":
            return _add_reuse(scope, operation, value, own)
        case _:
            return _add_merge(scope, operation, value, own)


def _add_skip(scope: Scope, operation: tree.Operation, value: Value) -> Value:
    if operation.body is not None:
        _unexpected_body(scope, operation)
        return UNKNOWN
    read = Arguments(scope, operation)
    if not read.form((), "for example `| skip`"):
        return UNKNOWN
    return add_chain(scope, read.trailing, value)


def _add_merge(scope: Scope, operation: tree.Operation, value: Value, own: str | None) -> Value:
    """`concat:`, `add:` and the like with `| branch` lines; a branch left out isn't there."""
    example = f"without a body, `{operation.name} x` merges with the value `x`"
    read = Arguments(scope, operation)
    good = read.form((), example)
    body = operation.body
    if not isinstance(body, tree.Branches) or _only_branch(body):
        message = f"`{operation.name}:` needs two branches at least: lines that start with `|`"
        help = "start every branch with `|`; `| skip` is the input itself"
        scope.error(head_span(operation), "missing-branches", message, help)
        good = False
    if not good or not isinstance(body, tree.Branches):
        scope.poisoned.body(body)
        return UNKNOWN
    ends = list(_ends(scope.deeper(operation.span), body, value))
    if not ends:
        message = f"every branch of `{operation.name}:` is left out by its `if` or its `*`"
        help = "`| skip` is the input itself"
        scope.error(head_span(operation), "missing-branches", message, help)
        return UNKNOWN
    if len(ends) > 1:
        layer = LAYERS[operation.name]()
        name = own or scope.fresh_name(operation.name, operation.span)
        value = add_step(scope, name, layer, ends, read.places)
    else:
        value = ends[0]
    return add_chain(scope, read.trailing, value)


def _ends(scope: Scope, body: tree.Branches, value: Value) -> Iterator[Value]:
    """What the branches end in that aren't left out; each row of a loop makes its own."""
    for branch in body.branches:
        if isinstance(branch, tree.BranchLoop):
            for inner in _rounds(scope, branch):
                if inner is None:
                    yield UNKNOWN
                else:
                    yield from _ends(inner, branch.body, value)
        elif _is_taken(scope, branch[0]):
            end = value
            for line in branch:
                end = add_line(scope, line, end)
            yield end


def _is_taken(scope: Scope, line: tree.Line) -> bool:
    try:
        return _repeats(scope, line) > 0
    except UnknownError:
        return True


def _add_residual(scope: Scope, operation: tree.Operation, value: Value, own: str | None) -> Value:
    body = operation.body
    if body is None:
        definition = scope.file.definition("basicblock")
        assert definition is not None, "the prelude defines basicblock"
        return _add_call(scope, operation, definition, value, own)
    read = Arguments(scope, operation)
    good = read.form(RESIDUAL_WORDS, "for example `residual project relu:`")
    if good and isinstance(body, tree.Branches):
        message = "the body of `residual:` is a sequence of lines, without `|`"
        help = "drop the `|`; branches that start with `|` are added by `add:`"
        scope.error(head_span(operation), "unexpected-branches", message, help)
    if not good or isinstance(body, tree.Branches):
        scope.poisoned.body(body)
        return UNKNOWN
    end = add_statements(scope.deeper(operation.span), body, value)
    value = join_residual(scope, operation, read, value, end, own)
    return add_chain(scope, read.trailing, value)


def _add_head(scope: Scope, operation: tree.Operation, value: Value) -> Value:
    """`head name train:`: a side chain; the line below goes on from the line above."""
    words = [a.name for a in operation.arguments if isinstance(a, tree.Word)]
    named = [w for w in words if w.span.text != "train"]
    form = len(words) == len(operation.arguments) == 2 and len(named) == 1
    if not form or not isinstance(operation.body, tree.Sequence):
        message = "a head has a name, the word `train` and an indented body, and nothing else"
        help = f"write `head {named[0].span.text[:40] if named else 'aux'} train:`"
        scope.error(operation.span, "bad-head", message, help)
        scope.poisoned.head(operation)
        scope.poisoned.body(operation.body)
        return value
    name, span = scope.text(named[0]), named[0].span
    full = scope.full(name)
    if not check_name(scope, name, span, is_label=True):
        scope.poisoned.body(operation.body)
        return value
    scope.check_length(full, span)
    inner = replace(scope.deeper(operation.span), path=full, head=full)
    end = add_statements(inner, operation.body, value)
    scope.build.label(full, end, span)
    scope.build.heads[full] = end.name
    return value


def _add_reuse(scope: Scope, operation: tree.Operation, value: Value, own: str | None) -> Value:
    """`reuse a`: the line labelled `a` once more, with its weights."""
    if operation.body is not None:
        _unexpected_body(scope, operation)
        return UNKNOWN
    first = operation.arguments[0] if operation.arguments else None
    if not isinstance(first, tree.Word):
        message = "`reuse` needs the label of the line whose weights are shared"
        help = "label that line, `a: conv …`, and write `reuse a`"
        scope.error(operation.span, "missing-argument", message, help)
        return UNKNOWN
    scope.work(operation.span, WORK_OF_A_CALL)
    read = Arguments(scope, replace(operation, arguments=operation.arguments[1:]))
    good = read.form((), "`reuse` takes one label, and the arguments of the line that has it")
    label = scope.text(first.name)
    recorded = _recorded(scope, label, first)
    path = own or scope.fresh_name("reuse", operation.span)
    if not good:
        return UNKNOWN
    sharing = Sharing(scope, operation.span, label, recorded.steps)
    inner = Scope(
        scope.build,
        recorded.scope.file,
        recorded.scope.variables,
        recorded.scope.entry,
        path=path,
        frames=(operation.span, *scope.frames),
        head=scope.head,
        inside=scope.inside,
        sharing=(*scope.sharing, sharing),
        depth=scope.depth_within(operation.span),
    )
    findings = len(scope.build.errors)
    for _ in range(recorded.repeats):
        own = path if recorded.repeats == 1 else None
        value = add_chain(inner, recorded.operations, value, own)
    if len(scope.build.errors) == findings and value.shape is not None:
        sharing.finish()
    return add_chain(scope, read.trailing, value)


def _recorded(scope: Scope, label: str, word: tree.Word) -> Recorded:
    """The labelled line of that name; raises UnknownError after a reported error."""
    recorded = scope.build.recorded
    for full in scope.outwards(label):
        if full in recorded:
            return recorded[full]
    value = scope.find(label)
    if value is None and not scope.poisoned.covers(label):
        help = did_you_mean(label, recorded, "label the line whose weights are shared")
        message = f"no line above has the label `{label}`"
        scope.error(word.span, "unknown-value", message, help)
    elif value is not None and value.shape is not None:
        message = f"{quote(word.span)} is no label of a line, so there is nothing to repeat"
        help = "label the line whose weights are shared: `a: conv …`, then `reuse a`"
        scope.error(word.span, "not-a-label", message, help)
    raise UnknownError


# What isn't allowed


def _not_a_layer(
    scope: Scope, operation: tree.Operation, meaning: Value | Size | int | float
) -> None:
    name = operation.name
    if isinstance(meaning, Value):
        message, help = f"`{name}` is a value, not a layer", f"`relu from {name}` goes on from it"
    else:
        kind = "a size" if isinstance(meaning, Size) else "a number"
        message, help = f"`{name}` is {kind}, not a layer", "start the line with a layer"
    scope.error(head_span(operation), "not-a-layer", message, help)
    scope.poisoned.op(operation)


def _unexpected_body(scope: Scope, operation: tree.Operation) -> None:
    message = f"{quote(head_span(operation))} takes no indented body"
    help = "drop the colon, and indent the lines below like this one"
    scope.error(head_span(operation), "unexpected-body", message, help)
    scope.poisoned.body(operation.body)


def _unknown_layer(scope: Scope, operation: tree.Operation) -> None:
    name, file = operation.name, scope.file
    if scope.build.has_error("unknown-layer", operation.span):
        return
    if name in file.below and scope.poisoned.covers(name):
        return  # said of another line
    made_here = scope.poisoned.covers(name)
    scope.poisoned.op(operation)
    if made_here:
        return
    message = f"there is no layer `{name}`"
    if name in file.below:
        message += f" yet: the block is defined in line {file.below[name].line}, further down"
        help = "move its `def` above this line"
        scope.poisoned.name(name)
    else:
        help = suggestion(name, (*LAYERS, *FORMS, *file.definition_names()))
        if file.incomplete and not help:
            return  # it may be in the file that couldn't be read
    help = help or "`cnndsl explain layers` lists them; blocks of your own begin with `def`"
    scope.error(head_span(operation), "unknown-layer", message, help)


def _call_frame(
    operation: tree.Operation, definition: Definition, given: Mapping[str, Meaning]
) -> CallFrame:
    """The call as it was written, or with values in the place of names and what is computed."""
    span = operation.span
    said = " ".join(span.text.split())
    if not all(map(_is_plain, operation.arguments)):
        names = [parameter.name for parameter in definition.node.parameters]
        words = [
            _shown(value)
            if name == positional and not isinstance(value, LayerWord)
            else f"{name}={_shown(value)}"
            for (name, value), positional in zip(given.items(), names, strict=False)
        ]
        said = " ".join([operation.name, *words])
    return CallFrame(span.source, span.start, span.end, said)


def _is_plain(argument: tree.Argument) -> bool:
    match argument:
        case tree.Value(expression=value) | tree.Keyed(value=value):
            return isinstance(value, tree.Number)
        case tree.Option():
            return True
        case _:
            return False


def _shown(meaning: Meaning) -> str:
    match meaning:
        case int() | float():
            return f"{meaning:.6g}" if isinstance(meaning, float) else str(meaning)
        case Size():
            return "x".join(map(str, meaning.values))
        case LayerWord():
            return f"({meaning.text})" if meaning.numbers else meaning.name
        case _:
            return meaning.name or "…"


def _only_branch(body: tree.Branches) -> bool:
    return len(body.branches) == 1 and not isinstance(body.branches[0], tree.BranchLoop)
