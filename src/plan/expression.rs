//! Expressions without a call: whether one can be cached as a whole, and which names it reads.

use crate::syntax::ast::{Comprehension, Expr};
use crate::syntax::{children, contains};

/// The names that the expression reads from outside, in the order it first reads them; or why it cannot be cached, and
/// what to write instead.
pub(super) fn names(
    expr: &Expr,
    in_class: bool,
) -> Result<Vec<String>, (&'static str, &'static str)> {
    if contains(expr, &|expr| matches!(expr, Expr::Await(_))) {
        return Err((
            "an `await` needs a call to cache",
            "write the call on the marked line, `await f(…)`, so that its arguments can be part of the key",
        ));
    }
    if contains(expr, &|expr| {
        matches!(expr, Expr::Yield(_) | Expr::YieldFrom(_))
    }) {
        return Err((
            "an expression with `yield` cannot be cached",
            "assign what `yield` gives on a line of its own, and mark the line that computes with it",
        ));
    }
    if contains(expr, &|expr| matches!(expr, Expr::Named(_))) {
        return Err((
            "an expression with `:=` cannot be cached",
            "assign the name on a line of its own, and mark the line that computes with it",
        ));
    }
    if matches!(expr, Expr::Lambda(_)) {
        return Err((
            "making a function is not worth caching",
            "to cache its calls, write it as a `def` and mark that",
        ));
    }
    if is_at_hand(expr) {
        return Err((
            "there is nothing to cache: this value is at hand",
            "mark the line that computes it",
        ));
    }
    let mut reads = Reads::default();
    reads.expr(expr);
    if in_class && reads.inside {
        return Err((
            "a comprehension in a class body cannot be cached: it does not see the names of the class",
            "compute it in a function, and mark its call",
        ));
    }
    Ok(reads.names)
}

/// Whether evaluating the expression only picks or collects objects that exist.
///
/// Such an expression is as fast as a lookup, and its parts are the very objects that other names stand for, which a
/// copy from a file would not be.
fn is_at_hand(expr: &Expr) -> bool {
    match expr {
        Expr::Name(_) => true,
        Expr::UnaryOp(node) => node.operand.is_literal_expr(),
        Expr::Tuple(_)
        | Expr::List(_)
        | Expr::Set(_)
        | Expr::Dict(_)
        | Expr::Starred(_)
        | Expr::BoolOp(_)
        | Expr::If(_) => children(expr).into_iter().all(is_at_hand),
        _ => expr.is_literal_expr(),
    }
}

/// Collects free names, by Python's scopes.
#[derive(Default)]
struct Reads<'a> {
    names: Vec<String>,
    /// Names that comprehensions and lambdas around the current place bind.
    bound: Vec<&'a str>,
    /// How many comprehensions and lambdas surround the current place.
    depth: usize,
    /// Whether one of them reads a name from outside.
    inside: bool,
}

impl<'a> Reads<'a> {
    fn expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => self.name(name.id.as_str()),
            Expr::ListComp(node) => self.comprehension(&node.generators, &[&node.elt]),
            Expr::SetComp(node) => self.comprehension(&node.generators, &[&node.elt]),
            Expr::Generator(node) => self.comprehension(&node.generators, &[&node.elt]),
            Expr::DictComp(node) => self.comprehension(&node.generators, &[&node.key, &node.value]),
            Expr::Lambda(node) => {
                let inner = children(expr);
                // The last child is the body; defaults are evaluated outside.
                for default in &inner[..inner.len() - 1] {
                    self.expr(default);
                }
                let parameters = node
                    .parameters
                    .iter()
                    .flat_map(|parameters| parameters.iter());
                let names: Vec<&str> = parameters
                    .map(|parameter| parameter.name().as_str())
                    .collect();
                self.inner(|reads| {
                    reads.bound.extend(names);
                    reads.expr(&node.body);
                });
            }
            _ => children(expr)
                .into_iter()
                .for_each(|child| self.expr(child)),
        }
    }

    /// The first iterable is evaluated outside; targets are bound before anything else is read.
    fn comprehension(&mut self, generators: &'a [Comprehension], elements: &[&'a Expr]) {
        if let Some(first) = generators.first() {
            self.expr(&first.iter);
        }
        self.inner(|reads| {
            for generator in generators {
                targets(&generator.target, &mut reads.bound);
            }
            for (index, generator) in generators.iter().enumerate() {
                // A target may be `a[i]`, which reads `a` and `i`.
                reads.expr(&generator.target);
                if index > 0 {
                    reads.expr(&generator.iter);
                }
                generator
                    .ifs
                    .iter()
                    .for_each(|condition| reads.expr(condition));
            }
            elements.iter().for_each(|element| reads.expr(element));
        });
    }

    fn inner(&mut self, work: impl FnOnce(&mut Self)) {
        let outer = self.bound.len();
        self.depth += 1;
        work(self);
        self.depth -= 1;
        self.bound.truncate(outer);
    }

    fn name(&mut self, name: &str) {
        if self.bound.contains(&name) {
            return;
        }
        self.inside |= self.depth > 0;
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }
}

fn targets<'a>(target: &'a Expr, bound: &mut Vec<&'a str>) {
    match target {
        Expr::Name(name) => bound.push(name.id.as_str()),
        Expr::Tuple(_) | Expr::List(_) | Expr::Starred(_) => {
            children(target)
                .into_iter()
                .for_each(|child| targets(child, bound));
        }
        _ => {}
    }
}
