use super::*;

fn moved(text: &str, index: &str, type_name: Option<&str>) -> String {
    match apply(&chain(text), item(index, type_name, "{}")) {
        Ok(outputs) if outputs.is_empty() => "dropped".to_owned(),
        Ok(outputs) => outputs.join("\n").trim_end_matches(" {}").to_owned(),
        Err(failure) => failure.to_string(),
    }
}

#[test]
fn indices_are_renamed() {
    let table = [
        ("{from: logs, to: new}", "logs", "new/1"),
        ("{from: logs, to: new}", "logs-1", "logs-1/1"),
        ("{from: 'l.gs', to: new}", "logs", "logs/1"),
        ("{regex: '(.+)-(\\d+)', to: '$2-$1'}", "logs-7", "7-logs/1"),
        ("{regex: '(.+)-(\\d+)', to: '$1_x'}", "logs-7", "logs_x/1"),
        ("{regex: '(?P<name>.+)-old', to: '${name}-new'}", "logs-old", "logs-new/1"),
        ("{regex: '(?<name>.+)-old', to: '$<name>-new'}", "logs-old", "logs-new/1"),
        ("{regex: 'logs', to: 'v2-$&'}", "logs", "v2-logs/1"),
        ("{regex: 'log', to: x}", "logs", "logs/1"),
        ("{regex: 'a|b', to: x}", "b", "x/1"),
        ("{regex: 'a|b', to: x}", "ab", "ab/1"),
    ];
    for (rename, index, expected) in table {
        assert_eq!(moved(&format!("- rename_index: {rename}"), index, None), expected, "{rename}");
    }
}

#[test]
fn a_name_that_no_index_can_have_is_a_failure() {
    let failure = |problem: &str| format!("transform 1 `rename_index` (line 1): {problem}");
    let table = [
        ("''", "`` cannot be the name of an index: it is empty"),
        ("Logs", "`Logs` cannot be the name of an index: capital letters are not allowed in it"),
        ("a/b", "`a/b` cannot be the name of an index: '/' is not allowed in it"),
        (
            "_x",
            "`_x` cannot be the name of an index: a name cannot begin with `_`, `-` or `+`, nor be `.` or `..`",
        ),
    ];
    for (to, problem) in table {
        assert_eq!(moved(&format!("- rename_index: {{from: i, to: {to}}}"), "i", None), failure(problem));
    }
    assert_eq!(moved("- rename_index: {from: other, to: x}", "Odd,Name", None), "Odd,Name/1");
}

#[test]
fn types_are_routed_as_the_java_migrator_does() {
    let fixed = "- types: {static_mappings: {shop: {item: items, user: users}}}";
    let patterns = "
- TypeMappingSanitizationTransformerProvider:
    staticMappings: {shop: {item: items}}
    regexMappings:
      - {sourceIndexPattern: 'time-(\\d+)', sourceTypePattern: (cpu|mem), targetIndexPattern: $2-$1}
      - {sourceIndexPattern: (.*), sourceTypePattern: _doc, targetIndexPattern: $1}
    sourceProperties: {version: {major: 6, minor: 8}}";
    let table = [
        (fixed, "shop", Some("item"), "items/1"),
        (fixed, "shop", Some("user"), "users/1"),
        (fixed, "shop", Some("order"), "dropped"),
        (fixed, "shop", None, "dropped"),
        (fixed, "other", Some("any"), "other/1"),
        ("- types: {}", "other", Some("any"), "other/1"),
        (patterns, "shop", Some("item"), "items/1"),
        (patterns, "shop", Some("cpu"), "dropped"),
        (patterns, "time-7", Some("cpu"), "cpu-7/1"),
        (patterns, "time-7", Some("disk"), "dropped"),
        (patterns, "other", None, "other/1"),
        (patterns, "other", Some("any"), "dropped"),
        ("- types: {regex_mappings: []}", "other", Some("any"), "dropped"),
        ("- types: {static_mappings: {other: {any: ''}}}", "other", Some("any"), "dropped"),
        (
            "- types: {regex_mappings: [{source_index_pattern: a|b, source_type_pattern: c|d, target_index_pattern: x}]}",
            "b",
            Some("c"),
            "x/1",
        ),
        (
            "- types: {regex_mappings: [{source_index_pattern: a|b, source_type_pattern: c|d, target_index_pattern: x}]}",
            "a",
            Some("e"),
            "dropped",
        ),
        ("- drop_type", "other", Some("any"), "other/1"),
        ("- drop_type: {}", "other", Some("any"), "other/1"),
        ("[{\"JsonTransformerForDocumentTypeRemovalProvider\": \"\"}]", "other", Some("any"), "other/1"),
        ("- NoopTransformerProvider", "other", Some("any"), "other/any/1"),
    ];
    for (text, index, type_name, expected) in table {
        assert_eq!(moved(text, index, type_name), expected, "{text} {index} {type_name:?}");
    }
}

