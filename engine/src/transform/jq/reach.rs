//! Whether a program may see the member `payload` of its input: if not, a body need not be read for it.
//!
//! What is not understood counts as looking.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::path::{Part, Path};

const PAYLOAD: &str = "payload";

/// What a term does with the message.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    /// It may see the payload.
    looks: bool,
    /// What it gives may be the whole message.
    gives: bool,
}

impl Reach {
    const LOOKS: Self = Self { looks: true, gives: false };
    const NOTHING: Self = Self { looks: false, gives: false };

    /// When something is done with what the term gives.
    const fn used(self) -> Self {
        Self { looks: self.looks || self.gives, gives: false }
    }

    const fn or(self, other: Self) -> Self {
        Self { looks: self.looks || other.looks, gives: self.gives || other.gives }
    }
}

/// Whether a program that runs on the message may see its payload. The program may give the message on as a whole.
pub(super) fn looks_at_payload(program: &Term<&str>) -> bool {
    reach(program, true).looks
}

/// `is_message`: whether the input of the term may be the message.
fn reach(term: &Term<&str>, is_message: bool) -> Reach {
    let all_used = |terms: &[Term<&str>]| {
        terms.iter().map(|term| reach(term, is_message).used()).fold(Reach::NOTHING, Reach::or)
    };
    match term {
        Term::Id => Reach { looks: false, gives: is_message },
        Term::Recurse => Reach { looks: is_message, gives: false },
        Term::Num(_) | Term::Var(_) | Term::Break(_) | Term::Arr(None) => Reach::NOTHING,
        Term::Str(_, parts) => {
            let of_part = |part: &StrPart<_, Term<&str>>| match part {
                StrPart::Term(term) => reach(term, is_message).used(),
                _ => Reach::NOTHING,
            };
            parts.iter().map(of_part).fold(Reach::NOTHING, Reach::or)
        }
        Term::Arr(Some(inner)) | Term::Neg(inner) => reach(inner, is_message).used(),
        Term::Obj(members) => {
            members.iter().map(|member| of_member(member, is_message)).fold(Reach::NOTHING, Reach::or)
        }
        Term::BinOp(left, operation, right) => of_operation(left, operation, right, is_message),
        Term::Label(_, inner) => reach(inner, is_message),
        Term::Fold(_, values, _, terms) => {
            Reach { gives: is_message, ..reach(values, is_message).used().or(all_used(terms)) }
        }
        Term::TryCatch(inner, catch) => {
            let catch = catch.as_ref().map_or(Reach::NOTHING, |catch| reach(catch, false));
            reach(inner, is_message).or(catch)
        }
        Term::IfThenElse(branches, otherwise) => {
            let otherwise = match otherwise {
                Some(otherwise) => reach(otherwise, is_message),
                None => Reach { looks: false, gives: is_message },
            };
            let of_branch = |(condition, then): &(Term<&str>, Term<&str>)| {
                let condition = Reach { gives: false, ..reach(condition, is_message) };
                condition.or(reach(then, is_message))
            };
            branches.iter().map(of_branch).fold(otherwise, Reach::or)
        }
        Term::Def(definitions, inner) => {
            let bodies = definitions.iter().map(|definition| reach(&definition.body, true).used());
            let bodies = bodies.fold(Reach::NOTHING, Reach::or);
            reach(inner, is_message).or(bodies)
        }
        Term::Call(name, arguments) => of_call(name, arguments, is_message),
        Term::Path(head, path) => of_path(head, path, is_message),
    }
}

fn of_member((name, value): &(Term<&str>, Option<Term<&str>>), is_message: bool) -> Reach {
    let name_reach = reach(name, is_message).used();
    match (value, literal(name)) {
        (Some(value), _) => name_reach.or(reach(value, is_message).used()),
        // `{method}` is `{method: .method}`.
        (None, Some(name)) => Reach { looks: is_message && name == PAYLOAD, gives: false },
        (None, None) => match name {
            Term::Var(_) => Reach::NOTHING,
            _ => Reach { looks: is_message, gives: false },
        },
    }
}

