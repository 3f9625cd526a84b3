"""As much of JSON Schema as docs/report-schema.json uses, so that its test needs no library."""

from __future__ import annotations

from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
KNOWN = {
    *("type", "properties", "required", "additionalProperties", "items", "anyOf", "const", "$ref"),
    *("minimum", "minItems", "maxItems", "description", "title", "$schema", "$defs"),
}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """What is wrong with a value, each with its place."""
    unknown = schema.keys() - KNOWN
    assert not unknown, f"this test doesn't know {unknown}"
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return problems(value, target, root, at)
    if "anyOf" in schema:
        each = [problems(value, option, root, at) for option in schema["anyOf"]]
        return [] if [] in each else min(each, key=len)
    if "const" in schema and value != schema["const"]:
        return [f"{at} isn't {schema['const']!r}"]
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(_is(value, kind) for kind in kinds):
        return [f"{at} is {value!r}, not {' or '.join(kinds)}"]
    if isinstance(value, dict):
        return _object(value, schema, root, at)
    if isinstance(value, list):
        return _array(value, schema, root, at)
    if isinstance(value, int) and value < schema.get("minimum", value):
        return [f"{at} is less than {schema['minimum']}"]
    return []


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _object(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    found = [f"{at} has no {name}" for name in schema.get("required", ()) if name not in value]
    for name, item in value.items():
        if name in known:
            found += problems(item, known[name], root, f"{at}.{name}")
        elif others is False:
            found.append(f"{at} has an unknown {name}")
        elif others is not True:
            found += problems(item, others, root, f"{at}.{name}")
    return found


def _array(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    found = [
        f"{at} has {len(value)} items"
        for bound, fits in (("minItems", len(value).__ge__), ("maxItems", len(value).__le__))
        if bound in schema and not fits(schema[bound])
    ]
    for number, item in enumerate(value):
        found += problems(item, schema.get("items", {}), root, f"{at}[{number}]")
    return found
