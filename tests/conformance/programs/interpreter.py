# python: >=3.10
"""A small stack machine with `match`, and programs for it."""

from dataclasses import dataclass, field


@dataclass
class Machine:
    stack: list = field(default_factory=list)
    output: list = field(default_factory=list)
    names: dict = field(default_factory=dict)


class MachineError(RuntimeError):
    pass


def assemble(text):
    program = []
    for line in text.strip().splitlines():
        word, *rest = line.split("#")[0].split()
        program.append((word, *(int(part) if part.lstrip("-").isdigit() else part for part in rest)))
    return program


def run(program, limit=1000):
    machine, at = Machine(), 0
    labels = {step[1]: i for i, step in enumerate(program) if step[0] == "label"}
    while at < len(program):
        limit -= 1
        if not limit:
            raise MachineError("ran too long")
        match program[at]:
            case ("push", int(value)):
                machine.stack.append(value)
            case ("add" | "mul" as operator,):
                right, left = machine.stack.pop(), machine.stack.pop()
                machine.stack.append(left + right if operator == "add" else left * right)
            case ("store", str(name)):
                machine.names[name] = machine.stack.pop()
            case ("load", str(name)) if name in machine.names:
                machine.stack.append(machine.names[name])
            case ("jump-unless-zero", label):
                if machine.stack.pop():
                    at = labels[label]
            case ("print",):
                machine.output.append(machine.stack[-1])
            case ("label", _):
                pass
            case other:
                raise MachineError(f"step {at}: {' '.join(map(str, other))}")
        at += 1
    return machine


FACTORIAL = """
push 5
store n
push 1
store result
label again
load result
load n
mul
store result
load n
push -1
add
store n
load n
jump-unless-zero again
load result
print
"""

program = assemble(FACTORIAL)  # @devstash
machine = run(program)  # @devstash
print(machine.output, machine.names)
for text in ("push 1\nfly", "label a\npush 1\njump-unless-zero a"):
    try:
        run(assemble(text), limit=50)  # @devstash
    except MachineError as trouble:
        print("error:", trouble)
match run(assemble("push 2\npush 3\nadd\nprint")).output:  # @devstash
    case [5]:
        print("five")
    case _:
        print("wrong")
