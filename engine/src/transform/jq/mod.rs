//! Programs in jq, run by jaq.

mod limits;
mod reach;
mod value;

#[cfg(test)]
mod tests;

use jaq_core::load::lex::Lexer;
use jaq_core::load::parse::{Def, Parser, Term};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars};
use jaq_json::Val;
use limits::{Budget, Guard, Limit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use value::{Duplicates, Guarded, Run};

/// The definition that a program becomes, so that limits can be put in; also what is run.
const PROGRAM: &str = "ferry_program";
/// How deep the brackets of a program may be nested.
const MAX_BRACKETS: usize = 100;
/// How large a document may be for a program: in memory it takes many times as much.
const MAX_DOCUMENT: usize = 100 << 20;

/// A compiled program.
pub(crate) struct Program {
    filter: jaq_core::Filter<Guarded>,
    subject: Subject,
    looks_at_payload: bool,
}

/// What a program runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// `_source` of a document.
    Document,
    /// The message of a request.
    Request,
}

impl Subject {
    /// What a program knows besides, as variables.
    const fn variables(self) -> [&'static str; 4] {
        match self {
            Self::Document => ["$index", "$id", "$type", "$routing"],
            Self::Request => ["$index", "$id", "$endpoint", "$class"],
        }
    }

    const fn input(self) -> &'static str {
        match self {
            Self::Document => "`_source`",
            Self::Request => "the message",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Request => "request",
        }
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Program")
    }
}

/// Why a program cannot be compiled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProgramError {
    /// Where in the program, in bytes.
    pub(crate) offset: usize,
    /// Expected and found.
    pub(crate) problem: String,
}

/// Values of the variables of a [`Subject`], in their order; `None` is `null`.
pub(crate) type Variables<'a> = [Option<&'a str>; 4];

impl Program {
    /// Compiles a program, limits put in.
    pub(crate) fn compile(code: &str, subject: Subject) -> Result<Self, ProgramError> {
        check_brackets(code)?;
        let term = parse(code)?;
        let looks_at_payload = reach::looks_at_payload(&term);
        let body = limits::guarded(term);
        let program = Def { name: PROGRAM, args: Vec::new(), body };
        let arena = Arena::default();
        let loader = Loader::new(limits::definitions().chain([program]));
        let modules = loader.load(&arena, File { code: PROGRAM, path: () }).map_err(|_| internal())?;
        let compiler =
            Compiler::default().with_funs(limits::functions()).with_global_vars(subject.variables());
        let filter = compiler.compile(modules).map_err(|errors| {
            let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
            first.map_or_else(internal, |(name, undefined)| ProgramError {
                offset: offset_of(code, name),
                problem: format!("there is no {} `{name}`", undefined.as_str()),
            })
        })?;
        Ok(Self { filter, subject, looks_at_payload })
    }

    /// Whether the program may see the member `payload` of the message of a request. If not, it runs as well without one.
    pub(crate) const fn looks_at_payload(&self) -> bool {
        self.looks_at_payload
    }

    /// Whether the first result is neither `false` nor `null`; no result is no.
    pub(crate) fn holds(&self, source: &[u8], variables: Variables<'_>) -> Result<bool, String> {
        let is_true = |value: &Val| !matches!(value, Val::Null | Val::Bool(false));
        self.run(source, variables, Duplicates::KeepLast, |results| match results.next() {
            None => Ok(false),
            Some(value) => Ok(is_true(&value?)),
        })
    }

    /// The new `_source`; `None` when the program gives `null` or nothing.
    pub(crate) fn rewrite(&self, source: &[u8], variables: Variables<'_>) -> Result<Option<Vec<u8>>, String> {
        self.run(source, variables, Duplicates::Refuse, |results| {
            let Some(value) = results.next().transpose()? else { return Ok(None) };
            if results.next().is_some() {
                return Err("the program gives more than one result".to_owned());
            }
            match value {
                Val::Null => Ok(None),
                Val::Obj(_) => {
                    let mut json = Vec::with_capacity(source.len());
                    value::write_json(&value, 0, &mut json)?;
                    Ok(Some(json))
                }
                _ => {
                    let name = self.subject.name();
                    Err(format!("the result is not an object, nor `null` to drop the {name}"))
                }
            }
        })
    }

