//! The statements of a script as markers see them: which lines belong to each, and where in it calls are looked for.
//!
//! A unit is a simple statement with all its lines, or the header of a compound one with the lines of the header: the
//! body is made of units of its own. Every `elif`, `case` and `except` is a unit.

use std::ops::RangeInclusive;
use std::rc::Rc;

use crate::source::Source;
use crate::syntax::ast::{self, ExceptHandler, Expr, Stmt, StmtFunctionDef};
use crate::syntax::{Module, Ranged, TextSize};

/// A statement, or the header of one.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    /// The physical lines on which a marker belongs to this unit.
    pub lines: RangeInclusive<usize>,
    /// Where it begins in the text; for a `def`, at the keyword.
    pub start: usize,
    pub end: usize,
    pub form: Form<'a>,
    pub scope: Rc<Scope>,
}

/// What a marker can mean on a unit.
#[derive(Debug)]
pub(super) enum Form<'a> {
    /// The outermost calls of these expressions.
    Calls(Vec<&'a Expr>),
    /// The outermost calls of this right-hand side, or the whole of it when there are none.
    Value(&'a Expr),
    /// The outermost calls of an expression that stands alone; for `print(…)`, those of its arguments.
    Alone(&'a Expr),
    /// Every call of this function, which ends there in the text.
    Function(&'a StmtFunctionDef, usize),
    /// Nothing: what it is, and what to write instead.
    Refused(&'static str, &'static str),
}

/// What surrounds a statement.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// As `__qualname__` has it.
    pub name: String,
    /// Whether the statement stands directly in a class body.
    pub in_class: bool,
    in_function: bool,
}

/// All units of a script, in the order of the text.
pub(super) fn of<'a>(source: &Source, module: &'a Module) -> Vec<Unit<'a>> {
    let mut walker = Walker {
        source,
        module,
        units: Vec::new(),
    };
    walker.body(&module.body, &Rc::default());
    walker.units
}

struct Walker<'a, 's> {
    source: &'s Source,
    module: &'a Module,
    units: Vec<Unit<'a>>,
}

const NO_CALL: &str = "put the marker on a statement with a call, or on the line above it";

