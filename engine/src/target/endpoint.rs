//! The URL of a cluster.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tracing::warn;
use url::{Host, Url};

use super::auth::Auth;
use super::tls::TlsOptions;
use crate::error::{Error, Result};

/// Endpoints that a warning was given for.
static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The URL of a cluster, out of text.
///
/// # Errors
///
/// [`Error::InvalidOption`] for what is not `http` or `https`, has no host, or has credentials, a query or a fragment. No message
/// repeats credentials.
pub fn cluster_url(text: &str) -> Result<Url> {
    let Ok(url) = Url::parse(text) else {
        let shown = if text.contains('@') { "***" } else { text };
        return Err(refused(shown.to_owned(), "it is not a URL such as `https://search.example:9200`"));
    };
    check_url(&url)?;
    Ok(url)
}

/// Refuses a URL that no cluster has, and options that do not go with it.
pub(super) fn check(url: &Url, tls: &TlsOptions) -> Result<()> {
    check_url(url)?;
    match tls.only_for_tls() {
        Some((option, file)) if url.scheme() == "http" => {
            let reason = format!("the URL of the cluster, `{url}`, starts with `http://`: there is no TLS");
            Err(Error::InvalidOption { option, value: file.display().to_string(), reason })
        }
        _ => Ok(()),
    }
}

fn check_url(url: &Url) -> Result<()> {
    let refuse = |reason| Err(refused(without_secrets(url), reason));
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse("it must start with `http://` or `https://` and name a host");
    }
    if !url.username().is_empty() || url.password().is_some() || url.as_str().contains('@') {
        return refuse(
            "credentials do not belong into a URL, which is logged: give user and password as options",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("it cannot have a query or a fragment");
    }
    Ok(())
}

/// Scheme, host and port; for anything else the scheme.
fn without_secrets(url: &Url) -> String {
    let hidden = if url.username().is_empty() && url.password().is_none() { "" } else { "***@" };
    let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else {
        return format!("{}:…", url.scheme());
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{hidden}{host}{port}", url.scheme())
}

fn refused(value: String, reason: &str) -> Error {
    Error::InvalidOption { option: "the URL of the cluster", value, reason: reason.to_owned() }
}

/// Says once for each endpoint what whoever is in between could do.
pub(super) fn warn_of_weakness(url: &Url, auth: &Auth, tls: &TlsOptions) {
    let is_tls = url.scheme() == "https";
    let weakness = match auth {
        _ if is_tls && tls.insecure => {
            "certificates are not checked: whoever is in between can read and change everything"
        }
        Auth::Basic { .. } if !is_tls && !is_loopback(url) => {
            "the password is sent without TLS: whoever is in between can read it"
        }
        _ => return,
    };
    let endpoint = url.origin().ascii_serialization();
    // Poison is of no concern: an entry is whole or not there.
    if WARNED.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint.clone()) {
        warn!(%endpoint, "{weakness}");
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// A text as one segment of a path: everything but letters, digits and `-._~` percent-encoded.
#[must_use]
pub fn path_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        cluster_url(text).unwrap_err().to_string()
    }

    #[test]
    fn clusters_have_urls_of_http_servers() {
        for url in ["http://127.0.0.1:9200/", "https://search.example/prefix", "https://[::1]:9200/"] {
            assert_eq!(cluster_url(url).unwrap().as_str(), url);
        }
        assert_eq!(
            message("search.example:9200"),
            "cannot use the URL of the cluster `search.example:…`: it must start with `http://` or `https://` and name a host"
        );
        assert_eq!(
            message("127.0.0.1:9200"),
            "cannot use the URL of the cluster `127.0.0.1:9200`: it is not a URL such as `https://search.example:9200`"
        );
        assert_eq!(
            message("https://search.example/?pretty"),
            "cannot use the URL of the cluster `https://search.example`: it cannot have a query or a fragment"
        );
    }

    #[test]
    fn credentials_in_a_url_are_refused_without_repeating_them() {
        assert_eq!(
            message("https://admin:hunter2@search.example:9200/x"),
            "cannot use the URL of the cluster `https://***@search.example:9200`: credentials do not belong into a URL, \
             which is logged: give user and password as options"
        );
        for text in [
            "https://hunter2@host/",
            "https://:hunter2@host/",
            "https://admin:hunter2@host:99999",
            "admin:hunter2@host",
            "https://admin:h/hunter2@host/",
            "https://host/?password=hunter2",
            "https://host/#hunter2",
        ] {
            assert!(!message(text).contains("hunter2"), "{}", message(text));
        }
    }

    #[test]
    fn a_path_segment_is_one_whatever_is_in_it() {
        assert_eq!(path_segment("logs-2024.01_a~"), "logs-2024.01_a~");
        assert_eq!(path_segment("<logs-{now/d}>"), "%3Clogs-%7Bnow%2Fd%7D%3E");
        assert_eq!(path_segment("größe ?#%+"), "gr%C3%B6%C3%9Fe%20%3F%23%25%2B");
    }
}
