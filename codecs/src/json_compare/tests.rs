use super::*;

fn equal(left: &str, right: &str) {
    assert_eq!(compare(left.as_bytes(), right.as_bytes()), Comparison::Equal, "{left} = {right}");
    assert_eq!(compare(right.as_bytes(), left.as_bytes()), Comparison::Equal, "{right} = {left}");
    assert_eq!(canonical(left.as_bytes()), canonical(right.as_bytes()), "{left} = {right}");
}

/// Pointer, expected and found of the first difference.
fn difference(expected: &str, found: &str) -> (String, Option<String>, Option<String>) {
    match compare(expected.as_bytes(), found.as_bytes()) {
        Comparison::Different(difference) => (difference.pointer, difference.expected, difference.found),
        other => panic!("{expected} and {found}: {other:?}"),
    }
}

fn different(expected: &str, found: &str, pointer: &str, values: (&str, &str)) {
    let some = |text: &str| (text != "-").then(|| text.to_owned());
    assert_eq!(difference(expected, found), (pointer.to_owned(), some(values.0), some(values.1)));
    assert_ne!(compare(found.as_bytes(), expected.as_bytes()), Comparison::Equal);
    assert_ne!(canonical(expected.as_bytes()).unwrap(), canonical(found.as_bytes()).unwrap());
}

