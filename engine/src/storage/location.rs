//! Where a repository is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use crate::error::{Error, Result};

/// Where a repository is: a folder, or a bucket and a prefix of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine, as absolute path.
    File(PathBuf),
    /// A prefix in an S3 bucket.
    S3 {
        /// Name of the bucket.
        bucket: String,
        /// What the keys of all blobs begin with, without slash at either end; may be empty.
        prefix: String,
    },
}

impl Location {
    /// Understands `file:///path` (percent-encoded), a plain path (a relative one starts in the current folder)
    /// and `s3://bucket/prefix` (taken as it is, but for slashes at the end).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLocation`] for anything else; its text never contains a password of the input.
    pub fn parse(location: &str) -> Result<Self> {
        let invalid = |reason| Error::InvalidLocation { location: without_userinfo(location), reason };
        if location.contains('\0') {
            return Err(invalid("it contains a zero byte"));
        }
        match scheme(location) {
            Some("file") => file_url(location).map_err(invalid),
            Some("s3") => s3_url(location).map_err(invalid),
            Some(_) => Err(invalid("there is no storage of this kind")),
            None if location.is_empty() => Err(invalid("it is empty")),
            None => std::path::absolute(location)
                .map(Self::File)
                .map_err(|_| invalid("the current folder is not known")),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(location: &str) -> Result<Self> {
        Self::parse(location)
    }
}

/// The location as URL, without slash at the end.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => match Url::from_file_path(path) {
                Ok(url) => f.write_str(url.as_str().trim_end_matches('/')),
                Err(()) => write!(f, "{}", path.display()),
            },
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// The scheme of a URL: two letters or more before a colon, so that no path is taken for one by mistake unless
/// it has a colon in its first part (`./a:b` helps).
fn scheme(location: &str) -> Option<&str> {
    let (scheme, _) = location.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
    is_scheme.then_some(scheme)
}

fn file_url(location: &str) -> Result<Location, &'static str> {
    let path = location.strip_prefix("file:").unwrap_or_default();
    if !path.starts_with('/') {
        return Err("the path of a `file:` URL must be absolute");
    }
    let url = Url::parse(location).map_err(|_| "it is not a URL")?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("write `?` as `%3F` and `#` as `%23` in a `file:` URL");
    }
    url.to_file_path().map(Location::File).map_err(|()| "a `file:` URL cannot name another machine")
}

fn s3_url(location: &str) -> Result<Location, &'static str> {
    let rest = location.strip_prefix("s3://").ok_or("it must start with `s3://`")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.contains('@') {
        return Err("credentials do not belong into a URL; they are found by the AWS credential chain");
    }
    let is_bucket = (3..=255).contains(&bucket.len())
        && bucket.chars().all(|char| char.is_ascii_alphanumeric() || "-._".contains(char));
    if !is_bucket {
        return Err("it has no valid bucket name");
    }
    let prefix = prefix.trim_matches('/').to_owned();
    Ok(Location::S3 { bucket: bucket.to_owned(), prefix })
}

/// The text of a URL without the part before an `@` in its authority, and without its query: either may be secret.
pub(super) fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // A secret key may contain a slash: then the `@` is in what looks like the path.
    match (authority.rsplit_once('@'), rest.rsplit_once('@')) {
        (Some((_, host)), _) => format!("{scheme}://***@{host}{path}"),
        (None, Some((_, host))) => format!("{scheme}://***@{host}"),
        (None, None) => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(location: &str) -> String {
        Location::parse(location).unwrap_err().to_string()
    }

    #[test]
    fn file_urls_and_paths_name_a_folder() {
        let folder = Location::File(PathBuf::from("/var/my repo"));
        assert_eq!(Location::parse("file:///var/my%20repo").unwrap(), folder);
        assert_eq!(Location::parse("file:/var/my%20repo").unwrap(), folder);
        assert_eq!(Location::parse("/var/my repo").unwrap(), folder);
        assert_eq!(folder.to_string(), "file:///var/my%20repo");
        assert_eq!(Location::parse("/var/repo/").unwrap().to_string(), "file:///var/repo");
    }

    #[test]
    fn relative_paths_start_in_the_current_folder() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(Location::parse("a/b").unwrap(), Location::File(here.join("a/b")));
        assert_eq!(Location::parse("./a:b").unwrap(), Location::File(here.join("a:b")));
    }

    #[test]
    fn s3_urls_name_bucket_and_prefix() {
        let parse = |location| Location::parse(location).unwrap();
        let s3 = |prefix: &str| Location::S3 { bucket: "my-bucket".to_owned(), prefix: prefix.to_owned() };
        assert_eq!(parse("s3://my-bucket"), s3(""));
        assert_eq!(parse("s3://my-bucket/"), s3(""));
        assert_eq!(parse("s3://my-bucket/a/b"), s3("a/b"));
        assert_eq!(parse("s3://my-bucket/a/b//"), s3("a/b"));
        assert_eq!(parse("s3://my-bucket/a b%20c?d").to_string(), "s3://my-bucket/a b%20c?d");
    }

    #[test]
    fn other_locations_are_refused_with_what_is_accepted() {
        assert_eq!(
            message("gs://bucket/prefix"),
            "`gs://bucket/prefix` is not a repository location: there is no storage of this kind; accepted are \
             `file:///path`, a path, and `s3://bucket/prefix`"
        );
        assert!(message("").contains("it is empty"));
        assert!(message("s3://").contains("no valid bucket name"));
        assert!(message("s3://a*b/c").contains("no valid bucket name"));
        assert!(message("s3:bucket").contains("must start with `s3://`"));
        assert!(message("file://server/share").contains("cannot name another machine"));
        assert!(message("file:relative").contains("must be absolute"));
        assert!(message("file:///a#b").contains("`%23`"));
    }

    #[test]
    fn messages_do_not_repeat_credentials() {
        for location in [
            "s3://AKIA:secret@bucket/prefix",
            "s3://AKIA:sec/secret@bucket/prefix",
            "https://user:secret@host/path@x?secret",
        ] {
            assert!(!message(location).contains("secret"), "{location}");
        }
        assert_eq!(without_userinfo("https://user:pw@host:9/path"), "https://***@host:9/path");
    }
}
