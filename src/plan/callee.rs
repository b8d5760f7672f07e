//! What is known about a call by the name of what it calls.

use crate::syntax::Names;
use crate::syntax::ast::{Expr, ExprCall};

/// Functions that look at the frame of their caller, or talk to a person: the name, and what to do instead.
const NEVER_CACHED: [(&str, &str); 16] = [
    ("locals", LOOKS_AT_FRAME),
    ("globals", LOOKS_AT_FRAME),
    ("eval", RUNS_TEXT),
    ("exec", RUNS_TEXT),
    (
        "super",
        "mark the line that calls its method: `super().method(…)`",
    ),
    (
        "input",
        "ask on a line of its own, and mark the call that uses the answer",
    ),
    (
        "breakpoint",
        "it stops the program for a person, so it must run",
    ),
    ("__import__", IMPORTS),
    ("importlib.import_module", IMPORTS),
    ("import_module", IMPORTS),
    ("currentframe", LOOKS_AT_FRAME),
    ("_getframe", LOOKS_AT_FRAME),
    ("inspect.currentframe", LOOKS_AT_FRAME),
    ("inspect.stack", LOOKS_AT_FRAME),
    ("inspect.trace", LOOKS_AT_FRAME),
    ("sys._getframe", LOOKS_AT_FRAME),
];

const LOOKS_AT_FRAME: &str = "it looks at the frame that calls it; call it on a line of its own, and mark the call that uses its result";
const IMPORTS: &str = "a module must be imported in every run; import it on a line of its own, and mark the call that uses it";
const RUNS_TEXT: &str = "the text that it runs can look at the frame around it; put the code into a function, and mark its call";

/// Functions called for what they show, by the last parts of their names.
const SHOWS: [&str; 10] = [
    "print",
    "pprint",
    "pprint.pprint",
    "pp",
    "stdout.write",
    "stderr.write",
    "click.echo",
    "typer.echo",
    "rich.print",
    "console.print",
];

const LOG_LEVELS: [&str; 9] = [
    "debug",
    "info",
    "warning",
    "warn",
    "error",
    "critical",
    "fatal",
    "exception",
    "log",
];

/// The built-in functions and types whose names turn up as arguments' callees.
const BUILTINS: [&str; 48] = [
    "abs",
    "all",
    "any",
    "ascii",
    "bin",
    "bool",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "complex",
    "dict",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "hasattr",
    "hash",
    "hex",
    "id",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "ord",
    "pow",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "slice",
    "sorted",
    "str",
    "sum",
    "tuple",
];

/// If this call cannot be cached whatever it returns: how it reads, and what to do instead.
pub(super) fn never_cached(call: &ExprCall, names: &Names<'_>) -> Option<(String, &'static str)> {
    let name = dotted(&call.func)?;
    let without_arguments = call.arguments.args.is_empty() && call.arguments.keywords.is_empty();
    let plain = name.strip_prefix("builtins.").unwrap_or(&name);
    let hint = if without_arguments && matches!(plain, "vars" | "dir") {
        LOOKS_AT_FRAME
    } else {
        NEVER_CACHED.iter().find(|(known, _)| *known == plain)?.1
    };
    // A function of the script may have the name of a built-in one, as `eval` often does.
    let own = match plain {
        "currentframe" | "_getframe" | "import_module" => !names.only_imported(plain),
        _ => plain == name && !name.contains('.') && names.bound(&name),
    };
    (!own).then(|| (format!("{name}()"), hint))
}

/// Whether this is `super()` or `super(C, self)`.
pub(super) fn is_super(call: &ExprCall) -> bool {
    call.func
        .as_name_expr()
        .is_some_and(|name| name.id.as_str() == "super")
}

/// Whether the name stands for a built-in function, which no call changes.
pub(super) fn is_builtin(name: &str, names: &Names<'_>) -> bool {
    BUILTINS.contains(&name) && !names.bound(name)
}

/// If this call is made for what it shows on the terminal or in a log: how its callee reads.
pub(super) fn shows(call: &ExprCall) -> Option<String> {
    let name = dotted(&call.func)?;
    let (head, last) = name.rsplit_once('.').unwrap_or(("", &name));
    let owner = head.rsplit('.').next().unwrap_or(head);
    let logger = matches!(
        owner.trim_matches('_').to_ascii_lowercase().as_str(),
        "logging" | "logger" | "log"
    );
    let method = format!("{owner}.{last}");
    let known = SHOWS.contains(&name.as_str())
        || (!owner.is_empty() && SHOWS.contains(&method.as_str()))
        || (logger && LOG_LEVELS.contains(&last))
        || name == "warnings.warn";
    known.then_some(name)
}

/// `a.b.c` as text; `None` when anything but names and attributes is in it.
fn dotted(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(name) => Some(name.id.to_string()),
        Expr::Attribute(attribute) => Some(format!(
            "{}.{}",
            dotted(&attribute.value)?,
            attribute.attr.as_str()
        )),
        _ => None,
    }
}