#[test]
fn backing_indices_become_their_data_stream() {
    let table = [
        (".ds-logs-2024.01.15-000034", "logs/1 create"),
        (".ds-logs-000034", "logs/1 create"),
        (".ds-logs-nginx-prod-2024.01.15-000001", "logs-nginx-prod/1 create"),
        (".ds-logs-2024.01-000001", "logs-2024.01/1 create"),
        (".ds-logs-2024.01.15-1000000", "logs/1 create"),
        (".ds-logs-00034", ".ds-logs-00034/1"),
        (".ds-logs", ".ds-logs/1"),
        (".ds--000001", ".ds--000001/1"),
        ("logs-2024.01.15-000034", "logs-2024.01.15-000034/1"),
    ];
    for (index, expected) in table {
        assert_eq!(moved("- data_stream", index, None), expected, "{index}");
    }
}

#[test]
fn steps_apply_where_their_condition_holds() {
    let text = "
- when:
    index: logs-.*
    steps:
      - rename_index: {regex: 'logs-(.*)', to: 'l-$1'}
      - when: {index: l-x, steps: [{rename_index: {from: l-x, to: special}}]}
- when: {index: drop.*, steps: [{types: {regex_mappings: []}}]}
- rename_index: {from: l-y, to: last}";
    for (index, expected) in
        [("logs-x", "special/1"), ("logs-y", "last/1"), ("other", "other/1"), ("drop-1", "dropped")]
    {
        assert_eq!(moved(text, index, None), expected, "{index}");
    }
}

#[test]
fn a_condition_may_look_at_the_document_and_its_metadata() {
    let text = "
- when:
    index: logs
    jq: .level == \"debug\" and $type == \"event\"
    steps: [{rename_index: {from: logs, to: debug}}, drop_type]";
    let chain = chain(text);
    let document = |index, type_name, level: &str| {
        let source = format!("{{\"level\":\"{level}\"}}");
        apply(&chain, item(index, type_name, &source)).unwrap()[0].split(' ').next().unwrap().to_owned()
    };
    assert_eq!(document("logs", Some("event"), "debug"), "debug/1");
    assert_eq!(document("logs", Some("event"), "info"), "logs/event/1");
    assert_eq!(document("logs", None, "debug"), "logs/1");
    assert_eq!(document("other", Some("event"), "debug"), "other/event/1");
}

#[test]
fn target_indices_are_known_where_they_do_not_depend_on_documents() {
    let table = [
        (
            "- rename_index: {regex: 'a-(.)', to: 'b-$1'}\n- rename_index: {from: b-1, to: c}",
            "a-1",
            Some("c"),
        ),
        ("- data_stream", ".ds-logs-2024.01.15-000034", Some("logs")),
        ("- drop_fields: [a]\n- filter: .a\n- jq: .", "a", Some("a")),
        ("- types: {}", "a", Some("a")),
        ("- types: {static_mappings: {a: {b: c}}}", "a", None),
        ("- types: {static_mappings: {a: {b: c}}}", "x", Some("x")),
        ("- types: {regex_mappings: []}", "a", None),
        ("- javascript: {initialization_script: '() => (items) => items'}", "a", None),
        ("- when: {index: a, steps: [{rename_index: {from: a, to: b}}]}", "a", Some("b")),
        ("- when: {index: x, steps: [{rename_index: {from: a, to: b}}]}", "a", Some("a")),
        ("- when: {jq: .x, steps: [{rename_index: {from: a, to: b}}]}", "a", None),
        ("- when: {jq: .x, steps: [{drop_fields: [x]}]}", "a", Some("a")),
        ("[]", "a", Some("a")),
    ];
    for (text, index, expected) in table {
        assert_eq!(chain(text).rename_index(index).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_document_is_parsed_only_where_a_step_looks_at_it() {
    let table = [
        ("- rename_index: {from: a, to: b}\n- types: {}\n- drop_type\n- data_stream", false),
        ("- when: {index: a, steps: [drop_type]}", false),
        ("- when: {index: a, steps: [{drop_fields: [a]}]}", true),
        ("- when: {jq: .a, steps: [drop_type]}", true),
        ("- filter: .a", true),
        ("- set_fields: {a: 1}", true),
    ];
    for (text, expected) in table {
        assert_eq!(chain(text).needs_document(), expected, "{text}");
    }
    let rename = chain("- rename_index: {from: i, to: j}");
    assert_eq!(apply(&rename, item("i", None, "not JSON")).unwrap(), ["j/1 not JSON"]);
}
