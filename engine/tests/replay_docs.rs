//! The examples of `docs/replay-transforms.md` do what the page says.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use engine::replay::{Outgoing, RequestTransforms, TransformStatus};
use std::io::Read as _;
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

/// A request that is written as `METHOD path [headers] body`.
fn request(line: &str) -> Outgoing {
    let (method, rest) = line.split_once(' ').unwrap();
    let (target, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let (headers, body) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((headers, body)) => (headers, body.trim_start()),
        None => ("", rest),
    };
    let body = body.replace('⏎', "\n");
    let headers: String = headers
        .split("; ")
        .filter(|header| !header.is_empty())
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let message = format!("{method} {target} HTTP/1.1\r\n{headers}{length}\r\n{body}");
    Outgoing::parse(&Bytes::from(message)).unwrap()
}

fn shown(request: &Outgoing) -> String {
    let headers = request.headers.iter().filter(|(name, _)| *name != "Content-Length");
    let headers = headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
    let headers = headers.collect::<Vec<_>>().join("; ");
    let mut body = request.body.to_vec();
    if request.headers.text("content-encoding") == Some("gzip") {
        body.clear();
        flate2::read::GzDecoder::new(&request.body[..]).read_to_end(&mut body).unwrap();
    }
    let body = String::from_utf8(body).unwrap().replace('\n', "⏎");
    let headers = if headers.is_empty() { String::new() } else { format!("[{headers}]") };
    let parts = [request.method.as_str(), request.target.as_str(), &headers, &body];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn applied(transforms: &RequestTransforms, line: &str) -> String {
    let transformed = transforms.apply(request(line));
    match transformed.status {
        TransformStatus::Unchanged => "→ unchanged".to_owned(),
        TransformStatus::Dropped { .. } => "→ dropped".to_owned(),
        TransformStatus::Failed(failure) => format!("→ failed: {}", failure.reason),
        TransformStatus::Transformed => format!("→ {}", shown(&transformed.request)),
    }
}

#[test]
fn the_examples_do_what_the_page_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/replay-transforms.md");
    let blocks = blocks(&std::fs::read_to_string(path).unwrap());
    let mut examples = 0;
    for pair in blocks.windows(2).filter(|pair| pair[0].0 == "yaml") {
        let [(_, steps), (language, requests)] = pair else { panic!("an example without requests") };
        assert_eq!(language, "text", "{steps}");
        let transforms = RequestTransforms::from_text("docs/replay-transforms.md", steps)
            .unwrap_or_else(|error| panic!("{error}"));
        for line in requests.lines().filter(|line| !line.starts_with('→')) {
            let outcome = applied(&transforms, line);
            assert!(requests.contains(&format!("{line}\n{outcome}")), "{line}\n{outcome}");
        }
        examples += 1;
    }
    assert_eq!(examples, 9);
}
