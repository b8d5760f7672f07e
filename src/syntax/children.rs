//! The expressions directly inside an expression, in the order of the fields of CPython's `ast`.
//!
//! That order is a promise to the Python side: where positions cannot name a node (inside f-strings before Python 3.12),
//! it is found by counting, and both sides must count alike. It is not the order of the text: a dict has all its keys
//! before all its values, a conditional expression its test first.

use super::ast::{
    self, Comprehension, Expr, InterpolatedStringElement, InterpolatedStringElements, Parameters,
    visitor::source_order::{self, SourceOrderVisitor},
};

/// The expressions that are children of `expr`, counting those in f-string elements, comprehensions and parameters'
/// defaults as its own.
pub fn children(expr: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    match expr {
        Expr::BoolOp(node) => found.extend(&node.values),
        Expr::Named(node) => found.extend([&*node.target, &*node.value]),
        Expr::BinOp(node) => found.extend([&*node.left, &*node.right]),
        Expr::UnaryOp(node) => found.push(&*node.operand),
        Expr::Lambda(node) => {
            if let Some(parameters) = &node.parameters {
                found.extend(defaults(parameters));
            }
            found.push(&*node.body);
        }
        Expr::If(node) => found.extend([&*node.test, &*node.body, &*node.orelse]),
        Expr::Dict(node) => {
            found.extend(node.items.iter().filter_map(|item| item.key.as_ref()));
            found.extend(node.items.iter().map(|item| &item.value));
        }
        Expr::Set(node) => found.extend(&node.elts),
        Expr::ListComp(node) => comprehension(&mut found, [&*node.elt], &node.generators),
        Expr::SetComp(node) => comprehension(&mut found, [&*node.elt], &node.generators),
        Expr::DictComp(node) => {
            comprehension(&mut found, [&*node.key, &*node.value], &node.generators);
        }
        Expr::Generator(node) => comprehension(&mut found, [&*node.elt], &node.generators),
        Expr::Await(node) => found.push(&*node.value),
        Expr::Yield(node) => found.extend(node.value.as_deref()),
        Expr::YieldFrom(node) => found.push(&*node.value),
        Expr::Compare(node) => {
            found.push(&*node.left);
            found.extend(&node.comparators);
        }
        Expr::Call(node) => {
            found.push(&*node.func);
            found.extend(&node.arguments.args);
            found.extend(node.arguments.keywords.iter().map(|keyword| &keyword.value));
        }
        Expr::FString(node) => {
            for string in node.value.f_strings() {
                interpolated(&mut found, &string.elements);
            }
        }
        Expr::TString(node) => {
            for string in &node.value {
                interpolated(&mut found, &string.elements);
            }
        }
        Expr::Attribute(node) => found.push(&*node.value),
        Expr::Subscript(node) => found.extend([&*node.value, &*node.slice]),
        Expr::Starred(node) => found.push(&*node.value),
        Expr::List(node) => found.extend(&node.elts),
        Expr::Tuple(node) => found.extend(&node.elts),
        Expr::Slice(node) => {
            found.extend(
                [&node.lower, &node.upper, &node.step]
                    .into_iter()
                    .filter_map(|part| part.as_deref()),
            );
        }
        Expr::StringLiteral(_)
        | Expr::BytesLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::BooleanLiteral(_)
        | Expr::NoneLiteral(_)
        | Expr::EllipsisLiteral(_)
        | Expr::Name(_)
        | Expr::IpyEscapeCommand(_) => {}
    }
    found
}

/// Whether `test` holds for `expr` or for anything inside it.
pub fn contains(expr: &Expr, test: &dyn Fn(&Expr) -> bool) -> bool {
    test(expr)
        || children(expr)
            .into_iter()
            .any(|child| contains(child, test))
}

/// The default values of parameters, those of keyword-only ones first, as CPython keeps them.
pub(super) fn defaults(parameters: &Parameters) -> impl Iterator<Item = &Expr> {
    let positional = parameters.posonlyargs.iter().chain(&parameters.args);
    let ordered = parameters.kwonlyargs.iter().chain(positional);
    ordered.filter_map(|parameter| parameter.default.as_deref())
}

fn comprehension<'a, const N: usize>(
    found: &mut Vec<&'a Expr>,
    elements: [&'a Expr; N],
    generators: &'a [Comprehension],
) {
    found.extend(elements);
    for generator in generators {
        found.extend([&generator.target, &generator.iter]);
        found.extend(&generator.ifs);
    }
}

fn interpolated<'a>(found: &mut Vec<&'a Expr>, elements: &'a InterpolatedStringElements) {
    for element in elements {
        if let InterpolatedStringElement::Interpolation(element) = element {
            found.push(&*element.expression);
            if let Some(format) = &element.format_spec {
                interpolated(found, &format.elements);
            }
        }
    }
}

/// Whether a `yield` belongs to this body itself, which makes its `def` a generator.
pub fn holds_yield(body: &[ast::Stmt]) -> bool {
    let mut finder = YieldFinder { found: false };
    finder.visit_body(body);
    finder.found
}

struct YieldFinder {
    found: bool,
}

impl<'a> SourceOrderVisitor<'a> for YieldFinder {
    fn visit_stmt(&mut self, statement: &'a ast::Stmt) {
        match statement {
            // What an inner scope yields is its own, except in what the outer scope evaluates to make it.
            ast::Stmt::FunctionDef(def) => {
                def.decorator_list
                    .iter()
                    .for_each(|decorator| self.visit_decorator(decorator));
                defaults(&def.parameters).for_each(|default| self.visit_expr(default));
            }
            ast::Stmt::ClassDef(class) => {
                class
                    .decorator_list
                    .iter()
                    .for_each(|decorator| self.visit_decorator(decorator));
                if let Some(arguments) = &class.arguments {
                    self.visit_arguments(arguments);
                }
            }
            _ => source_order::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Yield(_) | Expr::YieldFrom(_) => self.found = true,
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    defaults(parameters).for_each(|default| self.visit_expr(default));
                }
            }
            _ => source_order::walk_expr(self, expr),
        }
    }
}
