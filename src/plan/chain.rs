//! Chains: `requests.get(u).json()["items"]` seen as a root and links, and how much of one is a site.
//!
//! A chain of several calls is one site, and on a hit none of its links is executed. The arguments of all links are
//! evaluated first, so the chain is cut where that could make a difference: before a link whose arguments look into
//! something that an earlier link may have changed.

use std::collections::HashSet;

use super::callee;
use crate::syntax::ast::{Expr, ExprCall};
use crate::syntax::{self, Names, children};

/// A call with what hangs on it, up to the outermost link.
pub(super) struct Chain<'a> {
    /// What the first link is applied to; it is evaluated in every run.
    root: &'a Expr,
    /// Calls, attributes, subscripts and awaits, the innermost first.
    links: Vec<&'a Expr>,
}

/// The part of a chain that is a site.
pub(super) struct Part<'a> {
    pub node: &'a Expr,
    /// Its calls, the innermost first; never empty.
    pub calls: Vec<&'a ExprCall>,
    /// How many links stand above the last call.
    pub above: usize,
}

impl<'a> Chain<'a> {
    /// `None` when no call is on the way from `expr` to its root.
    pub fn of(expr: &'a Expr) -> Option<Self> {
        let mut links = Vec::new();
        let mut node = expr;
        loop {
            let inner = match node {
                // `super()` only means something where it stands, so it is a root and no link.
                Expr::Call(call) if !callee::is_super(call) => &call.func,
                Expr::Attribute(attribute) => &attribute.value,
                Expr::Subscript(subscript) => &subscript.value,
                Expr::Await(awaited) => &awaited.value,
                _ => break,
            };
            links.push(node);
            node = inner;
        }
        links.reverse();
        let chain = Self { root: node, links };
        chain
            .links
            .iter()
            .any(|link| link.is_call_expr())
            .then_some(chain)
    }

    /// The longest part that can be taken as one.
    pub fn part(&self, names: &Names<'_>) -> Part<'a> {
        let mut links = &self.links[..self.cut(names)];
        let is_call = |link: &&Expr| link.is_call_expr();
        let calls: Vec<_> = links
            .iter()
            .filter_map(|link| link.as_call_expr())
            .collect();
        let last = links.iter().rposition(is_call).unwrap_or(0);
        if calls.len() == 1 {
            // What hangs on a single call is cheap and stays outside, but a coroutine is of no use before it is awaited.
            let awaited = links.get(last + 1).is_some_and(|link| link.is_await_expr());
            links = &links[..=last + usize::from(awaited)];
        }
        Part {
            node: links[links.len() - 1],
            calls,
            above: links.len() - 1 - last,
        }
    }

    /// How many links come before the first one that must not be evaluated early.
    fn cut(&self, names: &Names<'_>) -> usize {
        let mut earlier = HashSet::new();
        all_names(self.root, &mut earlier);
        let mut called = false;
        for (index, link) in self.links.iter().enumerate() {
            let arguments: Vec<&Expr> = match link {
                Expr::Call(call) => syntax::children(link)
                    .into_iter()
                    .filter(|&child| !std::ptr::eq(child, &*call.func))
                    .collect(),
                Expr::Subscript(subscript) => vec![&*subscript.slice],
                _ => Vec::new(),
            };
            if called
                && arguments
                    .iter()
                    .any(|argument| must_wait(argument, &earlier, names))
            {
                // A call takes the attribute along that it calls: a bound method is no result.
                let method = link.is_call_expr() && self.links[index - 1].is_attribute_expr();
                return index - usize::from(method);
            }
            called |= link.is_call_expr();
            for argument in arguments {
                all_names(argument, &mut earlier);
            }
        }
        self.links.len()
    }
}

/// Whether evaluating this argument before the earlier links could give another value, or change theirs.
fn must_wait(argument: &Expr, earlier: &HashSet<&str>, names: &Names<'_>) -> bool {
    let acts = |expr: &Expr| {
        matches!(
            expr,
            Expr::Await(_) | Expr::Yield(_) | Expr::YieldFrom(_) | Expr::Named(_)
        )
    };
    syntax::contains(argument, &acts) || looks_into(argument, earlier, names)
}

/// Whether the expression does more with one of these names than to hand on the object it stands for.
fn looks_into(expr: &Expr, earlier: &HashSet<&str>, names: &Names<'_>) -> bool {
    match expr {
        Expr::Name(_) => false,
        Expr::Tuple(_) | Expr::List(_) | Expr::Dict(_) => children(expr)
            .into_iter()
            .any(|child| looks_into(child, earlier, names)),
        // The body of a lambda runs when it is called, however early the function is made.
        Expr::Lambda(lambda) => children(expr)
            .into_iter()
            .filter(|&child| !std::ptr::eq(child, &*lambda.body))
            .any(|child| looks_into(child, earlier, names)),
        _ => {
            let mut read = HashSet::new();
            all_names(expr, &mut read);
            read.into_iter().any(|name| {
                earlier.contains(name)
                    && !names.only_imported(name)
                    && !callee::is_builtin(name, names)
            })
        }
    }
}

fn all_names<'a>(expr: &'a Expr, names: &mut HashSet<&'a str>) {
    if let Expr::Name(name) = expr {
        names.insert(name.id.as_str());
    }
    for child in children(expr) {
        all_names(child, names);
    }
}
