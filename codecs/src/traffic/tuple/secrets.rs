//! Bodies that have secrets: those of the APIs for users and keys.

use crate::json_scan::Scanner;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// Members whose values let their reader act as a user, or guess how.
const SECRET_MEMBERS: [&str; 14] = [
    "access_token",
    "api_key",
    "current_password",
    "encoded", // An API key with its id, as it is sent.
    "hash",
    "http_ca_key",
    "kerberos_ticket",
    "new_password",
    "password",
    "password_hash",
    "refresh_token",
    "secret",
    "token",
    "transport_key",
];

/// Stands for a value, or for a whole body.
const REDACTED: &[u8] = b"REDACTED";

/// Whether a request to this target, or the response to it, may have secrets in its body: `/_security/…`, with `/_plugins` or
/// `/_opendistro` before it, and `/_xpack/security/…` and `/_shield/…` of older servers.
pub(super) fn has_secrets(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let mut before = Cow::Borrowed("");
    for segment in path.split('/') {
        let segment = percent_decode_str(segment).decode_utf8_lossy();
        match &*segment {
            "_security" | "_shield" => return true,
            "security" if before == "_xpack" => return true,
            _ => before = segment,
        }
    }
    false
}

/// The body without its secrets: one that is no JSON is nothing but a secret.
pub(super) fn without_secrets(body: &[u8]) -> Cow<'_, [u8]> {
    if body.trim_ascii().is_empty() {
        return Cow::Borrowed(body);
    }
    let redacted = if is_json(body) { without_members(body) } else { None };
    redacted.unwrap_or(Cow::Borrowed(REDACTED))
}

/// Whether it is one or more objects and arrays: nothing that only lenient readers understand.
fn is_json(body: &[u8]) -> bool {
    let is_container = matches!(body.trim_ascii_start(), [b'{' | b'[', ..]);
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
    is_container && std::str::from_utf8(body).is_ok() && values.all(|value| value.is_ok())
}

/// The same text with other values for members that are secrets.
fn without_members(body: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut scanner = Scanner::new(body);
    let (mut output, mut copied) = (Vec::new(), 0);
    loop {
        scanner.skip_space().ok()?;
        let start = scanner.at;
        match scanner.peek() {
            None => break,
            Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => scanner.at = start.saturating_add(1),
            Some(_) => scanner.skip_scalar().ok()?,
        }
        let token = body.get(start..scanner.at)?;
        scanner.skip_space().ok()?;
        if scanner.peek() == Some(b':') && is_secret_member(token) {
            scanner.at = scanner.at.saturating_add(1);
            output.extend_from_slice(body.get(copied..scanner.at)?);
            output.push(b'"');
            output.extend_from_slice(REDACTED);
            output.push(b'"');
            scanner.skip_value().ok()?;
            copied = scanner.at;
        }
    }
    if copied == 0 {
        return Some(Cow::Borrowed(body));
    }
    output.extend_from_slice(body.get(copied..)?);
    Some(Cow::Owned(output))
}

/// Whether a token is the name of such a member; it may have escapes.
fn is_secret_member(token: &[u8]) -> bool {
    let name: Option<String> = serde_json::from_slice(token).ok();
    name.is_some_and(|name| SECRET_MEMBERS.contains(&&*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(body: &str) -> String {
        String::from_utf8(without_secrets(body.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn the_apis_for_users_and_keys_have_secrets_and_no_others() {
        for target in [
            "/_security/user/kim",
            "/_security/api_key",
            "/_security/oauth2/token?pretty",
            "/_plugins/_security/api/internalusers/kim",
            "/_opendistro/_security/api/account",
            "/_xpack/security/user/kim/_password",
            "/_shield/user/kim",
            "/%5Fsecurity/user/kim",
            "http://host:9200/_security/user",
            "/behind/a/proxy/_security/user",
        ] {
            assert!(has_secrets(target), "{target}");
        }
        for target in ["/", "/security/_doc/1", "/_xpack/watcher", "/a/_search?q=_security", "/_cat/%zz%"] {
            assert!(!has_secrets(target), "{target}");
        }
    }

    #[test]
    fn values_of_secret_members_are_redacted_wherever_they_are_and_all_else_stays() {
        for (body, expected) in [
            (
                r#"{ "password" : "p1", "roles":["password"], "full_name":"hash" }"#,
                r#"{ "password" :"REDACTED", "roles":["password"], "full_name":"hash" }"#,
            ),
            (
                r#"[{"op":"add","path":"/kim","value":{"hash":"$2y$","x":[1,{"api_key":{"id":1}}]}}]"#,
                r#"[{"op":"add","path":"/kim","value":{"hash":"REDACTED","x":[1,{"api_key":"REDACTED"}]}}]"#,
            ),
            (r#"{"passw\u006frd":"p","passwords":1}"#, r#"{"passw\u006frd":"REDACTED","passwords":1}"#),
            ("{\"token\":1}\n{\"encoded\":null}", "{\"token\":\"REDACTED\"}\n{\"encoded\":\"REDACTED\"}"),
            (r#"{"found":true}"#, r#"{"found":true}"#),
            ("", ""),
        ] {
            assert_eq!(redacted(body), expected);
        }
    }

    #[test]
    fn what_is_no_json_is_redacted_whole() {
        for body in [
            "password=p",
            "---\npassword: p\n",
            "\"p\"",
            r#"{"password":"p""#,
            r#"{password:"p"}"#,
            r#"{"a":1 /* p */}"#,
            r#"{"a":1} p"#,
        ] {
            assert_eq!(redacted(body), "REDACTED", "{body}");
        }
        assert_eq!(without_secrets(b"{\"a\":\"\xFF\"}"), Cow::Borrowed(REDACTED));
    }
}
