//! The response to a bulk request, the refusal of one, an action line, the body of a request, and a document on one line.
//!
//! The first byte is the number of operations of the request; the rest is all of the above.
#![no_main]

use codecs::bulk::{Action, OpType, OperationError, ParsedAction, items, read_error, read_response};
use codecs::json_line::write_on_one_line;
use fuzz as _; // its allocator
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((operations, body)) = input.split_first() else { return };
    let operations = usize::from(*operations);
    if let Ok(results) = read_response(body, operations) {
        assert_eq!(results.len(), operations);
        results.iter().filter_map(|result| result.error.as_ref()).for_each(check);
    }
    if let Some(error) = read_error(body) {
        check(&error);
    }
    if let Ok(parsed) = ParsedAction::parse(body) {
        assert_eq!(ParsedAction::parse(&written(&parsed)), Ok(parsed));
    }
    check_items(body);
    let mut line = Vec::new();
    write_on_one_line(body, &mut line);
    assert!(!line.contains(&b'\n'));
    let id = Action { id: Some(body), ..Action::default() };
    let mut line = Vec::new();
    id.write(&mut line);
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
    assert_eq!(
        ParsedAction::parse(&line).expect("a line").id.as_deref(),
        Some(&*String::from_utf8_lossy(body))
    );
});

/// The operations of a body, written again, are those of the body.
fn check_items(body: &[u8]) {
    let mut again = Vec::new();
    let found: Vec<_> = items(body).map_while(Result::ok).collect();
    for item in &found {
        for line in [Some(item.action), item.document].into_iter().flatten() {
            assert!(!line.contains(&b'\n'));
            again.extend_from_slice(line);
            again.push(b'\n');
        }
        let _ = item.target();
    }
    // A last action without its document has an empty one when it is followed by a line end.
    let is_whole = found.last().is_none_or(|item| item.document.is_some() || item.op == codecs::bulk::BulkOp::Delete);
    if is_whole {
        assert!(items(&again).map(Result::unwrap).eq(found));
    }
}

fn check(error: &OperationError) {
    assert!(error.reason.len() <= 1024 && error.type_name.len() <= 256);
}

fn written(parsed: &ParsedAction) -> Vec<u8> {
    let text = |text: &'_ Option<String>| text.clone().map(String::into_bytes);
    let (index, type_name, id) = (text(&parsed.index), text(&parsed.type_name), text(&parsed.id));
    let (routing, parent) = (text(&parsed.routing), text(&parsed.parent));
    let op = if parsed.op == "index" { OpType::Index } else { OpType::Create };
    let action = Action {
        op,
        index: index.as_deref(),
        type_name: type_name.as_deref(),
        id: id.as_deref(),
        routing: routing.as_deref(),
        parent: parent.as_deref(),
    };
    let mut line = Vec::new();
    action.write(&mut line);
    line
}
