mod config;
mod fields;
mod names;
mod workers;

use super::*;

/// A document as `index[/type]/id[ routing=…][ create] source`.
fn shown(output: &Output<'_>) -> String {
    let type_name = output.type_name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    let routing = output.routing.as_ref().map(|routing| format!(" routing={routing}")).unwrap_or_default();
    let create = if output.op == Operation::Create { " create" } else { "" };
    let id = output.id.as_deref().unwrap_or("(none)");
    format!("{}{type_name}/{id}{routing}{create} {}", output.index, String::from_utf8_lossy(&output.source))
}

fn item<'a>(index: &'a str, type_name: Option<&'a str>, source: &'a str) -> Item<'a> {
    Item { index, type_name, id: "1", routing: None, parent: None, source: source.as_bytes() }
}

fn apply(chain: &Chain, item: Item<'_>) -> Result<Vec<String>, Failure> {
    let mut outputs = Vec::new();
    chain.worker().apply(item, &mut |output| outputs.push(shown(&output)))?;
    Ok(outputs)
}

fn chain(text: &str) -> Chain {
    Chain::from_text("transforms.yaml", text).unwrap_or_else(|error| panic!("{error}"))
}

/// `_source` after the steps; the failure's reason if there is one.
fn source(text: &str, source: &str) -> String {
    match apply(&chain(text), item("i", None, source)) {
        Ok(outputs) => outputs.join("\n").trim_start_matches("i/1 ").to_owned(),
        Err(failure) => format!("failed: {}", failure.reason),
    }
}
