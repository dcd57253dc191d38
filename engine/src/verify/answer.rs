//! Documents as a cluster gives them, in the answers of `_mget` and `_search`.
//!
//! The answers are scanned and not parsed: a cluster puts a stored `_source` into them as it is, with comments and all
//! else that it once accepted.

use codecs::json_compare::string;
use codecs::json_scan::{NotJson, elements, members};

/// A document of an answer; what is not there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found<'a> {
    id: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
    routing: Option<&'a [u8]>,
    parent: Option<&'a [u8]>,
    found: Option<&'a [u8]>,
    /// `_source` as it stands.
    pub(super) source: Option<&'a [u8]>,
    /// `error` as it stands.
    pub(super) error: Option<&'a [u8]>,
    /// The sort values of a hit, as they stand.
    pub(super) sort: Option<&'a [u8]>,
}

impl<'a> Found<'a> {
    fn read(text: &'a [u8]) -> Result<Self, NotJson> {
        let mut found = Self::default();
        for member in members(text)? {
            let (name, value) = member?;
            let place = match name {
                b"\"_id\"" => &mut found.id,
                b"\"_type\"" => &mut found.type_name,
                b"\"_routing\"" => &mut found.routing,
                b"\"_parent\"" => &mut found.parent,
                b"\"found\"" => &mut found.found,
                b"\"_source\"" => &mut found.source,
                b"\"error\"" => &mut found.error,
                b"\"sort\"" => &mut found.sort,
                _ => continue,
            };
            *place = Some(value);
        }
        Ok(found)
    }

    pub(super) fn id(&self) -> Option<String> {
        self.id.map(string)
    }

    pub(super) fn type_name(&self) -> Option<String> {
        self.type_name.map(string)
    }

    pub(super) fn routing(&self) -> Option<String> {
        self.routing.map(string)
    }

    pub(super) fn parent(&self) -> Option<String> {
        self.parent.map(string)
    }

    pub(super) fn is_found(&self) -> bool {
        self.found == Some(b"true")
    }

    /// Whether the error is of this type; in Elasticsearch 1 and 2 it is a text in other words.
    pub(super) fn has_error(&self, error_type: &str) -> bool {
        let error = String::from_utf8_lossy(self.error.unwrap_or_default()).to_lowercase().replace('_', "");
        error.contains(&error_type.replace('_', ""))
    }

    /// The error in words, not more than a person would read.
    pub(super) fn error_text(&self) -> String {
        String::from_utf8_lossy(self.error.unwrap_or_default()).chars().take(300).collect()
    }
}

/// The value of a name of an object.
pub(super) fn member<'a>(text: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, NotJson> {
    for member in members(text)? {
        let (other, value) = member?;
        if other.strip_prefix(b"\"").and_then(|other| other.strip_suffix(b"\"")) == Some(name.as_bytes()) {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The documents of an answer of `_mget`, in the order in which they were asked for.
pub(super) fn documents(answer: &[u8]) -> Result<Vec<Found<'_>>, NotJson> {
    let documents = member(answer, "docs")?.ok_or(NotJson { offset: 0, what: "no `docs`" })?;
    elements(documents)?.map(|document| Found::read(document?)).collect()
}

/// A page of an answer of `_search`.
#[derive(Debug, Default)]
pub(super) struct Page<'a> {
    pub(super) hits: Vec<Found<'a>>,
    pub(super) total: Option<u64>,
    pub(super) scroll_id: Option<String>,
    pub(super) point_in_time: Option<String>,
}

/// Reads a page; one that is not whole (a shard failed, or time ran out) is an error.
pub(super) fn page(answer: &[u8]) -> Result<Page<'_>, String> {
    read_page(answer).map_err(|error| error.to_string())?
}

fn read_page(answer: &[u8]) -> Result<Result<Page<'_>, String>, NotJson> {
    let mut page = Page::default();
    let (mut has_hits, mut has_shards) = (false, false);
    for part in members(answer)? {
        let (name, value) = part?;
        match name {
            b"\"_scroll_id\"" => page.scroll_id = Some(string(value)),
            b"\"pit_id\"" => page.point_in_time = Some(string(value)),
            b"\"timed_out\"" if value == b"true" => return Ok(Err("the search timed out".to_owned())),
            b"\"_shards\"" => {
                has_shards = true;
                let number = |name| member(value, name).map(|number| number.unwrap_or(b"0"));
                // Elasticsearch 2 counts no failure for a shard that has no live copy: it is only not successful.
                if number("failed")? != b"0" || number("successful")? != number("total")? {
                    let text: String = String::from_utf8_lossy(value).chars().take(300).collect();
                    return Ok(Err(format!("some shards failed: {text}")));
                }
            }
            b"\"hits\"" => {
                has_hits = true;
                let hits = member(value, "hits")?.unwrap_or(b"[]");
                page.hits = elements(hits)?.map(|hit| Found::read(hit?)).collect::<Result<_, _>>()?;
                page.total = match member(value, "total")? {
                    Some(total @ [b'{', ..]) => number(member(total, "value")?),
                    total => number(total),
                };
            }
            _ => {}
        }
    }
    let is_whole = has_hits && has_shards;
    Ok(if is_whole { Ok(page) } else { Err("the answer has no `hits` or no `_shards`".to_owned()) })
}

fn number(text: Option<&[u8]>) -> Option<u64> {
    std::str::from_utf8(text?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_the_text_of_their_source() {
        let answer = br#"{"docs":[
            {"_index":"i","_id":"\u0031","_routing":"r","found":true,"_source":{"a" : 1e400 /* c */}},
            {"_index":"i","_id":"2","found":false},
            {"_index":"i","_id":"3","error":{"root_cause":[],"type":"index_not_found_exception"}}]}"#;
        let documents = documents(answer).unwrap();
        assert_eq!(documents[0].source, Some(&br#"{"a" : 1e400 /* c */}"#[..]));
        assert_eq!((documents[0].id(), documents[0].routing()), (Some("1".to_owned()), Some("r".to_owned())));
        assert_eq!((documents[0].is_found(), documents[1].is_found()), (true, false));
        assert!(documents[2].has_error("index_not_found_exception"));
        assert!(!documents[1].has_error("index_not_found_exception"));
    }

    #[test]
    fn a_page_has_its_hits_and_what_comes_after_it() {
        let answer = br#"{"_scroll_id":"s1","took":1,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,
            "failed":0},"hits":{"total":{"value":7,"relation":"eq"},"hits":[{"_id":"1","sort":[3,4]}]}}"#;
        let page = page(answer).unwrap();
        assert_eq!((page.total, page.scroll_id.as_deref(), page.hits.len()), (Some(7), Some("s1"), 1));
        assert_eq!(page.hits[0].sort, Some(&b"[3,4]"[..]));
    }

    #[test]
    fn a_page_that_is_not_whole_is_an_error() {
        for answer in [
            r#"{"timed_out":true,"_shards":{"total":1,"successful":1,"failed":0},"hits":{"hits":[]}}"#,
            r#"{"_shards":{"total":2,"successful":1,"failed":1,"failures":[]},"hits":{"hits":[]}}"#,
            r#"{"_shards":{"total":2,"successful":1,"failed":0},"hits":{"hits":[]}}"#,
            r#"{"hits":{"hits":[]}}"#,
            r#"{"_shards":{"total":1,"successful":1,"failed":0}}"#,
            r#"{"_shards":{"total":1,"successful":1,"failed":0},"hits":{"hits":[{"_id":"#,
        ] {
            assert!(page(answer.as_bytes()).is_err(), "{answer}");
        }
    }
}
