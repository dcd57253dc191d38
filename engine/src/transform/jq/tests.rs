use super::*;

const NOBODY: Variables<'_> = [Some("logs"), Some("7"), None, None];

fn compile(program: &str) -> Result<Program, ProgramError> {
    Program::compile(program, Subject::Document)
}

fn rewrite(program: &str, source: &str) -> Result<Option<String>, String> {
    let rewritten = compile(program).unwrap().rewrite(source.as_bytes(), NOBODY)?;
    Ok(rewritten.map(|json| String::from_utf8(json).unwrap()))
}

#[test]
fn programs_rewrite_documents() {
    let table = [
        (".", r#"{ "a" : 1 }"#, r#"{"a":1}"#),
        (".b = .a + 1", r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
        (
            "{index: $index, id: $id, type: $type, routing: $routing}",
            "{}",
            r#"{"index":"logs","id":"7","type":null,"routing":null}"#,
        ),
        ("with_entries(.value |= tostring)", r#"{"x":1,"y":true}"#, r#"{"x":"1","y":"true"}"#),
        ("del(.a)", r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
        ("walk(if type == \"number\" then . + 1 else . end)", r#"{"a":[1,{"b":2}]}"#, r#"{"a":[2,{"b":3}]}"#),
        ("def up(f): f |= ascii_upcase; up(.a)", r#"{"a":"é x"}"#, r#"{"a":"é X"}"#),
        (".n = [range(0; 6; 2)]", "{}", r#"{"n":[0,2,4]}"#),
        (".n = ([limit(3; repeat(1))] | add)", "{}", r#"{"n":3}"#),
        (".f = (\"[1,{}]\" | fromjson)", "{}", r#"{"f":[1,{}]}"#),
        (".t = (.t | fromdate)", r#"{"t":"2024-01-15T00:00:00Z"}"#, r#"{"t":1705276800}"#),
        (".p = [paths]", r#"{"a":[0]}"#, r#"{"a":[0],"p":[["a"],["a",0]]}"#),
        (".r = reduce .a[] as $x (0; . + $x)", r#"{"a":[1,2]}"#, r#"{"a":[1,2],"r":3}"#),
    ];
    for (program, source, expected) in table {
        assert_eq!(rewrite(program, source).unwrap().as_deref(), Some(expected), "{program}");
    }
}

#[test]
fn a_number_that_is_not_calculated_with_keeps_its_text() {
    let source = r#"{"a":[1e400,1.0,12345678901234567890,-0.0,-0,1E5,0.10,NaN]}"#;
    assert_eq!(rewrite(".", source).unwrap().as_deref(), Some(source));
    let sums = rewrite(".a |= map(. + 0)", r#"{"a":[12345678901234567890,1.50,9007199254740993]}"#).unwrap();
    assert_eq!(sums.as_deref(), Some(r#"{"a":[12345678901234567890,1.5,9007199254740993]}"#));
}

#[test]
fn null_or_nothing_drops_the_document() {
    for program in ["null", "empty", "select(.a == 2)", "if .a == 1 then null else . end"] {
        assert_eq!(rewrite(program, r#"{"a":1}"#), Ok(None), "{program}");
    }
}

#[test]
fn a_filter_keeps_what_is_true() {
    let table = [
        (".a == 1", true),
        (".a", true),
        (".missing", false),
        ("empty", false),
        (".b", false),
        ("$index == \"logs\"", true),
        ("$index | test(\"^x\")", false),
    ];
    for (program, expected) in table {
        let holds = compile(program).unwrap().holds(br#"{"a":1,"b":false}"#, NOBODY);
        assert_eq!(holds, Ok(expected), "{program}");
    }
}

#[test]
fn what_cannot_become_one_document_is_a_failure() {
    let table = [
        ("., .", "{}", "the program gives more than one result"),
        ("[.]", "{}", "the result is not an object, nor `null` to drop the document"),
        (".a = (1 / 0)", "{}", "the result has the number inf, which JSON cannot write"),
        (".a + 1", r#"{"a":"x"}"#, "cannot calculate \"x\" + 1"),
        ("error(\"no\")", "{}", "no"),
        (
            ".a = {(1 | tostring): 1} | .a[\"x\"] = (\"\\u0000\" | tobytes)",
            "{}",
            "the result has a string of bytes, which JSON cannot write",
        ),
        (
            ".",
            r#"{"a":1,"a":2}"#,
            "`_source` is not JSON at byte 7: the name \"a\" is there twice: one value would be lost",
        ),
        (".", r#"{"a":"\ud800"}"#, "`_source` is not JSON at byte 5: a string has half of a surrogate pair"),
    ];
    for (program, source, expected) in table {
        assert_eq!(rewrite(program, source), Err(expected.to_owned()), "{program}");
    }
}

#[test]
fn a_program_without_an_end_is_stopped() {
    let too_many = "the program takes too many steps";
    let too_deep = "the program calls itself too deeply";
    let nested = "the program builds a value or path that is nested too deeply";
    let table = [
        ("def f: f; f", too_many),
        ("[repeat(1)]", too_many),
        ("last(range(1e12))", too_many),
        ("([repeat(1)] // {})", too_many),
        ("def f(g): f(g | g); f(.)", too_many),
        ("def f($x): f($x + 1); f(1)", too_many),
        ("reduce range(1e9) as $i (.; [1, ., 1])", too_many),
        ("def f: 1 + f; f", too_deep),
        ("def f: [f]; f", too_deep),
        ("path(def f: .a | f; f)", nested),
        ("reduce range(1e9) as $i (.; [.])", nested),
        ("reduce range(1e9) as $i (.; [1, .])", nested),
        ("until(false; {a: .})", nested),
    ];
    for (program, expected) in table {
        let failure = rewrite(program, "{}").unwrap_err();
        let is_expected =
            failure == expected || (expected == too_many && failure == "the program takes too long");
        assert!(is_expected, "{program}: {failure}");
    }
}

#[test]
fn a_program_may_take_many_steps() {
    let summed = rewrite(".n = ([range(100000)] | add) | .d = ([limit(3000; repeat(1))] | length)", "{}");
    assert_eq!(summed.unwrap().as_deref(), Some(r#"{"n":4999950000,"d":3000}"#));
    let called =
        rewrite("def count($n): if $n == 0 then 0 else 1 + count($n - 1) end; .n = count(3000)", "{}");
    assert_eq!(called.unwrap().as_deref(), Some(r#"{"n":3000}"#));
}

#[test]
fn a_text_out_of_a_document_is_read_with_the_same_limits() {
    let nested = format!("{{\"a\":\"{}\"}}", "[".repeat(100_000));
    let expected = "not JSON at byte 201: nested deeper than 200: too deep for jq";
    assert_eq!(rewrite(".b = (.a | fromjson)", &nested), Err(expected.to_owned()));
}

#[test]
fn a_deep_document_is_refused_and_one_at_the_limit_is_not() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(rewrite(".", &nested(200)).unwrap(), Some(nested(200)));
    assert!(rewrite("[..] | {n: length}", &nested(200)).unwrap().is_some());
    assert!(rewrite("walk(.)", &nested(200)).unwrap().is_some());
    let expected = "`_source` is not JSON at byte 205: nested deeper than 200: too deep for jq";
    assert_eq!(rewrite(".", &nested(201)), Err(expected.to_owned()));
}

#[test]
fn a_program_cannot_look_outside() {
    for (program, name) in [
        ("env", "filter `env`"),
        ("$ENV", "variable `$ENV`"),
        ("now", "filter `now`"),
        ("input", "filter `input`"),
        ("debug", "filter `debug`"),
        ("halt", "filter `halt`"),
        ("localtime", "filter `localtime`"),
    ] {
        let problem = format!("there is no {name}");
        assert_eq!(compile(program).unwrap_err(), ProgramError { offset: 0, problem }, "{program}");
    }
}

#[test]
fn a_program_that_is_wrong_is_named_with_its_place() {
    let table = [
        (".a ===", 3, "expected the end of the program, found `===`"),
        ("map(.a", 6, "expected closing parenthesis, found the end of the program"),
        (".a | foo(1)", 5, "there is no filter `foo`"),
        ("$x", 0, "there is no variable `$x`"),
        ("", 0, "expected a value or a filter, found the end of the program"),
        ("if . then 1 else", 16, "expected a value or a filter, found the end of the program"),
    ];
    for (program, offset, problem) in table {
        let expected = ProgramError { offset, problem: problem.to_owned() };
        assert_eq!(compile(program).unwrap_err(), expected, "{program}");
    }
    let brackets = "(".repeat(100_000);
    assert_eq!(compile(&brackets).unwrap_err().problem, "brackets nested deeper than 100");
}
