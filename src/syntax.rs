//! Turns text into a syntax tree with its comments, and answers the questions about the tree that need no policy.
//!
//! This module alone names the parser package: a change of parser, or of its traps, is a change here. The traps: it takes
//! text without a byte order mark, a `def` begins at its first decorator, headers have no end, and deep nesting needs a
//! deep stack.

mod children;
mod names;

use std::thread;

use rustpython_ast::token::{TokenKind, Tokens};
use rustpython_parser::{parse_expression as parse_one, parse_module};

pub use children::{children, contains, holds_yield};
pub use names::Names;
pub use rustpython_ast as ast;
pub use rustpython_text_size::{Ranged, TextRange, TextSize};

/// The stack sizes to try, largest first. They are addresses, not memory: only what is used is ever backed by any.
/// Brackets are not what needs them most: a sum of ten thousand terms is as deep a tree, and CPython compiles it.
const STACK_SIZES: [usize; 4] = [1 << 30, 1 << 28, 1 << 26, 1 << 24];

/// Brackets nested deeper than this are not parsed; CPython's own limit is 200.
const MAX_NESTING: usize = 20_000;

/// A parsed script.
pub struct Module {
    pub body: Vec<ast::Stmt>,
    tokens: Tokens,
}

/// Why a text is not a script, in the parser's words, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub message: String,
    /// Byte offset in the text.
    pub offset: usize,
}

/// Runs `work` where deep recursion is safe: on a thread with a large stack.
///
/// Everything that walks a tree, dropping it included, belongs inside. `None` when the system gives no thread, or when
/// `work` panics: a run that does without a plan is better than no run.
pub fn on_large_stack<T: Send>(work: impl Fn() -> T + Sync) -> Option<T> {
    thread::scope(|scope| {
        let thread = STACK_SIZES.iter().find_map(|&size| {
            let builder = thread::Builder::new().name("parse".to_owned());
            builder.stack_size(size).spawn_scoped(scope, &work).ok()
        })?;
        thread.join().ok()
    })
}

/// Parses a script, in the syntax of the newest Python.
///
/// # Errors
///
/// When the parser does not understand the text; only the target interpreter knows whether that makes it wrong.
pub fn parse(text: &str) -> Result<Module, SyntaxError> {
    let too_much = |message: &str| SyntaxError {
        message: message.to_owned(),
        offset: 0,
    };
    if u32::try_from(text.len()).is_err() {
        return Err(too_much("the file is larger than 4 GiB"));
    }
    if nesting_bound(text) > MAX_NESTING {
        return Err(too_much("the code is nested too deeply"));
    }
    match parse_module(text) {
        Ok(parsed) => Ok(Module {
            tokens: parsed.tokens().clone(),
            body: parsed.into_suite(),
        }),
        Err(error) => Err(SyntaxError {
            message: error.error.to_string(),
            offset: error.location.start().to_usize().min(text.len()),
        }),
    }
}

/// Parses one expression, on one line; the result says whether it is one, and holds it.
///
/// # Errors
///
/// When the text is anything else.
pub fn parse_expression(text: &str) -> Result<ast::Expr, SyntaxError> {
    match parse_one(text) {
        Ok(parsed) => Ok(parsed.into_expr()),
        Err(error) => Err(SyntaxError {
            message: error.error.to_string(),
            offset: error.location.start().to_usize().min(text.len()),
        }),
    }
}

impl Module {
    /// The comment tokens in order. A `#` in a string is none; a comment inside an f-string's braces is one.
    pub fn comments(&self) -> impl Iterator<Item = TextRange> + '_ {
        self.tokens
            .iter()
            .filter(|token| token.kind() == TokenKind::Comment)
            .map(Ranged::range)
    }

    /// Where the header of a compound statement or clause ends (after its colon), given where its body begins.
    ///
    /// Between the colon and the body there are only line ends, comments and indentation, so the nearest colon before
    /// the body is the header's, whatever lambdas and slices the header holds.
    pub fn header_end(&self, body: TextSize) -> TextSize {
        let before = self.tokens.before(body).iter().rev();
        let mut colons = before.filter(|token| token.kind() == TokenKind::Colon);
        colons.next().map_or(body, Ranged::end)
    }

    /// Where the keyword `def`, or `async` before it, stands: below the decorators.
    pub fn def_start(&self, def: &ast::StmtFunctionDef) -> TextSize {
        let from = def.decorator_list.last().map_or(def.start(), Ranged::end);
        self.tokens
            .after(from)
            .iter()
            .find(|token| matches!(token.kind(), TokenKind::Def | TokenKind::Async))
            .map_or(from, Ranged::start)
    }

    /// Where a `def` ends for CPython, which counts a semicolon behind its last statement.
    pub fn def_end(&self, def: &ast::StmtFunctionDef) -> TextSize {
        match self.tokens.after(def.end()).first() {
            Some(token) if token.kind() == TokenKind::Semi => token.end(),
            _ => def.end(),
        }
    }
}

/// A bound for how deep the brackets of the text nest. Those in strings count too, which the generous limit allows for.
fn nesting_bound(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
