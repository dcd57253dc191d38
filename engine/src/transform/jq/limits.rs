//! What keeps a jq program from running for ever or out of stack.
//!
//! jaq has no hook for that, so a filter of our own is put into every definition that can call itself, into
//! every `reduce` and `foreach`, and into `range`: nothing else in jq repeats without an end.

use super::value::{self, Guarded};
use crate::transform::processor_time;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::native::{Filter, Fun, bome};
use jaq_core::path::{Part, Path};
use jaq_core::{Cv, Error, Exn, Native, RunPtr};
use jaq_json::Val;
use std::cell::Cell;
use std::time::Duration;

/// What a program may use for one document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Of the processor.
    pub(crate) time: Duration,
    /// Turns of loops and calls of definitions. Each may make a list one longer that is freed by recursion.
    pub(crate) steps: u32,
    /// In bytes.
    pub(crate) stack: usize,
}

impl Budget {
    /// What fits on any thread: all that most programs need.
    pub(crate) const SMALL: Self = Self { time: Duration::from_secs(1), steps: 2000, stack: 512 << 10 };
    /// What a thread of its own allows.
    pub(crate) const LARGE: Self = Self { time: Duration::from_secs(1), steps: 250_000, stack: 128 << 20 };
    /// The stack of that thread; only what is used of it takes memory.
    pub(crate) const LARGE_THREAD: usize = 512 << 20;
}

/// A limit that a program reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Time,
    Steps,
    Stack,
    Nesting,
}

impl Limit {
    /// In words.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Time => "the program takes too long",
            Self::Steps => "the program takes too many steps",
            Self::Stack => "the program calls itself too deeply",
            Self::Nesting => "the program builds a value or path that is nested too deeply",
        }
    }
}

/// How deep a value that a loop builds may be nested.
const NESTING_LIMIT: usize = 1000;
/// How many steps lie between two looks at the clock.
const STEPS_A_LOOK: u32 = 16;

/// The name of the filter that is put in; no program can write it.
const TICK: &str = "!tick";

/// Watches over one run of a program.
#[derive(Debug)]
pub(crate) struct Guard {
    budget: Budget,
    deadline: Duration,
    stack: usize,
    steps: Cell<u32>,
    /// The limit that was reached: final, even where the program catches what follows from it.
    reached: Cell<Option<Limit>>,
}

impl Guard {
    pub(crate) fn new(budget: Budget) -> Self {
        let deadline = processor_time() + budget.time;
        Self { budget, deadline, stack: stack_position(), steps: Cell::new(0), reached: Cell::new(None) }
    }

    /// The limit that was reached, if any.
    pub(crate) fn reached(&self) -> Option<Limit> {
        self.reached.get()
    }

    /// Whether the program may go on with this value, and a path of this many parts.
    fn check(&self, value: &Val, path: usize) -> bool {
        if self.reached.get().is_some() {
            return false;
        }
        let steps = self.steps.get().saturating_add(1);
        self.steps.set(steps);
        let limit = if self.stack.abs_diff(stack_position()) > self.budget.stack {
            Limit::Stack
        } else if steps > self.budget.steps {
            Limit::Steps
        } else if steps.is_multiple_of(STEPS_A_LOOK) && processor_time() > self.deadline {
            Limit::Time
        } else if path > NESTING_LIMIT || is_nested_too_deeply(value) {
            Limit::Nesting
        } else {
            return true;
        };
        self.reached.set(Some(limit));
        false
    }
}

/// About where the stack is now.
fn stack_position() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// Looks at first and at last elements: enough for what a loop wraps again and again.
fn is_nested_too_deeply(value: &Val) -> bool {
    let is_deep = |inner: fn(&Val) -> Option<&Val>| {
        std::iter::successors(Some(value), |value| inner(value)).nth(NESTING_LIMIT).is_some()
    };
    is_deep(first) || is_deep(last)
}

fn first(value: &Val) -> Option<&Val> {
    match value {
        Val::Arr(elements) => elements.first(),
        Val::Obj(members) => members.first().map(|(_, value)| value),
        _ => None,
    }
}