fn of_operation(
    left: &Term<&str>,
    operation: &BinaryOp<&str>,
    right: &Term<&str>,
    is_message: bool,
) -> Reach {
    let of_left = reach(left, is_message);
    match operation {
        BinaryOp::Pipe(None) => Reach { gives: false, ..of_left }.or(reach(right, of_left.gives)),
        BinaryOp::Pipe(Some(_)) => of_left.used().or(reach(right, is_message)),
        BinaryOp::Comma | BinaryOp::Alt => of_left.or(reach(right, is_message)),
        BinaryOp::Or | BinaryOp::And | BinaryOp::Math(_) | BinaryOp::Cmp(_) => {
            of_left.used().or(reach(right, is_message).used())
        }
        BinaryOp::Update => Reach { gives: is_message, ..of_left.used().or(reach(right, false)) },
        BinaryOp::Assign | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
            Reach { gives: is_message, ..of_left.used().or(reach(right, is_message).used()) }
        }
    }
}

fn of_call(name: &str, arguments: &[Term<&str>], is_message: bool) -> Reach {
    let of_arguments = || arguments.iter().map(|argument| reach(argument, is_message));
    match (name, arguments) {
        ("empty" | "true" | "false" | "null" | "not", []) => Reach::NOTHING,
        ("select", [condition]) => Reach { gives: is_message, looks: reach(condition, is_message).looks },
        ("del", [path]) => Reach { gives: is_message, ..reach(path, is_message).used() },
        ("first" | "last", [values]) => reach(values, is_message),
        _ if is_message => Reach::LOOKS,
        _ => of_arguments().map(Reach::used).fold(Reach::NOTHING, Reach::or),
    }
}

fn of_path(head: &Term<&str>, Path(parts): &Path<Term<&str>>, is_message: bool) -> Reach {
    let of_head = reach(head, is_message);
    let Some((first, _)) = parts.first() else { return of_head };
    let names_another = match first {
        Part::Index(index) => literal(index).is_some_and(|name| name != PAYLOAD),
        Part::Range(..) => false,
    };
    let of_part = |part: &Part<Term<&str>>| match part {
        Part::Index(index) => reach(index, is_message).used(),
        Part::Range(from, to) => {
            let of_bound = |bound: &Option<Term<&str>>| {
                bound.as_ref().map_or(Reach::NOTHING, |bound| reach(bound, is_message).used())
            };
            of_bound(from).or(of_bound(to))
        }
    };
    let of_parts = parts.iter().map(|(part, _)| of_part(part)).fold(Reach::NOTHING, Reach::or);
    Reach { looks: of_head.looks || of_parts.looks || (of_head.gives && !names_another), gives: false }
}

/// The text of a string in which nothing is calculated.
fn literal<'s>(term: &Term<&'s str>) -> Option<&'s str> {
    match term {
        Term::Str(None, parts) => match parts.as_slice() {
            [StrPart::Str(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Program, Subject};

    #[test]
    fn programs_that_cannot_see_the_payload_are_known() {
        for program in [
            r#".method == "GET""#,
            r#".headers["user-agent"] = ["x"]"#,
            r#".headers.host[0] | startswith("a")"#,
            r#"select(.URI | test("^/a")) | .URI |= sub("a"; "b")"#,
            r#"if .method == "GET" and $class == "read" then . else empty end"#,
            "del(.headers.cookie)",
            ".method as $m | .URI == $m",
            "{method, URI, headers}",
            r#"(.URI | split("?")[0]) as $path | [$path, .method] | join(" ") == "x""#,
            "not",
            ".",
        ] {
            assert!(!Program::compile(program, Subject::Request).unwrap().looks_at_payload(), "{program}");
        }
    }

    #[test]
    fn programs_that_may_see_the_payload_are_known() {
        for program in [
            ".payload.inlinedJsonBody.query",
            r#".["payload"]"#,
            r#".["pay" + "load"]"#,
            ".[]",
            "..",
            "tostring",
            "keys",
            "with_entries(.)",
            "[.]",
            r#""\(.)""#,
            ". as $m | $m",
            ". as {payload: $p} | $p",
            "{payload}",
            "{a: .}",
            "def f: .payload; f",
            "def f($x): $x; f(.)",
            ". == {}",
            "del(.[\"payload\"])",
            "del(.)",
            ". |= .",
            "reduce .headers[] as $x (.; .payload)",
            "first(.payload)",
            "try .payload catch .",
            "(.method | length), .payload",
            "(., .URI) | length",
        ] {
            assert!(Program::compile(program, Subject::Request).unwrap().looks_at_payload(), "{program}");
        }
    }
}
