//! What of a request is a secret.

use std::borrow::Cow;

/// Headers whose values let their reader act as the client.
const SECRET_HEADERS: [&str; 7] = [
    "authorization",
    "cookie",
    "es-client-authentication",
    "es-secondary-authorization",
    "proxy-authorization",
    "set-cookie",
    "x-amz-security-token",
];

/// Parameters of a signed URL that do so.
const SECRET_PARAMETERS: [&str; 2] = ["x-amz-security-token", "x-amz-signature"];

pub(super) fn is_secret(name: &str) -> bool {
    SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// The target without the user of an absolute URL and without the signature of a signed one.
pub(super) fn redacted_target(target: &str) -> Cow<'_, str> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = without_user(path);
    let is_signed = query.split('&').any(|parameter| secret_parameter(parameter).is_some());
    if !is_signed && matches!(path, Cow::Borrowed(_)) {
        return Cow::Borrowed(target);
    }
    let parameters = query.split('&').map(|parameter| match secret_parameter(parameter) {
        Some(name) => Cow::Owned(format!("{name}=REDACTED")),
        None => Cow::Borrowed(parameter),
    });
    let query = parameters.collect::<Vec<_>>().join("&");
    Cow::Owned(if query.is_empty() { path.into_owned() } else { format!("{path}?{query}") })
}

fn secret_parameter(parameter: &str) -> Option<&str> {
    let (name, _) = parameter.split_once('=')?;
    SECRET_PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret)).then_some(name)
}

fn without_user(path: &str) -> Cow<'_, str> {
    if path.starts_with('/') {
        return Cow::Borrowed(path);
    }
    let Some((scheme, rest)) = path.split_once("://") else { return Cow::Borrowed(path) };
    let authority = rest.split('/').next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else { return Cow::Borrowed(path) };
    let host = rest.get(user.len()..).unwrap_or_default();
    Cow::Owned(format!("{scheme}://REDACTED{host}"))
}
