use super::*;

fn error(text: &str) -> String {
    Chain::from_text("t.yaml", text).map(|_| "no error".to_owned()).unwrap_or_else(|error| error.to_string())
}

#[test]
fn an_error_shows_the_line_and_marks_the_place() {
    let table = [
        (
            "- drop_type\n- rename_index: {rgex: a, to: b}\n",
            "`t.yaml`, line 2, column 18: unknown field `rgex`, expected one of from, regex, to\n  |\n2 | - rename_index: {rgex: a, to: b}\n  |                  ^",
        ),
        (
            "- rename_index: {regex: 'a(', to: b}",
            "`t.yaml`, line 1, column 25: regular expression `a(`, character 2: unclosed group\n  |\n1 | - rename_index: {regex: 'a(', to: b}\n  |                         ^",
        ),
        (
            "[{\"rename_index\": {\"regex\": \"a\", \"to\": \"$3\"}}]",
            "`t.yaml`, line 1, column 40: the regular expression has no group `3`\n  |\n1 | [{\"rename_index\": {\"regex\": \"a\", \"to\": \"$3\"}}]\n  |                                        ^",
        ),
        (
            "- filter: '.a ==='\n",
            "`t.yaml`, line 1, column 15: jq program, line 1, column 4: expected the end of the program, found `===`\n  |\n1 | - filter: '.a ==='\n  |               ^",
        ),
        (
            "- jq: |\n    .a\n    | foo(1)\n",
            "`t.yaml`, line 3, column 7: jq program, line 2, column 3: there is no filter `foo`\n  |\n3 |     | foo(1)\n  |       ^",
        ),
        (
            "- jq: \"\\tfoo\"\n",
            "`t.yaml`, line 1, column 7: jq program, line 1, column 2: there is no filter `foo`\n  |\n1 | - jq: \"\\tfoo\"\n  |       ^",
        ),
        (
            "- drop_fields: a\n",
            "`t.yaml`, line 1, column 16: expected a list\n  |\n1 | - drop_fields: a\n  |                ^",
        ),
        (
            "- javascript:\n    initialization_script: |\n      let x = 1;\n      let y = ;\n",
            "`t.yaml`, line 3, column 7: the script cannot be used: SyntaxError: unexpected token in expression: ';' (at initialization_script:2:9)\n  |\n3 |       let x = 1;\n  |       ^",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(error(text), expected);
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let table = [
        ("", "`t.yaml`: there is no step in it: write a list, or `[]` for no step"),
        ("# nothing", "`t.yaml`: there is no step in it: write a list, or `[]` for no step"),
        ("a: 1", "line 1, column 1: expected a list"),
        ("- [", "line 1, column 3: unclosed bracket '['"),
        ("- nonsense: 1", "line 1, column 3: unknown variant `nonsense`"),
        ("- drop_type: {a: 1}", "`drop_type` has no settings"),
        (
            "- rename_index: {to: b}",
            "line 1, column 3: `rename_index` needs either `from`, a name, or `regex`",
        ),
        ("- rename_index: {from: a, regex: a, to: b}", "`rename_index` needs either"),
        ("- rename_index: {regex: a}", "missing field `to`"),
        ("- rename_index: {regex: a, regex: b, to: c}", "line 1, column 28: duplicate mapping key: regex\n"),
        ("- rename_index: {regex: 'a)(b', to: c}", "unopened group"),
        ("- rename_index: {regex: '(?=a)', to: c}", "look-around"),
        (
            "- rename_index: {regex: a, to: 'b$'}",
            "`b$`: after `$` must stand a group, `&` or `$`, as in `$1`, `${name}`, `$$`",
        ),
        (
            "- types: {regex_mappings: [{source_index_pattern: a, source_type_pattern: '(', target_index_pattern: c}]}",
            "line 1, column 75: regular expression `(`, character 1: unclosed group",
        ),
        ("- drop_fields: ['a..b']", "line 1, column 17: `a..b` has an empty name"),
        ("- drop_fields: ['/a~b']", "`a~b`: in a JSON pointer, `~` is written `~0` and `/` is `~1`"),
        ("- set_fields: {a: .nan}", "line 1, column 19: "),
        ("- when: {steps: []}", "line 1, column 3: `when` needs `index`, `jq`, or both"),
        ("- javascript: {}", "line 1, column 3: `javascript` needs either `initialization_script`"),
        (
            "- javascript: {initialization_script: '1'}",
            "the value of the script is not a function: its last line should be `main`",
        ),
        (
            "- javascript: {initialization_script: '() => 1'}",
            "`main(context)` did not return the function that transforms documents",
        ),
        (
            "- javascript: {initialization_script: 'for(;;){}', time_limit_ms: 20}",
            "the script took longer than 20 ms",
        ),
        (
            "- javascript: {initialization_script: a, time_limit_ms: 0}",
            "line 1, column 57: expected 1 to 600000, found 0",
        ),
        ("- javascript: {initialization_script: a, memory_limit_mib: -1}", "line 1, column 60: "),
        (
            "- javascript: {initialization_script_file: no-such-file.js}",
            "script `no-such-file.js`: could not read it",
        ),
        (
            "- javascript: {initialization_script: a, bindings_object: '{'}",
            "`bindings_object` is a text, but not JSON",
        ),
    ];
    for (text, expected) in table {
        let found = error(text);
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn a_long_line_is_shown_in_part() {
    let text = format!("[{}{{\"drop_fields\": [\"a..b\"]}}]", "{\"drop_fields\": [\"a\"]}, ".repeat(20));
    let found = error(&text);
    let lines: Vec<&str> = found.lines().collect();
    assert!(lines[2].len() <= 104, "{found}");
    assert_eq!(&lines[2][lines[3].find('^').unwrap()..][..6], "\"a..b\"");
}

#[test]
fn yaml_and_json_are_the_same_chain() {
    let yaml = chain("- rename_index:\n    from: i\n    to: j\n- set_fields:\n    a: {b: [1, x]}\n");
    let json =
        chain(r#"[{"rename_index": {"from": "i", "to": "j"}}, {"set_fields": {"a": {"b": [1, "x"]}}}]"#);
    for chain in [yaml, json] {
        assert_eq!(apply(&chain, item("i", None, "{}")).unwrap(), [r#"j/1 {"a":{"b":[1,"x"]}}"#]);
    }
}

#[test]
fn the_digest_tells_files_and_scripts_apart() {
    let folder = tempfile("digest");
    let (file, script) = (folder.join("transforms.yaml"), folder.join("script.js"));
    std::fs::write(&file, "- javascript: {initialization_script_file: script.js}").unwrap();
    let digest = |text: &str| {
        std::fs::write(&script, text).unwrap();
        Chain::from_file(&file).unwrap().digest().to_owned()
    };
    let first = digest("() => (items) => items");
    assert_eq!(first, digest("() => (items) => items"));
    assert_ne!(first, digest("() => (items) => []"));
    assert_eq!(first.len(), 64);
    assert_ne!(chain("- drop_type").digest(), chain("- data_stream").digest());
    std::fs::remove_dir_all(folder).unwrap();
}

fn tempfile(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("ferry-transform-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_file_that_is_missing_is_named() {
    let error = Chain::from_file(std::path::Path::new("/no/such/file.yaml")).unwrap_err().to_string();
    assert!(error.starts_with("`/no/such/file.yaml`: could not read it: No such file"), "{error}");
}
