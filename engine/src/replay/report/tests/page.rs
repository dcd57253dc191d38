//! The page of a report.

use super::*;

/// Checks that elements are closed in the order in which they were opened, and gives all tags.
fn tags(page: &str) -> Vec<String> {
    const EMPTY: [&str; 3] = ["meta", "br", "!DOCTYPE"];
    let (mut open, mut tags) = (Vec::new(), Vec::new());
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("a tag ends");
        assert!(!tag.contains('<'), "{tag}");
        rest = after;
        let name = tag.split([' ', '\n']).next().unwrap().to_owned();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{tag}");
        } else if !EMPTY.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(name.clone());
        }
        tags.push(tag.to_owned());
    }
    assert!(open.is_empty(), "{open:?}");
    tags
}

fn fixture_page() -> String {
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/tuples");
    page(&report_of(fixture, Settings::default()).unwrap())
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    let page = fixture_page();
    let tags = tags(&page);
    for name in ["script", "link", "img", "iframe", "object", "base", "form", "a"] {
        assert!(!tags.iter().any(|tag| tag.split(' ').next() == Some(name)), "{name}");
    }
    for text in ["http:", "https:", "//", "@import", "url(", "src=", "href="] {
        let head = page.split("<main>").next().unwrap();
        assert!(!head.contains(text), "{text}");
        assert!(!tags.iter().any(|tag| tag.contains(text)), "{text}");
    }
    assert!(page.contains("default-src 'none'"));
    assert_eq!(tags.iter().filter(|tag| tag.starts_with("svg")).count(), 8); // 6 of times, one over time, one of hits
}

#[test]
fn what_comes_from_a_tuple_is_never_markup() {
    const EVIL: &str = r#"{"x":"<script>alert(1)</script>\"'&"}"#;
    let request = |target: &str| format!("GET {target} HTTP/1.1\r\n\r\n");
    let tuples = [
        Written {
            request: request("/a/_search?q=<script>1</script>"),
            ..Written::search(0, EVIL, r#"{"x":1}"#)
        },
        Written { request: request("/a/_search?q=2"), ..Written::search(1, r#"{"<b onload='x'>":1}"#, "{}") },
        Written {
            request: request("/a/_search?q=3"),
            offset: 2,
            target: Err("<img src=x onerror=alert(1)>"),
            ..Written::default()
        },
    ];
    let text = tuples.iter().map(Written::line).collect::<String>() + "<u>\n";
    let report = report(&[("<i>.ndjson", &text)], Settings::default());
    assert_eq!(report.mismatches.len(), 3);
    let page = page(&report);
    let tags = tags(&page);
    for name in ["script", "img", "u"] {
        assert!(!tags.iter().any(|tag| tag.split(' ').next() == Some(name)), "{name}");
    }
    assert!(!tags.iter().any(|tag| tag.contains("onload") || tag.contains("onerror")));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(
        page.contains("<code>&lt;i&gt;.ndjson</code>") && page.contains("&lt;img src=x onerror=alert(1)&gt;")
    );
}

#[test]
fn defect_16_credentials_are_not_in_a_report() {
    let request =
        "GET http://me:hunter2@host/a/_search?token=hunter2 HTTP/1.1\r\nAuthorization: Basic hunter2\r\n\r\n";
    let tuple = Written {
        request: request.to_owned(),
        ..Written::search(0, r#"{"api_key":"hunter2"}"#, r#"{"api_key":"hunter22"}"#)
    };
    // A tuple of Java, which redacts nothing.
    let line =
        tuple.line().replace("REDACTED@", "me:hunter2@").replace("[\"REDACTED\"]", "[\"Basic hunter2\"]");
    assert!(line.contains("hunter2"));
    let report = report(&[("a.ndjson", &line)], Settings::default());
    assert_eq!(report.mismatches.len(), 1);
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("hunter2") && !page(&report).contains("hunter2"), "{json}");
}

#[test]
fn an_empty_report_is_a_page_too() {
    let page = page(&Report::default());
    tags(&page);
    assert!(page.contains("No tuple has the times of both"));
}
