"""Write frontend/src/wire.ts from the server's OpenAPI description.

With --check nothing is written, and the exit status is 1 where the file is stale.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from made import write_or_check

FILE = Path(__file__).resolve().parents[1] / "frontend" / "src" / "wire.ts"
HEAD = "// The types of the page's JSON files and of the server's answers. Made by: python scripts/make_wire_types.py\n"
_PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def render() -> str:
    """The module as TypeScript."""
    from latentarium.explorer.server import make_app
    from latentarium.explorer.site import Site

    described = make_app(Site(files={}, bundles={}), hosts=[]).openapi()
    schemas = described["components"]["schemas"]
    return HEAD + "".join(_interface(name, schemas[name]) for name in sorted(schemas) if "Validation" not in name)


def _interface(name: str, schema: Mapping[str, Any]) -> str:
    words = " ".join(schema.get("description", "").split())
    # a field with a default is there in everything that the server writes
    fields = "".join(f"  {field}: {_type(kind)};\n" for field, kind in schema["properties"].items())
    return f"\n/** {words} */\nexport interface {name} {{\n{fields}}}\n"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[1]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(_type(kind) for kind in schema[several])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)
    if schema["type"] == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(_type(kind) for kind in schema['prefixItems'])}]"
        inner = _type(schema["items"])
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if schema["type"] == "object":
        return f"Record<string, {_type(schema['additionalProperties'])}>"
    return _PLAIN[schema["type"]]


if __name__ == "__main__":
    sys.exit(write_or_check(FILE, render()))
