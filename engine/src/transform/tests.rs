use super::*;

fn _is_shared<T: Send + Sync + Clone>() {}
fn _is_sent<T: Send>() {}
#[test]
fn x() {
    _is_shared::<Chain>();
    _is_sent::<Worker>();
    for text in [
        "- rename_index: {regex: '(', to: a}",
        "- rename_index: {rgex: a, to: b}",
        "- rename_index:\n    regex: a\n",
        "- nonsense: 1",
        "- drop_fields: 3",
        "- drop_fields:\n  - 'a..b'\n",
        "- set_fields: {a: 1.0, b: [1, x, null], c: {d: 123456789012345678901234567890, e: .inf}}",
        "- filter: '.a ==='\n",
        "- filter: |\n    .a\n    | foo(1)\n",
        "- drop_type",
        "- drop_type: {}",
        "- drop_type:",
        "- [",
        "a: 1",
        "",
        "- when: {steps: []}",
        "- javascript: {initialization_script: 'let x = ;'}",
        "- javascript: {initialization_script: '(c) => { throw new Error(1) }'}",
        "- javascript: {initialization_script: 'while(1){}', time_limit_ms: 20}",
        "- javascript: {initialization_script: '1'}",
        "- javascript: {initialization_script: '() => 1'}",
        "[{\"rename_index\": {\"regex\": \"a\", \"to\": \"$3\"}}]",
        "- rename_index: {regex: a, regex: b, to: c}",
    ] {
        println!("=== {text}");
        match Chain::from_text("t.yaml", text) {
            Ok(chain) => println!("ok {} {:?}", chain.steps().len(), chain.steps()),
            Err(e) => println!("{e}"),
        }
    }
}