    fn run<T: Send>(
        &self,
        source: &[u8],
        variables: Variables<'_>,
        duplicates: Duplicates,
        take: impl Fn(Results<'_>) -> Result<T, String> + Sync,
    ) -> Result<T, String> {
        if source.len() > MAX_DOCUMENT {
            let input = self.subject.input();
            return Err(format!("{input} has {} bytes, jq takes {MAX_DOCUMENT}", source.len()));
        }
        let attempt = |budget| self.attempt(source, variables, duplicates, budget, &take);
        match attempt(Budget::SMALL) {
            (Some(Limit::Steps | Limit::Stack), _) => match on_large_stack(|| attempt(Budget::LARGE))? {
                (Some(limit), _) => Err(limit.describe().to_owned()),
                (None, taken) => taken,
            },
            (Some(limit), _) => Err(limit.describe().to_owned()),
            (None, taken) => taken,
        }
    }

    /// Runs the program once: the limit that it reached, and what it came to, which a reached limit makes void.
    fn attempt<T>(
        &self,
        source: &[u8],
        variables: Variables<'_>,
        duplicates: Duplicates,
        budget: Budget,
        take: impl Fn(Results<'_>) -> Result<T, String>,
    ) -> (Option<Limit>, Result<T, String>) {
        let input = match value::from_json(source, duplicates) {
            Ok(input) => input,
            Err(error) => return (None, Err(format!("{} is {error}", self.subject.input()))),
        };
        let guard = Guard::new(budget);
        // A defect of jaq must cost one document, not the run.
        let taken = catch_unwind(AssertUnwindSafe(|| {
            let run = Run { lut: &self.filter.lut, guard: &guard };
            let results = self.filter.id.run((Ctx::<Guarded>::new(run, values(variables)), input));
            take(&mut results.map(|result| result.map_err(describe)))
        }));
        (guard.reached(), taken.unwrap_or_else(|_| Err("the jq engine panicked".to_owned())))
    }
}

/// What a program gives.
type Results<'a> = &'a mut dyn Iterator<Item = Result<Val, String>>;

/// Runs `work` on a thread of its own, which is worth it where thousands of steps are.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("jq".to_owned()).stack_size(Budget::LARGE_THREAD);
        let thread =
            thread.spawn_scoped(scope, work).map_err(|error| format!("no thread for jq: {error}"))?;
        thread.join().map_err(|_| "the jq engine panicked".to_owned())
    })
}

fn values(variables: Variables<'_>) -> Vars<Val> {
    Vars::new(variables.map(|value| value.map_or(Val::Null, |text| Val::utf8_str(text.to_owned()))))
}

fn describe(error: jaq_core::Exn<'_, Val>) -> String {
    const LONGEST: usize = 500;
    match error.get_err() {
        Ok(error) => match error.into_val() {
            Val::TStr(text) => super::shortened(&String::from_utf8_lossy(&text), LONGEST).into_owned(),
            other => super::shortened(&other.to_string(), LONGEST).into_owned(),
        },
        Err(_) => "the program ended itself".to_owned(),
    }
}

fn internal() -> ProgramError {
    ProgramError { offset: 0, problem: "the definitions of jaq do not fit together".to_owned() }
}

fn parse(code: &str) -> Result<Term<&str>, ProgramError> {
    let found = |text: &str| match text.chars().next() {
        Some(_) => format!("`{}`", super::shortened(text, 20)),
        None => "the end of the program".to_owned(),
    };
    let tokens = Lexer::new(code).lex().map_err(|errors| match errors.into_iter().next() {
        None => internal(),
        Some((expected, rest)) => ProgramError {
            offset: offset_of(code, rest),
            problem: format!("expected {}, found {}", expected.as_str(), found(rest)),
        },
    })?;
    Parser::new(&tokens).parse(|parser| parser.term()).map_err(|errors| match errors.into_iter().next() {
        None => internal(),
        Some((expected, token)) => {
            let token = token.map_or("", |token| token.as_str());
            let expected = match expected.as_str() {
                "nothing" => "the end of the program",
                "term" => "a value or a filter",
                other => other,
            };
            ProgramError {
                offset: if token.is_empty() { code.len() } else { offset_of(code, token) },
                problem: format!("expected {expected}, found {}", found(token)),
            }
        }
    })
}

/// Where a part of the program is; its begin for what is no part of it.
fn offset_of(code: &str, part: &str) -> usize {
    let offset = part.as_ptr().addr().checked_sub(code.as_ptr().addr());
    offset.filter(|offset| *offset <= code.len()).unwrap_or(0)
}

/// The parser recurses into brackets.
fn check_brackets(code: &str) -> Result<(), ProgramError> {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_BRACKETS {
            return Err(ProgramError {
                offset,
                problem: format!("brackets nested deeper than {MAX_BRACKETS}"),
            });
        }
    }
    Ok(())
}
