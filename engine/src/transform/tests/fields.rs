use super::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn check(table: &[(&str, &str, &str)]) {
    for (step, before, after) in table {
        assert_eq!(source(&format!("- {step}"), before), *after, "{step} on {before}");
    }
}

#[test]
fn fields_are_dropped() {
    check(&[
        ("drop_fields: [a]", r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
        ("drop_fields: [a.b]", r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"c":2}}"#),
        ("drop_fields: [a.b]", r#"{"a.b":1,"a":{"b":2}}"#, r#"{"a":{}}"#),
        ("drop_fields: [a.b.c]", r#"{"a":{"b.c":1},"a.b":{"c":2},"x":0}"#, r#"{"a":{},"a.b":{},"x":0}"#),
        ("drop_fields: [a.b]", r#"{"a":[{"b":1,"c":2},[{"b":3}],4,null]}"#, r#"{"a":[{"c":2},[{}],4,null]}"#),
        ("drop_fields: [/a.b]", r#"{"a.b":1,"a":{"b":2}}"#, r#"{"a":{"b":2}}"#),
        ("drop_fields: [/a/b.c]", r#"{"a":{"b.c":1,"b":{"c":2}}}"#, r#"{"a":{"b":{"c":2}}}"#),
        ("drop_fields: [/x~1y~0z]", r#"{"x/y~z":1}"#, "{}"),
        ("drop_fields: ['/']", r#"{"":1,"a":2}"#, r#"{"a":2}"#),
        ("drop_fields: [a]", r#"{"a":1,"b":2,"a":3}"#, r#"{"b":2}"#),
        ("drop_fields: [é]", r#"{"\u00e9":1,"b":2}"#, r#"{"b":2}"#),
        ("drop_fields: [a]", r#"{ "a": 1, "b" : [ 1e400, 1.0 ] }"#, r#"{"b":[ 1e400, 1.0 ]}"#),
        ("drop_fields: [a]", "{\"b\": 1e400}", "{\"b\": 1e400}"),
        ("drop_fields: [b.x]", r#"{"b":1}"#, r#"{"b":1}"#),
        ("drop_fields: [a]", "[1]", "failed: `_source` is not JSON at byte 0: expected an object, found `[`"),
    ]);
}

#[test]
fn fields_are_renamed() {
    check(&[
        ("rename_fields: {a: b}", r#"{"a":1.0,"c":2}"#, r#"{"b":1.0,"c":2}"#),
        ("rename_fields: {a: b, c: d}", r#"{"c":2,"a":1}"#, r#"{"d":2,"b":1}"#),
        ("rename_fields: {a.b: a.c}", r#"{"a":{"x":0,"b":1,"y":2}}"#, r#"{"a":{"x":0,"c":1,"y":2}}"#),
        ("rename_fields: {a.b: a.c}", r#"{"a.b":1,"z":0}"#, r#"{"a.c":1,"z":0}"#),
        (
            "rename_fields: {a.b: a.c}",
            r#"{"a":[{"b":1},{"b":2},{"d":3}]}"#,
            r#"{"a":[{"c":1},{"c":2},{"d":3}]}"#,
        ),
        ("rename_fields: {a: a.b}", r#"{"a":1}"#, r#"{"a":{"b":1}}"#),
        ("rename_fields: {a.b: b}", r#"{"a":{"b":1}}"#, r#"{"a":{},"b":1}"#),
        (
            "rename_fields: {a.b: c.d.e}",
            r#"{"a":{"b":{"x":1}},"c":{"y":2}}"#,
            r#"{"a":{},"c":{"y":2,"d":{"e":{"x":1}}}}"#,
        ),
        ("rename_fields: {/a.b: a.b}", r#"{"a.b":1}"#, r#"{"a":{"b":1}}"#),
        ("rename_fields: {\"@timestamp\": time}", r#"{"@timestamp":"x"}"#, r#"{"time":"x"}"#),
        ("rename_fields: {missing: b}", r#"{"a":1}"#, r#"{"a":1}"#),
        (
            "rename_fields: {a: b}",
            r#"{"a":1,"b":2}"#,
            "failed: there is a field `b` already: its value would be lost",
        ),
        (
            "rename_fields: {a: c.d}",
            r#"{"a":1,"c":{"d":2}}"#,
            "failed: there is a field `c.d` already: its value would be lost",
        ),
        (
            "rename_fields: {a: c.d}",
            r#"{"a":1,"c":2}"#,
            "failed: `c.d` cannot be written: there is a value that is no object on its way",
        ),
        (
            "rename_fields: {a.b: c}",
            r#"{"a":[{"b":1},{"b":2}]}"#,
            "failed: `a.b` has 2 values, and only one can move to another object, `c`",
        ),
    ]);
}

#[test]
fn fields_are_set() {
    check(&[
        ("set_fields: {a: 1}", r#"{"b":2}"#, r#"{"b":2,"a":1}"#),
        ("set_fields: {a: x}", r#"{"a":1,"b":2}"#, r#"{"a":"x","b":2}"#),
        ("set_fields: {a: x}", r#"{"a":1,"b":2,"a":3}"#, r#"{"a":"x","b":2}"#),
        ("set_fields: {a.b: true}", r#"{"a":{"c":1}}"#, r#"{"a":{"c":1,"b":true}}"#),
        ("set_fields: {a.b: true}", r#"{"a.b":1}"#, r#"{"a.b":true}"#),
        ("set_fields: {a.b: null}", "{}", r#"{"a":{"b":null}}"#),
        ("set_fields: {a.b: 1}", r#"{"a":null}"#, r#"{"a":{"b":1}}"#),
        ("set_fields: {a.b: 1}", r#"{"a":[{"b":0},{},null]}"#, r#"{"a":[{"b":1},{"b":1},null]}"#),
        ("set_fields: {a.b: 1}", r#"{"a":[]}"#, r#"{"a":[]}"#),
        ("set_fields: {/a.b: 1}", r#"{"a":{}}"#, r#"{"a":{},"a.b":1}"#),
        (
            "set_fields: {a: {x: [1, 2.5, \"3\"], y: 12345678901234567890}}",
            "{}",
            r#"{"a":{"x":[1,2.5,"3"],"y":12345678901234567890}}"#,
        ),
        ("set_fields: {a.b: 1, a.c: 2}", "{}", r#"{"a":{"b":1,"c":2}}"#),
        (
            "set_fields: {a.b: 1}",
            r#"{"a":5}"#,
            "failed: `a.b` cannot be written: there is a value that is no object on its way",
        ),
    ]);
}

#[test]
fn fields_are_copied() {
    check(&[
        ("copy_fields: {a: b}", r#"{"a":1e400}"#, r#"{"a":1e400,"b":1e400}"#),
        ("copy_fields: {a.b: a.c}", r#"{"a":[{"b":1},{"b":2}]}"#, r#"{"a":[{"b":1,"c":1},{"b":2,"c":2}]}"#),
        ("copy_fields: {a.b: c}", r#"{"a":{"b":{"x":1}}}"#, r#"{"a":{"b":{"x":1}},"c":{"x":1}}"#),
        (
            "copy_fields: {a.b: c}",
            r#"{"a":[{"b":1},{"b":[2,3]}]}"#,
            r#"{"a":[{"b":1},{"b":[2,3]}],"c":[1,2,3]}"#,
        ),
        ("copy_fields: {missing: c}", r#"{"a":1}"#, r#"{"a":1}"#),
        (
            "copy_fields: {a: b}",
            r#"{"a":1,"b":2}"#,
            "failed: there is a field `b` already: its value would be lost",
        ),
    ]);
}

/// A JSON value with whatever is rare: odd numbers, escapes, white space, names that are there twice.
fn random_value(random: &mut StdRng, depth: usize, out: &mut String) {
    const SCALARS: [&str; 14] = [
        "1e400",
        "1.0",
        "12345678901234567890",
        "-0.0",
        "-0",
        "1E+5",
        "true",
        "false",
        "null",
        r#""""#,
        r#""\u00e9\n\\\"""#,
        "\"日本 😀\"",
        r#""a,b]}""#,
        "NaN",
    ];
    let space = |random: &mut StdRng, out: &mut String| {
        out.push_str(["", "", " ", "\n", "\t ", "/* } */", "// ]\n"][random.random_range(0..7)]);
    };
    space(random, out);
    let kind = if depth == 0 { 2 } else { random.random_range(0..3) };
    if kind == 2 {
        out.push_str(SCALARS[random.random_range(0..SCALARS.len())]);
    } else {
        random_list(random, depth, kind == 0, out);
    }
    space(random, out);
}

fn random_list(random: &mut StdRng, depth: usize, is_object: bool, out: &mut String) {
    const NAMES: [&str; 6] = ["\"a\"", "\"b\"", "\"a.b\"", r#""\u0061""#, "\"\"", "\"é\""];
    out.push(if is_object { '{' } else { '[' });
    for position in 0..random.random_range(0..5) {
        if position > 0 {
            out.push(',');
        }
        if is_object {
            out.push_str(NAMES[random.random_range(0..NAMES.len())]);
            out.push(':');
        }
        random_value(random, depth - 1, out);
    }
    out.push(if is_object { '}' } else { ']' });
}

/// The text without white space and comments outside of strings.
fn squeezed(text: &str) -> String {
    let mut tokens = json::Tokens::new(text.as_bytes());
    let mut squeezed = Vec::new();
    loop {
        tokens.skip_space().unwrap();
        let start = tokens.offset();
        if tokens.next().unwrap() == json::Token::End {
            return String::from_utf8(squeezed).unwrap();
        }
        squeezed.extend_from_slice(tokens.text_since(start));
    }
}

#[test]
fn steps_that_change_nothing_change_no_byte() {
    let nothing = chain(
        "- drop_fields: [zz, a.zz, /a/b/zz]\n- rename_fields: {zz: y, a.zz: a.y}\n- copy_fields: {zz: y}",
    );
    for seed in 0..500 {
        let mut text = String::new();
        random_list(&mut StdRng::seed_from_u64(seed), 5, true, &mut text);
        assert_eq!(apply(&nothing, item("i", None, &text)).unwrap(), [format!("i/1 {text}")], "seed {seed}");
    }
}

#[test]
fn a_change_that_is_taken_back_leaves_all_but_white_space() {
    let there_and_back = chain("- set_fields: {zz.y: 1, /a/zz: 2}\n- drop_fields: [zz, /a/zz]");
    let mut compared = 0;
    for seed in 0..1000 {
        let mut text = String::new();
        random_list(&mut StdRng::seed_from_u64(seed), 5, true, &mut text);
        let Ok(outputs) = apply(&there_and_back, item("i", None, &text)) else { continue };
        // `/a/zz` makes objects of what is not there, and of `null`: those documents are for another test.
        let squeezed_text = squeezed(&text);
        let was = json::Node::document(squeezed_text.as_bytes()).unwrap();
        let mut was = was;
        let members = was.open_object().unwrap();
        let values: Vec<_> = members.iter().filter(|member| member.is("a")).collect();
        if !values.is_empty() && values.iter().all(|member| !member.value.is_null()) {
            assert_eq!(squeezed(outputs[0].trim_start_matches("i/1 ")), squeezed_text, "seed {seed}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}