#[test]
fn the_order_of_names_white_space_and_escapes_make_no_difference() {
    equal(r#"{"a":1,"b":[1,2]}"#, "{ \"b\" : [ 1 , 2 ] ,\n\"a\":1.0 }");
    equal(r#"{"\u0061":"\u00e9\/"}"#, r#"{"a":"é/"}"#);
    equal(r#"{"a":{"x":{},"y":[]}}"#, r#"{"a":{"y":[ ],"x":{ }}}"#);
    equal(r#"{"a":1}"#, "// c\n{a/* \" */:1}");
    equal("\"a\nb\"", r#""a\nb""#);
    equal("null", " null ");
}

#[test]
fn of_a_name_that_stands_twice_the_last_counts() {
    equal(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
    equal(r#"{"a":1,"a":2}"#, r#"{"a":3,"\u0061":2}"#);
    different(r#"{"a":1,"a":2}"#, r#"{"a":1}"#, "/a", ("2", "1"));
}

#[test]
fn the_first_difference_has_its_pointer_and_both_sides() {
    different(
        r#"{"a":1,"b":{"c":[0,{"d":"x"}]}}"#,
        r#"{"b":{"c":[0,{"d":"y"}]},"a":1}"#,
        "/b/c/1/d",
        ("\"x\"", "\"y\""),
    );
    different(r#"{"b":1,"a":2}"#, r#"{"a":3,"b":4}"#, "/b", ("1", "4"));
    different(r#"{"a":1,"b":2}"#, r#"{"b":2}"#, "/a", ("1", "-"));
    different(r#"{"b":2}"#, r#"{"z":0,"a":{"n":1},"b":2}"#, "/z", ("-", "0"));
    different("[1,2]", "[1]", "/1", ("2", "-"));
    different("[1]", "[1,[]]", "/1", ("-", "[]"));
    different("[[1],2]", "[[1,3],2]", "/0/1", ("-", "3"));
    different(r#"{"a":{}}"#, r#"{"a":[]}"#, "/a", ("{}", "[]"));
    different(r#"{"a~/b":1}"#, r#"{"a~/b":2}"#, "/a~0~1b", ("1", "2"));
    different(r#"{"a":{"x":1},"b":1}"#, r#"{"a":{"x":1},"b":1,"c":1}"#, "/c", ("-", "1"));
    different(r#"{"a":{"x":1},"b":1}"#, r#"{"a":{"x":1,"y":2},"b":1}"#, "/a/y", ("-", "2"));
    different("1", "\"1\"", "", ("1", "\"1\""));
    different("null", "{}", "", ("null", "{}"));
    different("true", "false", "", ("true", "false"));
}

#[test]
fn lone_surrogates_are_equal_to_themselves_only() {
    different(r#"["\ud800"]"#, r#"["\ud801"]"#, "/0", (r#""\ud800""#, r#""\ud801""#));
    different(r#"["\ud800"]"#, "[\"\u{FFFD}\"]", "/0", (r#""\ud800""#, "\"\u{FFFD}\""));
    equal(r#"["\uD800"]"#, r#"[ "\ud800"]"#);
    equal(r#"["\ud83d\ude00"]"#, "[ \"😀\"]");
    different(r#"{"\ud800":1}"#, r#"{"\ud800":2}"#, "/\\ud800", ("1", "2"));
}

#[test]
fn a_difference_deep_in_a_long_string_is_in_the_excerpt() {
    let long = "é".repeat(5000);
    let (_, expected, found) = difference(&format!("[\"{long}A{long}\"]"), &format!("[\"{long}B{long}\"]"));
    let (expected, found) = (expected.unwrap(), found.unwrap());
    assert!(expected.starts_with("…é") && expected.contains('A') && expected.ends_with("é…"), "{expected}");
    assert_eq!(expected.replace('A', "B"), found);
    assert!(expected.len() < 170);
}

#[test]
fn a_text_that_is_no_json_is_equal_to_its_own_bytes_only() {
    for text in ["", "{", "{\"a\":1", "[1 2]", "{\"a\":1}}", "\"a", "{1}", "[1}", "{\"a\":[}", "[]]", ","] {
        assert_eq!(compare(text.as_bytes(), text.as_bytes()), Comparison::Equal);
        for is_expected in [true, false] {
            let (left, right) = if is_expected { (text, "{\"b\":0}") } else { ("{\"b\":0}", text) };
            let result = compare(left.as_bytes(), right.as_bytes());
            assert!(
                matches!(result, Comparison::NotJson { is_expected: side, .. } if side == is_expected),
                "{text}"
            );
        }
    }
}

#[test]
fn a_thousand_levels_are_compared_and_one_more_is_refused() {
    let nested = |depth: usize, inside: &str| format!("{}{inside}{}", "[".repeat(depth), "]".repeat(depth));
    let (pointer, ..) = difference(&nested(1000, "1"), &nested(1000, "2"));
    assert_eq!(pointer, "/0".repeat(1000));
    let objects = |inside: &str| format!("{}{inside}{}", "{\"a\":".repeat(1000), "}".repeat(1000));
    assert_eq!(difference(&objects("1"), &objects("2")).0, "/a".repeat(1000));
    assert!(matches!(
        compare(nested(1001, "1").as_bytes(), nested(1001, "2").as_bytes()),
        Comparison::NotJson { reason: NotJson { offset: 1000, .. }, .. }
    ));
}

#[test]
fn many_names_and_many_equal_names_take_no_square_of_time() {
    let object = |numbers: &mut dyn Iterator<Item = u32>| {
        let members: Vec<String> = numbers.map(|n| format!("\"k{n}\":{n}")).collect();
        format!("{{{}}}", members.join(","))
    };
    equal(&object(&mut (0..20_000)), &object(&mut (0..20_000).rev()));
    equal(&object(&mut std::iter::repeat_n(1, 20_000)), "{\"k1\":1}");
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[derive(Clone)]
enum Value {
    Word(&'static [&'static str]),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Texts of the same value; those of different rows differ.
const WORDS: [&[&str]; 8] = [
    &["1", "1.0", "1e0", "100e-2"],
    &["0", "-0", "0.00", "0e7"],
    &["1e400", "10e399"],
    &["-12.5", "-125E-1", "-0.125e+2"],
    &["true"],
    &["null"],
    &["12345678901234567890.1", "123456789012345678901e-1"],
    &["1e-9", "0.000000001"],
];
const CHARACTERS: [char; 8] = ['a', '"', '\\', '\n', 'é', '😀', '/', '\u{7}'];

fn value(random: &mut Random, depth: u64) -> Value {
    match random.below(if depth == 0 { 4 } else { 6 }) {
        0 | 1 => {
            let row = WORDS[usize::try_from(random.below(8)).unwrap()];
            Value::Word(row)
        }
        2 | 3 => Value::String(name(random)),
        4 => Value::Array((0..random.below(4)).map(|_| value(random, depth - 1)).collect()),
        _ => {
            let mut members: Vec<(String, Value)> = Vec::new();
            for _ in 0..random.below(5) {
                let name = name(random);
                if !members.iter().any(|(other, _)| *other == name) {
                    members.push((name, value(random, depth - 1)));
                }
            }
            Value::Object(members)
        }
    }
}

fn name(random: &mut Random) -> String {
    (0..random.below(4)).map(|_| CHARACTERS[usize::try_from(random.below(8)).unwrap()]).collect()
}

/// Writes a value: other order of names, other escapes, other white space each time.
fn write(value: &Value, random: &mut Random, output: &mut String) {
    let space = [" ", "", "\n", "/*\"*/", "\t"][usize::try_from(random.below(5)).unwrap()];
    output.push_str(space);
    match value {
        Value::Word(texts) => {
            output.push_str(texts[usize::try_from(random.below(texts.len() as u64)).unwrap()]);
        }
        Value::String(text) => write_text(text, random, output),
        Value::Array(values) => {
            output.push('[');
            for (at, value) in values.iter().enumerate() {
                output.push_str(if at > 0 { "," } else { "" });
                write(value, random, output);
            }
            output.push_str(&format!("{space}]"));
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let by = usize::try_from(random.below(members.len().max(1) as u64)).unwrap();
            members.rotate_left(by);
            output.push('{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                output.push_str(if at > 0 { "," } else { "" });
                write_text(name, random, output);
                output.push_str(&format!("{space}:"));
                write(value, random, output);
            }
            output.push_str(&format!("{space}}}"));
        }
    }
    output.push_str(space);
}

fn write_text(text: &str, random: &mut Random, output: &mut String) {
    output.push('"');
    for character in text.chars() {
        match (random.below(2), character) {
            (0, '"' | '\\' | '/') => output.extend(['\\', character]),
            (0, '\n') => output.push_str("\\n"),
            (0, 'a' | 'é') => output.push(character),
            (0, '😀') => output.push(character),
            _ => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    output.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
    output.push('"');
}

/// Changes one leaf, or adds one where there is none.
fn change(value: &mut Value, random: &mut Random) {
    match value {
        Value::Array(values) if values.is_empty() => values.push(Value::Word(WORDS[0])),
        Value::Array(values) => {
            let at = usize::try_from(random.below(values.len() as u64)).unwrap();
            change(&mut values[at], random);
        }
        Value::Object(members) if members.is_empty() => {
            members.push(("new".to_owned(), Value::Word(WORDS[0])))
        }
        Value::Object(members) => {
            let at = usize::try_from(random.below(members.len() as u64)).unwrap();
            change(&mut members[at].1, random);
        }
        Value::String(text) => text.push('!'),
        Value::Word(texts) => *value = Value::Word(if texts[0] == "1" { WORDS[1] } else { WORDS[0] }),
    }
}

#[test]
fn random_values_are_equal_to_every_text_of_them_and_to_no_changed_value() {
    let mut random = Random(4);
    for _ in 0..3000 {
        let mut value = value(&mut random, 4);
        let text = |value: &Value, random: &mut Random| {
            let mut text = String::new();
            write(value, random, &mut text);
            text
        };
        let (left, right) = (text(&value, &mut random), text(&value, &mut random));
        equal(&left, &right);
        let form = canonical(left.as_bytes()).unwrap();
        assert_eq!(canonical(&form).unwrap(), form, "the canonical form of {left}");
        change(&mut value, &mut random);
        let changed = text(&value, &mut random);
        let Comparison::Different(_) = compare(left.as_bytes(), changed.as_bytes()) else {
            panic!("{left} and {changed} are not equal");
        };
        assert_ne!(canonical(changed.as_bytes()).unwrap(), form);
    }
}
