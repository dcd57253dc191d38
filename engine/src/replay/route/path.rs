//! Paths and queries: percent-encoded text, taken apart and put together.

use crate::target::path_segment;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A segment, or a name or value of a query, without its percent-encoding. What is not UTF-8 becomes U+FFFD.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// The names of a comma-separated segment. Commas may be encoded too: the servers decode first.
pub(crate) fn names(segment: &str) -> Vec<Cow<'_, str>> {
    let is_name = |name: &&str| !name.is_empty();
    match decode(segment) {
        Cow::Borrowed(text) => text.split(',').filter(is_name).map(Cow::Borrowed).collect(),
        Cow::Owned(text) => text.split(',').filter(is_name).map(|name| Cow::Owned(name.to_owned())).collect(),
    }
}

/// Names as a segment, encoded. `*`, which is no reserved character there, stays readable.
pub(crate) fn joined<T: AsRef<str>>(names: &[T]) -> String {
    let encoded = |name: &T| path_segment(name.as_ref()).replace("%2A", "*");
    names.iter().map(encoded).collect::<Vec<_>>().join(",")
}

/// The parameters of a query, still encoded.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split(['&', ';'])
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The value of a parameter, decoded; a plus is a space there.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let (_, value) = parameters(query).find(|(found, _)| decode(found) == name)?;
    Some(if value.contains('+') {
        Cow::Owned(decode(&value.replace('+', " ")).into_owned())
    } else {
        decode(value)
    })
}

/// The query without some parameters; as it was when it has none of them.
pub(crate) fn without_parameters<'a>(query: &'a str, removed: &[&str]) -> Cow<'a, str> {
    let is_removed = |name: &str| removed.contains(&&*decode(name));
    if !parameters(query).any(|(name, _)| is_removed(name)) {
        return Cow::Borrowed(query);
    }
    let kept = query.split(['&', ';']).filter(|pair| !pair.is_empty());
    let kept = kept.filter(|pair| !is_removed(pair.split_once('=').map_or(*pair, |(name, _)| name)));
    Cow::Owned(kept.collect::<Vec<_>>().join("&"))
}

/// Path and query as a target.
pub(crate) fn target(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded() {
        assert_eq!(decode("%3Clogs-%7Bnow%2Fd%7D%3E"), "<logs-{now/d}>");
        assert_eq!(names("a,b%2Cc%2a,,d"), ["a", "b", "c*", "d"]);
        assert_eq!((&*decode("100%"), &*decode("%zz%C3%BC"), &*decode("%ff")), ("100%", "%zzü", "\u{FFFD}"));
    }

    #[test]
    fn parameters_are_found_and_removed_by_their_decoded_name() {
        let query = "pretty&include%5Ftype_name=true&q=a+b%2B";
        assert_eq!(parameter(query, "q").unwrap(), "a b+");
        assert_eq!(parameter(query, "pretty").unwrap(), "");
        assert_eq!(without_parameters(query, &["include_type_name", "type"]), "pretty&q=a+b%2B");
        assert!(matches!(without_parameters(query, &["x"]), Cow::Borrowed(_)));
        assert_eq!(target("/a", &without_parameters("x=1", &["x"])), "/a");
    }

    #[test]
    fn names_are_put_together_as_a_segment() {
        assert_eq!(joined(&["logs-*", "-logs-1", "<a-{now/d}>"]), "logs-*,-logs-1,%3Ca-%7Bnow%2Fd%7D%3E");
    }
}
