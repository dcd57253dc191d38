use super::*;

const COUNTER: &str = "
- javascript:
    initialization_script: |
      function main(context) {
        let calls = 0;
        return (items) => items.map((item) => {
          calls += 1;
          if (item.document.fail) throw new Error('asked to');
          item.document.calls = calls;
          return item;
        });
      }
      main";

#[test]
fn a_chain_is_shared_and_a_worker_moves() {
    fn is_shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn is_sent<T: Send + 'static>(_: &T) {}
    let chain = chain(COUNTER);
    is_shared(&chain);
    is_sent(&chain.worker());
}

#[test]
fn debug_output_shows_no_value_of_the_file() {
    let text = "- set_fields: {a: hush}\n- javascript: {bindings_object: {b: hush}, initialization_script: '/* hush */ () => (items) => items'}";
    let chain = chain(text);
    let expected = r#"Chain(["1 `set_fields` (line 1)", "2 `javascript` (line 2)"])"#;
    assert_eq!(format!("{chain:?}"), expected);
    let mut worker = chain.worker();
    worker.apply(item("i", None, "{}"), &mut |_| ()).unwrap();
    assert!(!format!("{worker:?}").contains("hush"));
}

#[test]
fn the_engine_of_a_worker_goes_back_to_the_chain() {
    let chain = chain(COUNTER);
    for expected in ["i/1 {\"calls\":1}", "i/1 {\"calls\":2}", "i/1 {\"calls\":3}"] {
        assert_eq!(apply(&chain, item("i", None, "{}")).unwrap(), [expected]);
    }
    let mut first = chain.worker();
    let second = apply(&chain, item("i", None, "{}")).unwrap(); // another engine: the first one is taken
    assert_eq!(second, ["i/1 {\"calls\":1}"]);
    first
        .apply(item("i", None, "{}"), &mut |output| assert_eq!(shown(&output), "i/1 {\"calls\":4}"))
        .unwrap();
}

#[test]
fn after_a_failure_the_script_starts_afresh() {
    let chain = chain(COUNTER);
    assert_eq!(apply(&chain, item("i", None, "{}")).unwrap(), ["i/1 {\"calls\":1}"]);
    let failure = apply(&chain, item("i", None, r#"{"fail":true}"#)).unwrap_err();
    assert_eq!(failure.transform.as_ref(), "1 `javascript` (line 2)");
    assert!(failure.reason.starts_with("Error: asked to (at "), "{}", failure.reason);
    assert_eq!(apply(&chain, item("i", None, "{}")).unwrap(), ["i/1 {\"calls\":1}"]);
}

#[test]
fn many_threads_share_a_chain() {
    use rayon::prelude::*;
    let chain = chain(
        "- jq: .n += 1\n- javascript: {initialization_script: '() => ([item]) => { item.document.n += 1; return item }'}\n- set_fields: {x: 1}",
    );
    (0..200).into_par_iter().for_each(|number| {
        let source = format!("{{\"n\":{number}}}");
        let expected = format!("i/1 {{\"n\":{},\"x\":1}}", number + 2);
        assert_eq!(apply(&chain, item("i", None, &source)).unwrap(), [expected]);
    });
}

#[test]
fn a_failure_gives_no_output_even_after_others() {
    let text = "
- javascript:
    initialization_script: |
      () => ([item]) => [1, 2, 3].map((n) => ({
        ...item, operation: {...item.operation, _id: `${item.operation._id}-${n}`}, document: {n},
      }))
- jq: if .n == 3 and $id == \"1-3\" and $index == \"bad\" then error(\"no\") else . end
- filter: .n != 2";
    let chain = chain(text);
    assert_eq!(apply(&chain, item("i", None, "{}")).unwrap(), ["i/1-1 {\"n\":1}", "i/1-3 {\"n\":3}"]);
    let mut outputs = 0;
    let failure = chain.worker().apply(item("bad", None, "{}"), &mut |_| outputs += 1).unwrap_err();
    assert_eq!((failure.to_string().as_str(), outputs), ("transform 2 `jq` (line 7): no", 0));
}

#[test]
fn two_documents_of_one_id_are_a_failure() {
    let chain = chain("- javascript: {initialization_script: '() => ([item]) => [item, item]'}");
    let failure = apply(&chain, item("i", None, "{}")).unwrap_err();
    assert_eq!(failure.reason, "it makes two documents with the `_id` `1` for the index `i`");
}

#[test]
fn steps_work_on_what_the_steps_before_them_made() {
    let text = "
- rename_fields: {a: b}
- filter: .b == 1
- when: {jq: .b == 1, steps: [{set_fields: {c: 2}}, {jq: '.d = .c + 1'}]}
- copy_fields: {d: e}";
    assert_eq!(source(text, r#"{"a":1}"#), r#"{"b":1,"c":2,"d":3,"e":3}"#);
    assert_eq!(source(text, r#"{"a":2}"#), "");
}

#[test]
fn routing_and_parent_stay_with_the_document() {
    let document = Item { routing: Some("r"), parent: Some("p"), ..item("i", Some("t"), r#"{"a":1}"#) };
    let mut seen = Vec::new();
    let text = "- drop_fields: [a]\n- jq: .\n- javascript: {initialization_script: '() => (items) => items'}";
    chain(text)
        .worker()
        .apply(document, &mut |output| seen.push((shown(&output), output.parent.map(str::to_owned))))
        .unwrap();
    assert_eq!(seen, [("i/t/1 routing=r {}".to_owned(), Some("p".to_owned()))]);
}
