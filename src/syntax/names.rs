//! Which names a script binds, by `import` and otherwise.
//!
//! A name that only imports bind stands for a module, a function or a class, which calls do not change; a built-in
//! function's name that nothing binds stands for that function. Both questions need the whole file: Python decides scopes
//! by it.

use std::collections::HashSet;

use super::ast::{
    Alias, ExceptHandler, Expr, Parameter, Pattern, Stmt, TypeParam,
    visitor::source_order::{self, SourceOrderVisitor},
};

/// The names of one script.
#[derive(Debug, Default)]
pub struct Names<'a> {
    /// Bound by an import anywhere.
    imported: HashSet<&'a str>,
    /// Bound by anything else anywhere: assignments, parameters, loops, `def`, `class`, patterns and so on.
    assigned: HashSet<&'a str>,
    /// Bound by imports at module level, in the order of their first import.
    pub module_imports: Vec<&'a str>,
    /// Whether the script imports the runtime by itself.
    pub imports_devstash: bool,
    /// How many functions and classes surround the statement being visited.
    depth: usize,
}

impl<'a> Names<'a> {
    pub fn of(body: &'a [Stmt]) -> Self {
        let mut names = Self::default();
        names.visit_body(body);
        names
    }

    /// Whether imports bind this name and nothing else in the file does.
    pub fn only_imported(&self, name: &str) -> bool {
        self.imported.contains(name) && !self.assigned.contains(name)
    }

    /// Whether the file binds this name in any way.
    pub fn bound(&self, name: &str) -> bool {
        self.imported.contains(name) || self.assigned.contains(name)
    }

    fn import(&mut self, name: &'a str) {
        self.imported.insert(name);
        if self.depth == 0 && !self.module_imports.contains(&name) {
            self.module_imports.push(name);
        }
    }

    fn import_plain(&mut self, alias: &'a Alias) {
        let module = alias.name.as_str();
        let top = module.split('.').next().unwrap_or(module);
        self.imports_devstash |= top == "devstash";
        self.import(alias.asname.as_ref().map_or(top, |name| name.as_str()));
    }
}

impl<'a> SourceOrderVisitor<'a> for Names<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.import_plain(alias);
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |name| name.as_str());
                let absolute = import.level == 0;
                self.imports_devstash |=
                    absolute && (module == "devstash" || module.starts_with("devstash."));
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    if name != "*" {
                        self.import(name);
                    }
                }
            }
            Stmt::FunctionDef(def) => {
                self.assigned.insert(def.name.as_str());
                self.nested(statement);
            }
            Stmt::ClassDef(class) => {
                self.assigned.insert(class.name.as_str());
                self.nested(statement);
            }
            _ => source_order::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr
            && !name.ctx.is_load()
        {
            self.assigned.insert(name.id.as_str());
        }
        source_order::walk_expr(self, expr);
    }

    fn visit_parameter(&mut self, parameter: &'a Parameter) {
        self.assigned.insert(parameter.name.as_str());
        source_order::walk_parameter(self, parameter);
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(node) = handler;
        self.assigned
            .extend(node.name.as_ref().map(|name| name.as_str()));
        source_order::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(node) => node.name.as_ref(),
            Pattern::MatchStar(node) => node.name.as_ref(),
            Pattern::MatchMapping(node) => node.rest.as_ref(),
            _ => None,
        };
        self.assigned.extend(name.map(|name| name.as_str()));
        source_order::walk_pattern(self, pattern);
    }

    fn visit_type_param(&mut self, parameter: &'a TypeParam) {
        self.assigned.insert(parameter.name().as_str());
        source_order::walk_type_param(self, parameter);
    }
}

impl<'a> Names<'a> {
    fn nested(&mut self, statement: &'a Stmt) {
        self.depth += 1;
        source_order::walk_stmt(self, statement);
        self.depth -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;

    #[test]
    fn names_bound_by_imports_and_otherwise_are_told_apart() {
        let module = parse(
            "import numpy as np, os.path\nfrom a import b as c\nfrom d import *\ntry:\n    import json\nexcept E as e: pass\n\
             def f(x, *y, k=(w := 1)):\n    import inner\n    np = 1\nmatch v:\n    case {'a': q, **r}: pass\n",
        )
        .expect("parses");
        let names = Names::of(&module.body);
        assert_eq!(names.module_imports, ["np", "os", "c", "json"]);
        assert!(names.only_imported("os") && names.only_imported("inner"));
        assert!(!names.only_imported("np"), "a function assigns it as well");
        for name in ["e", "f", "x", "y", "k", "w", "q", "r", "c"] {
            assert!(names.bound(name), "{name}");
        }
        assert!(!names.bound("v") && !names.bound("len") && !names.imports_devstash);
    }

    #[test]
    fn importing_the_runtime_is_seen_wherever_it_stands() {
        for (text, expected) in [
            ("import devstash", true),
            ("def f():\n    from devstash import activate", true),
            ("if x:\n    import devstash.key as k", true),
            ("import devstash_extras", false),
            ("from . import devstash", false),
            ("from .devstash import x", false),
            ("'import devstash'", false),
        ] {
            let module = parse(text).expect("parses");
            assert_eq!(Names::of(&module.body).imports_devstash, expected, "{text}");
        }
    }
}