fn last(value: &Val) -> Option<&Val> {
    match value {
        Val::Arr(elements) => elements.last(),
        Val::Obj(members) => members.last().map(|(_, value)| value),
        _ => None,
    }
}

/// Ends a run. Unlike an error it cannot be caught by the program.
fn stop<'a>() -> Exn<'a, Val> {
    Exn::halt(1)
}

/// The filters of jaq without those that look outside (environment, clock, log), and with guarded ones.
pub(crate) fn functions() -> impl Iterator<Item = Fun<Guarded>> {
    const REPLACED: [&str; 8] =
        ["range", "fromjson", "env", "now", "halt", "localtime", "strflocaltime", "debug_empty"];
    let of_jaq = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let kept = of_jaq.filter(|(name, _, _)| !REPLACED.contains(name) && *name != "stderr_empty");
    let own: [Filter<RunPtr<Guarded>>; 2] = [
        ("range", jaq_core::native::v(3), |cv| range(cv)),
        ("fromjson", jaq_core::native::v(0), |cv| bome(from_json(&cv.1))),
    ];
    kept.chain(own.map(|filter| jaq_core::native::run::<Guarded>(filter))).chain([tick()])
}

/// The definitions of jaq without those that look outside.
pub(crate) fn definitions<'s>() -> impl Iterator<Item = Def<&'s str>> {
    const REMOVED: [&str; 4] = ["debug", "stderr", "halt", "halt_error"];
    let of_jaq = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let kept = of_jaq.filter(|def| !REMOVED.contains(&def.name));
    kept.map(|def| Def { name: def.name, args: def.args, body: guarded(def.body) })
}

fn tick() -> Fun<Guarded> {
    let filter = Native::<Guarded>::new(|cv| match cv.0.data().guard.check(&cv.1, 0) {
        true => Box::new(std::iter::once(Ok(cv.1))),
        false => Box::new(std::iter::once(Err(stop()))),
    })
    .with_paths(|cv| match cv.0.data().guard.check(&cv.1.0, cv.1.1.iter().take(NESTING_LIMIT + 1).count()) {
        true => Box::new(std::iter::once(Ok(cv.1))),
        false => Box::new(std::iter::once(Err(stop()))),
    })
    .with_update(|cv, update| match cv.0.data().guard.check(&cv.1, 0) {
        true => update(cv.1),
        false => Box::new(std::iter::once(Err(stop()))),
    });
    (TICK, Box::new([]), filter)
}

fn range<'a>(mut cv: Cv<'a, Guarded>) -> jaq_core::ValXs<'a, Val> {
    let (by, to, from) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
    let guard = cv.0.data().guard;
    let zero = Val::from(0_isize);
    let mut next = Some(Ok(from));
    Box::new(std::iter::from_fn(move || {
        let value = match next.take()? {
            Ok(value) => value,
            Err(error) => return Some(Err(error)),
        };
        let is_within = match by.cmp(&zero) {
            std::cmp::Ordering::Greater => value < to,
            std::cmp::Ordering::Less => value > to,
            std::cmp::Ordering::Equal => value != to,
        };
        if !is_within {
            return None;
        }
        if !guard.check(&value, 0) {
            return Some(Err(stop()));
        }
        next = Some((value.clone() + by.clone()).map_err(Exn::from));
        Some(Ok(value))
    }))
}

/// Reads JSON as carefully as a document: a text out of a document may be nested as deeply as it likes.
fn from_json(text: &Val) -> Result<Val, Error<Val>> {
    let Val::TStr(bytes) = text else { return Err(Error::typ(text.clone(), "string")) };
    value::from_json(bytes, value::Duplicates::KeepLast).map_err(Error::str)
}

fn guarded_box(term: Term<&str>) -> Box<Term<&str>> {
    Box::new(guarded(term))
}

