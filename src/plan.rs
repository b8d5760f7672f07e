//! Turns a script into its plan: which expressions are sites, and with which options.
//!
//! The plan is all that the Python side learns about the markers. It names places by what both parsers agree on, lines
//! and characters, and carries nothing that the script's tree does not say, so it can be kept and read again.

mod attach;
mod callee;
mod chain;
mod expression;
mod sites;
mod units;

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::marker::{self, Fault, Options};
use crate::source::Source;
use crate::syntax::{self, Names, TextRange};

use attach::Attached;
use sites::Found;
use units::Unit;

/// The version of the plan's form, for readers of another devstash.
const FORMAT: u32 = 1;

/// How much of a statement is shown to people.
const TEXT_LENGTH: usize = 120;

/// All that a script asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub format: u32,
    /// In the order of the text; one inside another comes after it.
    pub sites: Vec<Site>,
    /// The names that imports bind at module level, in the order of the text.
    pub imports: Vec<String>,
    /// Whether the script imports the runtime itself, and so needs it even without a site.
    pub imports_devstash: bool,
}

impl Plan {
    /// Whether plain Python would do: no site, and no import of the runtime.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty() && !self.imports_devstash
    }
}

/// One place whose result is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Site {
    pub kind: Kind,
    pub span: Span,
    /// Set when the place lies inside an f-string, whose parts have no usable positions before Python 3.12.
    pub fstring: Option<InFString>,
    /// The qualified name of the class or function around it; empty at module level.
    pub scope: String,
    /// The first line of the statement without its comment.
    pub text: String,
    /// The line that `text` is.
    pub line: usize,
    /// For an expression: the names it reads from outside, in the order it first reads them.
    pub names: Vec<String>,
    /// For a function: whether it is a generator.
    pub generator: bool,
    pub options: Options,
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The result of a call, of an awaited call, or of a chain of calls.
    Call,
    /// The value of an expression without a call.
    Expression,
    /// The result of every call of a function.
    Function,
}

/// From the first character to the one behind the last: line from 1, column in characters from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "[usize; 4]")]
pub struct Span {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

impl From<Span> for [usize; 4] {
    fn from(span: Span) -> Self {
        [span.line, span.column, span.end_line, span.end_column]
    }
}

/// How to find a site inside an f-string by counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InFString {
    /// The outermost f-string, with all strings it is implicitly joined to.
    pub span: Span,
    /// The number of the site's last call among all calls of that f-string, from 0, counted in the order of the fields of
    /// CPython's `ast`, a call before what it contains.
    pub index: usize,
    /// How many levels above that call the site's own expression is (`await f()`: 1).
    pub up: usize,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// The parser does not understand the script. Whether Python does, only Python can say.
    Syntax { message: String },
    /// Markers that cannot work, in the order of the text; never empty.
    Markers(Vec<Diagnostic>),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { message } => f.write_str(message),
            Self::Markers(diagnostics) => {
                for (index, diagnostic) in diagnostics.iter().enumerate() {
                    if index > 0 {
                        f.write_str("\n\n")?;
                    }
                    write!(f, "{diagnostic}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for PlanError {}

/// Finds the sites of a script.
///
/// # Errors
///
/// When the script cannot be parsed, or with every faulty marker of the file.
pub fn plan(source: &Source) -> Result<Plan, PlanError> {
    syntax::on_large_stack(|| plan_here(source)).unwrap_or_else(|| {
        Err(PlanError::Syntax {
            message: "the parser gave up".to_owned(),
        })
    })
}

fn plan_here(source: &Source) -> Result<Plan, PlanError> {
    let module = syntax::parse(&source.text).map_err(|error| PlanError::Syntax {
        message: format!("line {}: {}", source.line_of(error.offset), error.message),
    })?;
    let names = Names::of(&module.body);
    let comments: Vec<Range<usize>> = module.comments().map(range).collect();
    let markers = comments
        .iter()
        .flat_map(|comment| marker::find(&source.text[comment.clone()], comment.start))
        .collect();
    let mut sites = Vec::new();
    let mut faults = Vec::new();
    for attached in attach::attach(source, &module, markers) {
        match attached.and_then(|attached| sites_of(source, &comments, &names, attached)) {
            Ok(found) => sites.extend(found),
            Err(found) => faults.extend(found),
        }
    }
    if !faults.is_empty() {
        let draw = |fault: Fault| {
            Diagnostic::new(source, fault.start, fault.end, fault.message, fault.hint)
        };
        return Err(PlanError::Markers(faults.into_iter().map(draw).collect()));
    }
    sites.sort_by_key(|site| (site.span.line, site.span.column));
    Ok(Plan {
        format: FORMAT,
        sites,
        imports: names
            .module_imports
            .iter()
            .map(ToString::to_string)
            .collect(),
        imports_devstash: names.imports_devstash,
    })
}

/// The sites of one marker; none when it is `off`, though it must still be one that could work.
fn sites_of(
    source: &Source,
    comments: &[Range<usize>],
    names: &Names,
    attached: Attached,
) -> Result<Vec<Site>, Vec<Fault>> {
    let found = sites::find(&attached, names)?;
    if attached.marker.options.off {
        return Ok(Vec::new());
    }
    let site = |(unit, found): (&Unit, Found)| Site {
        kind: found.kind,
        span: span(source, found.start, found.end),
        fstring: found.fstring.map(|(string, index, up)| InFString {
            span: span(source, string.start, string.end),
            index,
            up,
        }),
        scope: unit.scope.name.clone(),
        text: text(source, comments, unit),
        line: source.line_of(unit.start),
        names: found.names,
        generator: found.generator,
        options: attached.marker.options.clone(),
    };
    Ok(found.into_iter().map(site).collect())
}

fn range(range: TextRange) -> Range<usize> {
    range.start().to_usize()..range.end().to_usize()
}

fn span(source: &Source, start: usize, end: usize) -> Span {
    let (start, end) = (source.position(start), source.position(end));
    Span {
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}

/// What is shown of a statement: its first line, up to a comment or to the next statement.
fn text(source: &Source, comments: &[Range<usize>], unit: &Unit) -> String {
    let line = source.line_of(unit.start);
    let line_end = source.line_start(line) + source.line_text(line).len();
    let next = comments.partition_point(|comment| comment.start < unit.start);
    let comment = comments.get(next).map_or(line_end, |comment| comment.start);
    let end = line_end.min(unit.end).min(comment);
    source.text[unit.start..end]
        .trim()
        .chars()
        .take(TEXT_LENGTH)
        .collect()
}