impl<'a> Walker<'a, '_> {
    fn body(&mut self, body: &'a [Stmt], scope: &Rc<Scope>) {
        for statement in body {
            self.statement(statement, scope);
        }
    }

    fn statement(&mut self, statement: &'a Stmt, scope: &Rc<Scope>) {
        match statement {
            Stmt::FunctionDef(def) => self.function(def, scope),
            Stmt::ClassDef(class) => self.class(class, scope),
            Stmt::For(node) => {
                self.header(statement, &node.body, Form::Calls(vec![&node.iter]), scope);
                self.body(&node.body, scope);
                self.body(&node.orelse, scope);
            }
            Stmt::While(node) => {
                self.header(statement, &node.body, Form::Calls(vec![&node.test]), scope);
                self.body(&node.body, scope);
                self.body(&node.orelse, scope);
            }
            Stmt::If(node) => {
                self.header(statement, &node.body, Form::Calls(vec![&node.test]), scope);
                self.body(&node.body, scope);
                for clause in &node.elif_else_clauses {
                    self.header(
                        clause,
                        &clause.body,
                        Form::Calls(clause.test.iter().collect()),
                        scope,
                    );
                    self.body(&clause.body, scope);
                }
            }
            Stmt::With(node) => {
                let managers = node.items.iter().map(|item| &item.context_expr).collect();
                self.header(statement, &node.body, Form::Calls(managers), scope);
                self.body(&node.body, scope);
            }
            Stmt::Match(node) => {
                if let Some(case) = node.cases.first() {
                    let end = self.module.header_end(case.start());
                    self.push(
                        statement.start(),
                        end,
                        Form::Calls(vec![&node.subject]),
                        scope,
                    );
                }
                for case in &node.cases {
                    let guards = case.guard.as_deref().into_iter().collect();
                    self.header(case, &case.body, Form::Calls(guards), scope);
                    self.body(&case.body, scope);
                }
            }
            Stmt::Try(node) => {
                let nothing = Form::Refused("a `try` has no call of its own", NO_CALL);
                self.header(statement, &node.body, nothing, scope);
                self.body(&node.body, scope);
                for handler in &node.handlers {
                    let ExceptHandler::ExceptHandler(handler) = handler;
                    let types = handler.type_.as_deref().into_iter().collect();
                    self.header(handler, &handler.body, Form::Calls(types), scope);
                    self.body(&handler.body, scope);
                }
                self.body(&node.orelse, scope);
                self.body(&node.finalbody, scope);
            }
            _ => self.push(statement.start(), statement.end(), simple(statement), scope),
        }
    }

    fn function(&mut self, def: &'a StmtFunctionDef, scope: &Rc<Scope>) {
        let start = self.module.def_start(def);
        let one_line = self.compound(
            def.start(),
            start,
            def.end(),
            &def.body,
            Form::Function(def, self.module.def_end(def).to_usize()),
            scope,
        );
        if !one_line {
            self.body(&def.body, &scope.inner(def.name.as_str(), false));
        }
    }

    fn class(&mut self, class: &'a ast::StmtClassDef, scope: &Rc<Scope>) {
        let form = Form::Refused(
            "a `class` cannot be cached",
            "mark its methods, or the call that makes the instance",
        );
        let one_line = self.compound(
            class.start(),
            class.start(),
            class.end(),
            &class.body,
            form,
            scope,
        );
        if !one_line {
            self.body(&class.body, &scope.inner(class.name.as_str(), true));
        }
    }

    /// Adds a `def` or `class`: its decorators and header, and the body too when that is on the header's line.
    fn compound(
        &mut self,
        first: TextSize,
        start: TextSize,
        end: TextSize,
        body: &'a [Stmt],
        form: Form<'a>,
        scope: &Rc<Scope>,
    ) -> bool {
        let header_end = self.header_end(body);
        let body_start = body.first().map_or(end, Ranged::start);
        let one_line = self.line(header_end) == self.line(body_start);
        let end = if one_line { end } else { header_end };
        self.push(start, end, form, scope);
        if let Some(unit) = self.units.last_mut() {
            unit.lines = self.source.line_of(first.to_usize())..=*unit.lines.end();
        }
        one_line
    }

    fn header(&mut self, node: &impl Ranged, body: &'a [Stmt], form: Form<'a>, scope: &Rc<Scope>) {
        self.push(node.start(), self.header_end(body), form, scope);
    }

    fn header_end(&self, body: &[Stmt]) -> TextSize {
        let start = body.first().map_or_else(TextSize::default, Ranged::start);
        self.module.header_end(start)
    }

    fn line(&self, offset: TextSize) -> usize {
        self.source.line_of(offset.to_usize())
    }

    fn push(&mut self, start: TextSize, end: TextSize, form: Form<'a>, scope: &Rc<Scope>) {
        self.units.push(Unit {
            lines: self.line(start)..=self.line(end),
            start: start.to_usize(),
            end: end.to_usize(),
            form,
            scope: Rc::clone(scope),
        });
    }
}

impl Scope {
    fn inner(&self, name: &str, is_class: bool) -> Rc<Self> {
        let separator = match (self.name.is_empty(), self.in_function) {
            (true, _) => "",
            (false, true) => ".<locals>.",
            (false, false) => ".",
        };
        Rc::new(Self {
            name: format!("{}{separator}{name}", self.name),
            in_class: is_class,
            in_function: !is_class,
        })
    }
}

/// What a marker means on a statement without a body.
fn simple(statement: &Stmt) -> Form<'_> {
    match statement {
        Stmt::Assign(node) => Form::Value(&node.value),
        Stmt::AugAssign(node) => Form::Value(&node.value),
        Stmt::AnnAssign(node) => node.value.as_deref().map_or(
            Form::Refused("an annotation alone has nothing to cache", NO_CALL),
            Form::Value,
        ),
        Stmt::Return(node) => node.value.as_deref().map_or(
            Form::Refused("a bare `return` has nothing to cache", NO_CALL),
            Form::Value,
        ),
        Stmt::Expr(node) => Form::Alone(&node.value),
        Stmt::Raise(node) => Form::Calls(
            [&node.exc, &node.cause]
                .into_iter()
                .filter_map(|part| part.as_deref())
                .collect(),
        ),
        Stmt::Assert(node) => {
            let mut parts = vec![&*node.test];
            parts.extend(node.msg.as_deref());
            Form::Calls(parts)
        }
        Stmt::Import(_) | Stmt::ImportFrom(_) => Form::Refused(
            "an `import` cannot be cached: it makes the module exist for the whole program",
            "mark the slow call that uses the module",
        ),
        Stmt::Delete(_) => Form::Refused("a `del` has no result to cache", NO_CALL),
        Stmt::TypeAlias(_) => Form::Refused("a `type` statement cannot be cached", NO_CALL),
        _ => Form::Refused("this statement has nothing to cache", NO_CALL),
    }
}
