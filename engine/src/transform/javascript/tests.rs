use super::*;
use crate::transform::Operation;
use std::time::Duration;

fn script(text: &str) -> Script {
    Script {
        text: text.to_owned(),
        name: "script.js".to_owned(),
        bindings: r#"{"greeting":"hello","list":[{"a":1}]}"#.to_owned(),
        time_limit: Duration::from_millis(150),
        memory_limit: 16 << 20,
    }
}

/// The script whose function for one item is `body`, with `item` and `context` to use.
fn body(body: &str) -> Script {
    script(&format!(
        "function main(context) {{ return (items) => items.map((item) => {{ {body} }}); }}\n(() => main)();"
    ))
}

fn input(source: &str) -> ScriptInput<'_> {
    ScriptInput {
        index: "logs",
        type_name: Some("event"),
        id: Some("7"),
        routing: None,
        operation: Operation::Index,
        source: source.as_bytes(),
    }
}

fn run(script: &Script, source: &str) -> Result<Vec<ScriptOutput>, String> {
    script.start()?.transform(input(source))
}

/// `_source` after a script that gives one document.
fn source_after(script: &Script, source: &str) -> Result<String, String> {
    let outputs = run(script, source)?;
    let [ScriptOutput { source: Some(changed), .. }] = outputs.as_slice() else {
        panic!("{outputs:?}");
    };
    Ok(String::from_utf8(changed.clone()).unwrap())
}

