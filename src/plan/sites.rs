//! Finds the sites of the statements that one marker belongs to.
//!
//! A site is an outermost call, with the whole chain it belongs to. Comprehensions and lambdas are looked into, so that
//! their calls are kept one by one; where there is no call at all, a right-hand side is a site as a whole.

use std::ops::Range;

use super::attach::Attached;
use super::chain::{Chain, Part};
use super::units::{Form, Unit};
use super::{Kind, callee, expression, range};
use crate::marker::{Fault, Marker};
use crate::syntax::ast::{Comprehension, Expr, ExprCall, ExprLambda};
use crate::syntax::{Names, Ranged, children, contains, holds_yield};

/// A site before it has a position in lines.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// The outermost f-string around it, the number of its last call there, and the levels above that call.
    pub fstring: Option<(Range<usize>, usize, usize)>,
    pub names: Vec<String>,
    pub generator: bool,
}

/// Why a statement has no site, and what to write instead.
type Refusal = (String, String);

/// The sites of a marker: at least one, or the reason why there is none.
///
/// On a line of several statements it is enough that one of them has a site.
pub(super) fn find<'u, 'a>(
    attached: &'u Attached<'a>,
    names: &Names<'_>,
) -> Result<Vec<(&'u Unit<'a>, Found)>, Vec<Fault>> {
    let mut found = Vec::new();
    let mut faults = Vec::new();
    let mut reason = None;
    for unit in &attached.units {
        let mut finder = Finder {
            names,
            found: Vec::new(),
            faults: Vec::new(),
            fstring: None,
        };
        if let Err(refusal) = finder.unit(unit) {
            reason.get_or_insert(refusal);
        }
        found.extend(finder.found.into_iter().map(|site| (&**unit, site)));
        faults.extend(finder.faults);
    }
    if found.is_empty() && faults.is_empty() {
        let Marker { start, end, .. } = attached.marker;
        let (message, hint) = reason.unwrap_or_else(|| no_call("this statement"));
        faults.push(Fault::new(start, end, message, hint));
    }
    if faults.is_empty() {
        Ok(found)
    } else {
        Err(faults)
    }
}

fn no_call(what: &str) -> Refusal {
    (
        format!("there is no call to cache in {what}"),
        "mark the statement with the slow call, or assign the expression to a name and mark that"
            .to_owned(),
    )
}

fn refusal((message, hint): (&str, &str)) -> Refusal {
    (message.to_owned(), hint.to_owned())
}

struct Finder<'a, 'n> {
    names: &'n Names<'n>,
    found: Vec<Found>,
    faults: Vec<Fault>,
    /// The outermost f-string around the current place.
    fstring: Option<&'a Expr>,
}

