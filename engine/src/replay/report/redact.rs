//! What of an example must not be shown.

use std::borrow::Cow;

/// Parts of names whose values are secrets.
const SECRET: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "token",
    "signature",
    "credential",
    "api_key",
    "apikey",
    "private_key",
    "authorization",
];

/// Characters of a request line or of a value that are shown.
const LONGEST: usize = 240;

pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|secret| name.contains(secret))
}

/// Method and target, without user, and without the values of parameters that are secrets.
pub(super) fn request_line(method: &str, target: &str) -> String {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut line = format!("{method} {}", without_user(path));
    if let Some(query) = query {
        line.push('?');
        let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if is_secret_name(name) => Cow::Owned(format!("{name}=REDACTED")),
            _ => Cow::Borrowed(parameter),
        });
        line.push_str(&parameters.collect::<Vec<_>>().join("&"));
    }
    cut(&line)
}

fn without_user(path: &str) -> Cow<'_, str> {
    let authority =
        path.split_once("://").map(|(scheme, rest)| (scheme, rest.split('/').next().unwrap_or_default()));
    match authority.and_then(|(scheme, authority)| Some((scheme, authority.rsplit_once('@')?.0))) {
        Some((scheme, user)) => {
            let start = scheme.len().saturating_add(3).saturating_add(user.len());
            Cow::Owned(format!("{scheme}://REDACTED{}", path.get(start..).unwrap_or_default()))
        }
        None => Cow::Borrowed(path),
    }
}

/// A text on one line, cut where it is long.
pub(super) fn cut(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().take(LONGEST).map(printable).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_secret_parameters_are_not_shown() {
        let line =
            request_line("GET", "http://me:pw@host:9200/a/_search?q=1&X-Amz-Signature=abc&access_token=t");
        assert_eq!(
            line,
            "GET http://REDACTED@host:9200/a/_search?q=1&X-Amz-Signature=REDACTED&access_token=REDACTED"
        );
        assert_eq!(request_line("GET", "/a@b/_doc/x?routing=1"), "GET /a@b/_doc/x?routing=1");
    }

    #[test]
    fn long_lines_are_cut_and_control_characters_are_spaces() {
        assert_eq!(cut("a\nb\u{1b}"), "a b ");
        assert_eq!(cut(&"x".repeat(1000)).chars().count(), 241);
    }
}