#[test]
fn documents_are_maps_and_objects() {
    let table = [
        ("item.document.b = item.document.a + 1; return item", r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
        ("item.get('document').set('b', 2); return item", r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
        ("item.document.delete('a'); return item", r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
        ("delete item.document['a']; return item", r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
        (
            "item.document = {was: item.document instanceof Map, size: item.document.size}; return item",
            r#"{"a":1}"#,
            r#"{"was":true,"size":1}"#,
        ),
        (
            "item.document = {keys: [...item.document.keys()], own: Object.keys(item.document)}; return item",
            r#"{"a":1}"#,
            r#"{"keys":["a"],"own":["a"]}"#,
        ),
        (
            "item.document = {e: [...item.document], f: [...item.document.entries()]}; return item",
            r#"{"a":1}"#,
            r#"{"e":[["a",1]],"f":[["a",1]]}"#,
        ),
        (
            "const o = {}; item.document.forEach((v, k) => o[k + k] = v); item.document = o; return item",
            r#"{"a":1}"#,
            r#"{"aa":1}"#,
        ),
        (
            "return {...item, document: {...item.document, has: item.document.has('a'), not: item.document.has('get')}}",
            r#"{"a":1}"#,
            r#"{"a":1,"has":true,"not":false}"#,
        ),
        (
            "return new Map([...item, ['document', new Map([['x', new Map([['y', [1]]])]])]])",
            "{}",
            r#"{"x":{"y":[1]}}"#,
        ),
        (
            "return JSON.parse(JSON.stringify(item))",
            r#"{"a":{"b":[1,null,true,"x"]}}"#,
            r#"{"a":{"b":[1,null,true,"x"]}}"#,
        ),
        (
            "item.document = context.get('list')[0]; item.document.g = context.greeting; return item",
            "{}",
            r#"{"a":1,"g":"hello"}"#,
        ),
        ("item.document.x = undefined; return item", r#"{"a":1}"#, r#"{"a":1}"#),
        ("item.document.at = new Date(0); return item", "{}", r#"{"at":"1970-01-01T00:00:00.000Z"}"#),
        (
            "item.document.t = `${item.operation._index}/${item.operation.get('_type')}/${item.operation._id}`; return item",
            "{}",
            r#"{"t":"logs/event/7"}"#,
        ),
        (
            "item.document.s = item.schema + item.operation_type + item.include_document; return item",
            "{}",
            r#"{"s":"rfs-opensearch-bulk-v1indextrue"}"#,
        ),
    ];
    for (code, source, expected) in table {
        assert_eq!(source_after(&body(code), source).as_deref(), Ok(expected), "{code}");
    }
}

#[test]
fn a_name_of_a_builtin_is_a_name_like_any_other() {
    let source = r#"{"__proto__":{"a":1},"constructor":2,"get":3,"size":4,"toString":5,"length":6}"#;
    let table = [
        "item.document.length; return item",
        "item.document = {...item.document}; return item",
        "item.document = new Map(Object.entries(item.document)); return item",
        "Object.prototype.polluted = 1; item.document.length; return item",
    ];
    for code in table {
        assert_eq!(source_after(&body(code), source).as_deref(), Ok(source), "{code}");
    }
}

#[test]
fn a_document_that_the_script_never_asks_for_is_not_parsed() {
    let code = "item.operation._index = 'new-' + item.operation._index; item.operation.delete('_type');
                item.operation.routing = 'r'; item.operation.op_type = 'create'; return item";
    let expected = ScriptOutput {
        index: "new-logs".to_owned(),
        type_name: None,
        id: Some("7".to_owned()),
        routing: Some("r".to_owned()),
        operation: Operation::Create,
        source: None,
    };
    assert_eq!(run(&body(code), "this is no JSON"), Ok(vec![expected]));
    let asked = run(&body("item.document; return item"), "this is no JSON").unwrap_err();
    let expected = "TypeError: `_source` is not JSON at byte 0: expected a value, found `this`";
    assert!(asked.starts_with(expected), "{asked}");
}

#[test]
fn a_value_that_is_not_changed_keeps_its_text() {
    let source = r#"{"a":[1e400,1.0,12345678901234567890,-0.0,-0,1E5,0.10,NaN,-Infinity],"s":"\u00e9\/","o":{"big":9007199254740993}}"#;
    let untouched = body("item.document.o.x = 1; return item");
    let expected = source.replace("40993}", "40993,\"x\":1}");
    assert_eq!(source_after(&untouched, source).as_deref(), Ok(expected.as_str()));
}

#[test]
fn integers_that_a_number_cannot_hold_are_bigints() {
    let table = [
        ("item.document.a += 1n; return item", r#"{"a":9007199254740993}"#, r#"{"a":9007199254740994}"#),
        (
            "item.document.b = item.document.a; return item",
            r#"{"a":-12345678901234567890123}"#,
            r#"{"a":-12345678901234567890123,"b":-12345678901234567890123}"#,
        ),
        (
            "item.document.b = typeof item.document.a; return item",
            r#"{"a":9007199254740991}"#,
            r#"{"a":9007199254740991,"b":"number"}"#,
        ),
        ("item.document.b = item.document.a; return item", r#"{"a":1.0}"#, r#"{"a":1.0,"b":1}"#),
        (
            "item.document = {a: 1e20, b: 1e300, c: -0, d: 0.1, e: -5}; return item",
            "{}",
            r#"{"a":100000000000000000000,"b":1e+300,"c":-0.0,"d":0.1,"e":-5}"#,
        ),
    ];
    for (code, source, expected) in table {
        assert_eq!(source_after(&body(code), source).as_deref(), Ok(expected), "{code}");
    }
    let mixed = source_after(&body("item.document.a += 1; return item"), r#"{"a":9007199254740993}"#);
    let mixed = mixed.unwrap_err();
    assert!(mixed.starts_with("TypeError: cannot convert BigInt to number"), "{mixed}");
}

#[test]
fn a_script_gives_one_item_several_or_none() {
    let ids = |text: &str| -> Result<Vec<String>, String> {
        Ok(run(&script(text), "{}")?
            .into_iter()
            .map(|output| output.id.unwrap_or("none".to_owned()))
            .collect())
    };
    let table: [(&str, &[&str]); 9] = [
        ("() => (items) => items", &["7"]),
        ("() => (items) => items[0]", &["7"]),
        ("() => (items) => []", &[]),
        ("() => (items) => null", &[]),
        ("() => (items) => items.map((item) => [])", &[]),
        ("() => (items) => [items, [[items[0]]]]", &["7", "7"]),
        ("() => async (items) => items", &["7"]),
        (
            "() => ([item]) => ['a', 'b'].map((_id) => ({...item, operation: {...item.operation, _id}}))",
            &["a", "b"],
        ),
        ("() => ([item]) => { delete item.operation._id; return item }", &["none"]),
    ];
    for (text, expected) in table {
        assert_eq!(ids(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_is_no_item_is_a_failure() {
    let table = [
        ("() => (items) => {}", "the script returned nothing: return the item, or `[]` to drop the document"),
        ("() => (items) => 5", "the script returned a value of the type int, not an item or a list of items"),
        (
            "() => (items) => (() => 1)",
            "the script returned a value of the type function, not an item or a list of items",
        ),
        (
            "() => ([item]) => ({...item, operation: undefined})",
            "`operation` is the value `undefined`, not an object",
        ),
        ("() => ([item]) => ({schema: item.schema, document: {}})", "the item has no `operation`"),
        ("() => ([item]) => ({operation: item.operation})", "the item has no `document`"),
        (
            "() => ([item]) => ({...item, document: [1]})",
            "`document` is a value of the type array, not an object",
        ),
        ("() => ([item]) => ({...item, document: null})", "`document` is the value `null`, not an object"),
        (
            "() => ([item]) => ({...item, operation_type: 'delete'})",
            "`operation_type` is `delete`, which cannot be carried to the target",
        ),
        (
            "() => ([item]) => { item.operation.pipeline = 'p'; return item }",
            "`pipeline` is `p`, which cannot be carried to the target",
        ),
        (
            "() => ([item]) => { item.operation._id = 5; return item }",
            "`_id` is a value of the type int, not a string",
        ),
        ("() => ([item]) => { item.operation._index = null; return item }", "`operation` has no `_index`"),
        (
            "() => ([item]) => { item.schema = 'v2'; return item }",
            "`schema` is `v2`, which cannot be carried to the target",
        ),
        (
            "() => ([item]) => { item.document.x = () => 1; return item }",
            "the document has a value of the type function",
        ),
        (
            "() => ([item]) => { item.document.x = new Set([1]); return item }",
            "there is a Set, which JSON has no form for",
        ),
        (
            "() => ([item]) => { item.document.x = /a/; return item }",
            "there is a RegExp, which JSON has no form for",
        ),
        (
            "() => ([item]) => { item.document.x = [undefined]; return item }",
            "the document has the value `undefined`",
        ),
        (
            "() => ([item]) => { item.document.x = 1 / 0; return item }",
            "the document has the number inf, which JSON cannot write",
        ),
        (
            "() => ([item]) => { item.document.x = '\\ud800'; return item }",
            "the result has a text that is not Unicode: half of a surrogate pair",
        ),
        ("() => ([item]) => { throw 'plain' }", "the script threw `plain`"),
        ("() => ([item]) => { throw undefined }", "the script threw the value `undefined`"),
        (
            "() => ([item]) => { throw new TypeError('bad') }",
            "TypeError: bad (at <anonymous> (script.js:1:31))",
        ),
        (
            "() => async ([item]) => { throw new Error('later') }",
            "Error: later (at <anonymous> (script.js:1:37))",
        ),
        ("() => (items) => new Promise(() => {})", "the promise of the script is never settled"),
        (
            "let old; () => ([item]) => { const was = old; old = item; if (was) was.document; return item }",
            "",
        ),
    ];
    for (text, expected) in table.into_iter().filter(|(_, expected)| !expected.is_empty()) {
        assert_eq!(run(&script(text), "{}"), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn the_document_of_an_earlier_item_cannot_be_mixed_up() {
    let engine = script("let first; () => ([item]) => first ??= item").start().unwrap();
    assert_eq!(engine.transform(input(r#"{"a":1}"#)).unwrap()[0].source, None);
    let failure = engine.transform(input(r#"{"a":2}"#)).unwrap_err();
    assert!(failure.starts_with("Error: the document of an earlier item was asked for"), "{failure}");
}

#[test]
fn names_that_are_there_twice_are_refused() {
    let failure = run(&body("item.document; return item"), r#"{"a":{"b":1,"b":2}}"#).unwrap_err();
    let expected =
        "TypeError: `_source` is not JSON at byte 12: the name \"b\" is there twice: one value would be lost";
    assert!(failure.starts_with(expected), "{failure}");
}

#[test]
fn deep_documents_are_refused_and_one_at_the_limit_is_not() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let touch = body("item.document.a; return item");
    assert_eq!(source_after(&touch, &nested(200)), Ok(nested(200)));
    let failure = source_after(&touch, &nested(201)).unwrap_err();
    assert!(failure.contains("nested deeper than 200: too deep for a script"), "{failure}");
}

#[test]
fn hostile_scripts_cost_one_document() {
    let slow = "the script took longer than 150 ms";
    let memory = "the script needs more than 16 MiB of memory";
    let stack = "Maximum call stack size exceeded";
    let table = [
        ("for (;;) {}", slow),
        ("try { for (;;) {} } catch (e) {} return item", slow),
        ("for (;;) try { for (;;) {} } finally { continue }", slow),
        ("/(a+)+$/.test('a'.repeat(40) + 'b'); return item", slow),
        ("const spin = () => Promise.resolve().then(spin); spin(); return item", ""),
        ("const a = []; a.length = 2 ** 32 - 1; a.indexOf(1); return item", slow),
        ("Array.prototype.includes.call({length: 2 ** 53 - 1}, 1); return item", slow),
        ("item.document.x = {get y() { for (;;) {} }}; return item", slow),
        (
            "const e = new Error(); Object.defineProperty(e, 'message', {get() { for (;;) {} }}); throw e",
            slow,
        ),
        (
            "const a = [1, 2]; let b = a; for (let i = 0; i < 60; i++) b = [b, b]; item.document.b = b; return item",
            slow,
        ),
        ("const a = []; for (;;) a.push(new Array(1000).fill(1))", memory),
        ("let s = 'x'; for (;;) s += s", "InternalError: string too long"),
        ("let s = 'x'; for (let i = 0; i < 26; i++) s += s; item.document.s = s; return item", memory),
        ("item.document.x = 'x'.repeat(2 ** 29); return item", memory),
        ("const a = new Uint8Array(2 ** 30); return item", ""),
        ("const f = () => f() + 1; f()", stack),
        ("const o = {get a() { return this.a }}; o.a", stack),
        ("let a = []; for (let i = 0; i < 1e5; i++) a = [a]; JSON.stringify(a)", stack),
        ("const a = []; a[0] = a; a.flat(Infinity)", stack),
        (
            "item.document.self = item.document; return item",
            "the document is nested deeper than 200, or in itself",
        ),
        ("item.document.x = {get y() { throw new Error('no') }}; return item", "Error: no"),
        ("return new Array(20000).fill(item)", "the script returned more than 10000 items"),
        (
            "const a = []; a.length = 2 ** 32 - 1; a.reverse(); return item",
            "RangeError: an array of length 4294967295 is too long",
        ),
        (
            "Array.prototype.fill.call({length: 2 ** 53 - 1}, 1)",
            "TypeError: Array.prototype.fill takes an array only",
        ),
        ("new Proxy({}, {})", "ReferenceError: Proxy is not defined"),
        ("eval('for (;;) {}')", slow),
        ("import('fs').then((fs) => fs)", ""),
        ("std.exit(1)", "ReferenceError: std is not defined"),
        ("performance.now()", "ReferenceError: performance is not defined"),
        ("Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0)", ""),
        ("__ferry.kind = 1; return item", ""),
    ];
    for (code, expected) in table {
        let result = run(&body(code), "{}");
        println!("{code}: {result:?}");
        if !expected.is_empty() {
            let failure = result.unwrap_err();
            assert!(failure.contains(expected), "{code}: {failure}");
        }
    }
}

#[test]
fn a_script_that_changes_builtins_changes_nothing_outside() {
    let code = "
        const map = new Map([['b', 1]]);
        JSON.stringify = () => { throw 1 }; Map.prototype.forEach = () => { throw 2 };
        Object.keys = () => { throw 3 }; Array.prototype[Symbol.iterator] = () => { throw 4 };
        Date.prototype.toISOString = () => 'x'; String = () => 'y'; Object.prototype.toJSON = () => 'z';
        Function.prototype.call = () => { throw 5 }; Function.prototype.apply = () => { throw 6 };
        Object.getPrototypeOf = () => { throw 7 }; Object.getOwnPropertyDescriptor = () => { throw 8 };
        item.document = {a: map, d: new Date(0), n: 12345678901234567890n};
        return item";
    let expected = r#"{"a":{"b":1},"d":"1970-01-01T00:00:00.000Z","n":12345678901234567890}"#;
    assert_eq!(source_after(&body(code), "{}").as_deref(), Ok(expected));
}

#[test]
fn engines_work_on_any_thread() {
    let engine = body("item.document.n += 1; return item").start().unwrap();
    let threads = (0..3).fold(engine, |engine, _| {
        let work = std::thread::spawn(move || {
            assert_eq!(
                engine.transform(input(r#"{"n":1}"#)).unwrap()[0].source.as_deref(),
                Some(&br#"{"n":2}"#[..])
            );
            engine
        });
        work.join().unwrap()
    });
    drop(threads);
}
