"""A tiny template engine that compiles to Python closures."""

import html
import re

TAG = re.compile(r"({{.*?}}|{%.*?%})", re.S)


def lookup(context, path):
    value = context
    for part in path.split("."):
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    return value() if callable(value) else value


FILTERS = {"upper": str.upper, "escape": html.escape, "length": lambda value: str(len(value))}


def compile_template(text):
    parts = TAG.split(text)

    def block(position, end):
        nodes = []
        while position < len(parts):
            part = parts[position]
            if part.startswith("{%"):
                words = part[2:-2].split()
                if words[0] == end:
                    return nodes, position + 1
                if words[0] == "for":
                    inner, position = block(position + 1, "endfor")
                    nodes.append(("for", words[1], words[3], inner))
                    continue
                if words[0] == "if":
                    inner, position = block(position + 1, "endif")
                    nodes.append(("if", words[1], inner))
                    continue
                raise SyntaxError(f"unknown tag {words[0]!r}")
            nodes.append(("value", part[2:-2].strip()) if part.startswith("{{") else ("text", part))
            position += 1
        if end:
            raise SyntaxError(f"missing {end}")
        return nodes, position

    return block(0, None)[0]


def render(nodes, context):
    out = []
    for node in nodes:
        if node[0] == "text":
            out.append(node[1])
        elif node[0] == "value":
            path, *filters = (part.strip() for part in node[1].split("|"))
            value = lookup(context, path)
            for name in filters:
                value = FILTERS[name](value)
            out.append(str(value))
        elif node[0] == "for":
            for item in lookup(context, node[2]):
                out.append(render(node[3], {**context, node[1]: item}))
        elif lookup(context, node[1]):
            out.append(render(node[2], context))
    return "".join(out)


TEXT = (
    "Hello {{ user.name | upper }}!{% if items %}\n{% for item in items %}- {{ item.title | escape }}\n{% endfor %}"
    "{% endif %}{{ items | length }} in all"
)

nodes = compile_template(TEXT)  # @devstash
context = {"user": {"name": "ann"}, "items": [{"title": "<one>"}, {"title": "two & three"}]}
print(render(nodes, context))  # @devstash
for name in ("bob", "cid"):
    text = render(nodes, {"user": {"name": name}, "items": []})  # @devstash
    print(text)
try:
    compile_template("{% for x in y %}")  # @devstash
except SyntaxError as trouble:
    print("error:", trouble)