fn pipe<'s>(left: Term<&'s str>, right: Term<&'s str>) -> Term<&'s str> {
    Term::BinOp(Box::new(left), BinaryOp::Pipe(None), Box::new(right))
}

/// A definition whose first act is to look at the limits.
pub(crate) fn guarded_definition(def: Def<&str>) -> Def<&str> {
    let body = pipe(Term::Call(TICK, Vec::new()), guarded(def.body));
    Def { body, ..def }
}

/// The term with limits in all its local definitions and loops.
pub(crate) fn guarded(term: Term<&str>) -> Term<&str> {
    let all = |terms: Vec<Term<_>>| terms.into_iter().map(guarded).collect();
    match term {
        Term::Str(format, parts) => Term::Str(format, parts.into_iter().map(guarded_part).collect()),
        Term::Arr(term) => Term::Arr(term.map(|term| guarded_box(*term))),
        Term::Obj(members) => {
            let member = |(key, value): (Term<_>, Option<Term<_>>)| (guarded(key), value.map(guarded));
            Term::Obj(members.into_iter().map(member).collect())
        }
        Term::Neg(term) => Term::Neg(guarded_box(*term)),
        Term::BinOp(left, operation, right) => {
            let operation = match operation {
                BinaryOp::Pipe(Some(pattern)) => BinaryOp::Pipe(Some(guarded_pattern(pattern))),
                other => other,
            };
            Term::BinOp(guarded_box(*left), operation, guarded_box(*right))
        }
        Term::Label(name, term) => Term::Label(name, guarded_box(*term)),
        Term::Fold(name, values, pattern, terms) => {
            Term::Fold(name, guarded_box(*values), guarded_pattern(pattern), guarded_loop(terms))
        }
        Term::TryCatch(term, catch) => {
            Term::TryCatch(guarded_box(*term), catch.map(|term| guarded_box(*term)))
        }
        Term::IfThenElse(branches, otherwise) => {
            let branch = |(condition, then): (Term<_>, Term<_>)| (guarded(condition), guarded(then));
            Term::IfThenElse(
                branches.into_iter().map(branch).collect(),
                otherwise.map(|term| guarded_box(*term)),
            )
        }
        Term::Def(defs, term) => {
            Term::Def(defs.into_iter().map(guarded_definition).collect(), guarded_box(*term))
        }
        Term::Call(name, arguments) => Term::Call(name, all(arguments)),
        Term::Path(term, path) => Term::Path(guarded_box(*term), guarded_path(path)),
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => term,
    }
}

/// Of the terms of a `reduce` or `foreach`, the second one is what is repeated.
fn guarded_loop<'s>(terms: Vec<Term<&'s str>>) -> Vec<Term<&'s str>> {
    let term = |(position, term): (usize, Term<&'s str>)| match position {
        1 => pipe(guarded(term), Term::Call(TICK, Vec::new())),
        _ => guarded(term),
    };
    terms.into_iter().enumerate().map(term).collect()
}

fn guarded_part<'s>(part: StrPart<&'s str, Term<&'s str>>) -> StrPart<&'s str, Term<&'s str>> {
    match part {
        StrPart::Term(term) => StrPart::Term(guarded(term)),
        other => other,
    }
}

fn guarded_pattern(pattern: Pattern<&str>) -> Pattern<&str> {
    match pattern {
        Pattern::Arr(patterns) => Pattern::Arr(patterns.into_iter().map(guarded_pattern).collect()),
        Pattern::Obj(members) => {
            let member = |(key, pattern)| (guarded(key), guarded_pattern(pattern));
            Pattern::Obj(members.into_iter().map(member).collect())
        }
        Pattern::Var(name) => Pattern::Var(name),
    }
}

fn guarded_path(path: Path<Term<&str>>) -> Path<Term<&str>> {
    let part = |part| match part {
        Part::Index(term) => Part::Index(guarded(term)),
        Part::Range(from, to) => Part::Range(from.map(guarded), to.map(guarded)),
    };
    Path(path.0.into_iter().map(|(inner, optional)| (part(inner), optional)).collect())
}