impl<'a> Finder<'a, '_> {
    /// Finds what a marker on this unit means; an error when that is nothing.
    fn unit(&mut self, unit: &Unit<'a>) -> Result<(), Refusal> {
        match &unit.form {
            Form::Refused(message, hint) => return Err(refusal((message, hint))),
            Form::Function(def, end) => {
                self.found.push(Found {
                    kind: Kind::Function,
                    start: unit.start,
                    end: *end,
                    fstring: None,
                    names: Vec::new(),
                    generator: holds_yield(&def.body),
                });
            }
            Form::Calls(expressions) => {
                expressions.iter().for_each(|expr| self.expr(expr));
                if self.nothing_yet() {
                    return Err(no_call("the marked line"));
                }
            }
            Form::Alone(expr) => self.alone(expr)?,
            Form::Value(expr) => self.value(expr, unit.scope.in_class)?,
        }
        Ok(())
    }

    fn nothing_yet(&self) -> bool {
        self.found.is_empty() && self.faults.is_empty()
    }

    fn alone(&mut self, expr: &'a Expr) -> Result<(), Refusal> {
        self.expr(expr);
        if !self.nothing_yet() {
            return Ok(());
        }
        refuse_shown(expr)?;
        // An `await` or a constant is told what it would be told on a right-hand side.
        expression::names(expr, false).map_err(refusal)?;
        Err((
            "the value of this expression goes nowhere".to_owned(),
            "assign it to a name, and mark that line".to_owned(),
        ))
    }

    fn value(&mut self, expr: &'a Expr, in_class: bool) -> Result<(), Refusal> {
        self.expr(expr);
        if !self.nothing_yet() {
            return Ok(());
        }
        refuse_shown(expr)?;
        if contains(expr, &|expr| matches!(expr, Expr::Call(_))) {
            return Err(refusal((
                "`super()` alone is not cached",
                "mark the line that calls its method: `super().method(…)`",
            )));
        }
        let names = expression::names(expr, in_class).map_err(refusal)?;
        let whole = range(expr.range());
        self.found.push(Found {
            kind: Kind::Expression,
            start: whole.start,
            end: whole.end,
            fstring: None,
            names,
            generator: false,
        });
        Ok(())
    }

    /// Adds the outermost calls of an expression.
    fn expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::ListComp(node) => self.comprehension(&[&node.elt], &node.generators),
            Expr::SetComp(node) => self.comprehension(&[&node.elt], &node.generators),
            Expr::Generator(node) => self.comprehension(&[&node.elt], &node.generators),
            Expr::DictComp(node) => self.comprehension(&[&node.key, &node.value], &node.generators),
            Expr::Lambda(node) => self.lambda(expr, node),
            Expr::FString(_) => {
                let outer = self.fstring;
                self.fstring = outer.or(Some(expr));
                self.children(expr);
                self.fstring = outer;
            }
            // What is called for its effect on the terminal always runs, wherever it stands.
            Expr::Call(call) if callee::shows(call).is_some() => self.arguments(call),
            _ => match Chain::of(expr) {
                Some(chain) => self.chain(&chain.part(self.names)),
                None => self.children(expr),
            },
        }
    }

    fn children(&mut self, expr: &'a Expr) {
        children(expr)
            .into_iter()
            .for_each(|child| self.expr(child));
    }

    fn arguments(&mut self, call: &'a ExprCall) {
        call.arguments
            .args
            .iter()
            .for_each(|argument| self.expr(argument));
        call.arguments
            .keywords
            .iter()
            .for_each(|keyword| self.expr(&keyword.value));
    }

    /// The calls that run once for each element; without any, those that make what is looped over.
    fn comprehension(&mut self, elements: &[&'a Expr], generators: &'a [Comprehension]) {
        let before = self.count();
        elements.iter().for_each(|element| self.expr(element));
        for generator in generators {
            generator
                .ifs
                .iter()
                .for_each(|condition| self.expr(condition));
        }
        if self.count() == before {
            generators
                .iter()
                .for_each(|generator| self.expr(&generator.iter));
        }
    }

    fn lambda(&mut self, expr: &'a Expr, lambda: &'a ExprLambda) {
        let before = self.count();
        self.expr(&lambda.body);
        if self.count() == before {
            self.children(expr);
        }
    }

    fn count(&self) -> usize {
        self.found.len() + self.faults.len()
    }

    fn chain(&mut self, part: &Part<'a>) {
        for call in &part.calls {
            if let Some((name, hint)) = callee::never_cached(call, self.names) {
                let place = range(call.func.range());
                self.faults.push(Fault::new(
                    place.start,
                    place.end,
                    format!("`{name}` cannot be cached"),
                    hint,
                ));
                return;
            }
        }
        if self.generators(part) {
            return;
        }
        let place = range(part.node.range());
        let last = part.calls[part.calls.len() - 1];
        let fstring = self.fstring.map(|string| {
            let index = number(string, last).unwrap_or(0);
            (range(string.range()), index, part.above)
        });
        self.found.push(Found {
            kind: Kind::Call,
            start: place.start,
            end: place.end,
            fstring,
            names: Vec::new(),
            generator: false,
        });
    }

    /// For `sum(f(x) for x in xs)`, adds `f(x)`: a generator is new every time, so a call that gets one as an argument
    /// can never be found again, but the calls that the generator makes can.
    fn generators(&mut self, part: &Part<'a>) -> bool {
        let before = self.count();
        for call in &part.calls {
            for argument in &call.arguments.args {
                let argument = argument
                    .as_starred_expr()
                    .map_or(argument, |starred| &starred.value);
                if let Expr::Generator(node) = argument {
                    self.comprehension(&[&node.elt], &node.generators);
                }
            }
        }
        self.count() > before
    }
}

/// The number of `call` among all calls in `within`, a call before what it contains.
fn number(within: &Expr, call: &ExprCall) -> Option<usize> {
    fn go(expr: &Expr, call: &ExprCall, count: &mut usize) -> bool {
        if let Expr::Call(node) = expr {
            if std::ptr::eq(node, call) {
                return true;
            }
            *count += 1;
        }
        children(expr)
            .into_iter()
            .any(|child| go(child, call, count))
    }
    let mut count = 0;
    go(within, call, &mut count).then_some(count)
}

/// A refusal where `expr` holds a call that always runs, and nothing else to cache.
fn refuse_shown(expr: &Expr) -> Result<(), Refusal> {
    match first_shown(expr) {
        Some(name) => Err((
            format!("`{name}` always runs, and nothing in its arguments is a call to cache"),
            "assign the slow value to a name, and mark that line".to_owned(),
        )),
        None => Ok(()),
    }
}

fn first_shown(expr: &Expr) -> Option<String> {
    if let Expr::Call(call) = expr
        && let Some(name) = callee::shows(call)
    {
        return Some(name);
    }
    children(expr).into_iter().find_map(first_shown)
}
