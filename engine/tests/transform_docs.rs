//! The examples of `docs/transforms.md` do what the page says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use engine::transform::{Chain, Item, Operation, Output};
use std::path::Path;

/// The fenced blocks of a page: language and text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), text.join("\n")));
        }
    }
    blocks
}

fn shown(output: &Output<'_>) -> String {
    let type_name = output.type_name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    let create = if output.op == Operation::Create { " create" } else { "" };
    let id = output.id.as_deref().unwrap_or("(none)");
    format!("→ {}{type_name}/{id}{create} {}", output.index, String::from_utf8_lossy(&output.source))
}

/// What comes of a document that is written as `index[/type]/id source`.
fn applied(chain: &Chain, document: &str) -> String {
    let (names, source) = document.split_once(' ').unwrap();
    let names: Vec<&str> = names.split('/').collect();
    let (index, type_name, id) = match names.as_slice() {
        [index, id] => (*index, None, *id),
        [index, type_name, id] => (*index, Some(*type_name), *id),
        _ => panic!("{document}"),
    };
    let item = Item { index, type_name, id, routing: None, parent: None, source: source.as_bytes() };
    let mut outputs = Vec::new();
    match chain.worker().apply(item, &mut |output| outputs.push(shown(&output))) {
        Ok(()) if outputs.is_empty() => "→ dropped".to_owned(),
        Ok(()) => outputs.join("\n"),
        Err(failure) => format!("→ failed: {}", failure.reason),
    }
}

#[test]
fn the_examples_do_what_the_page_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/transforms.md");
    let blocks = blocks(&std::fs::read_to_string(path).unwrap());
    let mut examples = 0;
    for pair in blocks.windows(2).filter(|pair| pair[0].0 == "yaml") {
        let [(_, steps), (language, documents)] = pair else { panic!("an example without documents") };
        assert_eq!(language, "text", "{steps}");
        let chain = Chain::from_text("docs/transforms.md", steps).unwrap_or_else(|error| panic!("{error}"));
        for document in documents.lines().filter(|line| !line.starts_with('→')) {
            let outcome = applied(&chain, document);
            assert!(documents.contains(&format!("{document}\n{outcome}")), "{document}\n{outcome}");
        }
        examples += 1;
    }
    assert_eq!(examples, 12);
}
