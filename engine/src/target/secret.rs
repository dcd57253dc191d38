//! Passwords: read from where others cannot see them, and never shown.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

use crate::error::{Error, Result};

/// A password has fewer bytes: another file was meant.
const LARGEST: u64 = 64 << 10;

/// The password in an environment variable; `None` when there is no such variable.
///
/// # Errors
///
/// [`Error::InvalidOption`], which names the variable, when it is empty, not UTF-8, or has several lines.
pub fn from_env(name: &str) -> Result<Option<SecretString>> {
    let option = "the environment variable";
    let Some(value) = std::env::var_os(name) else { return Ok(None) };
    let text = value.into_string().map_err(|_| refused(option, name, "it is not UTF-8"))?;
    checked(option, name, text).map(Some)
}

/// The password in a file; a newline at its end is cut off.
///
/// # Errors
///
/// [`Error::InvalidOption`], which names the file, when it cannot be read, is empty, has more than 64 KiB, is not UTF-8, or
/// has several lines.
pub fn from_file(path: &Path) -> Result<SecretString> {
    let (option, name) = ("the password file", path.display().to_string());
    let file = File::open(path).map_err(|error| refused(option, &name, error.to_string()))?;
    read(option, &name, file)
}

/// The password that a reader gives up to its end, such as standard input; a newline at its end is cut off. `name` says in
/// messages where it comes from.
///
/// # Errors
///
/// As [`from_file`].
pub fn from_reader(name: &str, reader: impl Read) -> Result<SecretString> {
    read("the password from", name, reader)
}

fn read(option: &'static str, name: &str, reader: impl Read) -> Result<SecretString> {
    let mut bytes = Vec::new();
    let read = reader.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(option, name, error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(refused(option, name, "a password has at most 64 KiB"));
    }
    // The error has the bytes in it: it is dropped.
    let text = String::from_utf8(bytes).map_err(|_| refused(option, name, "it is not UTF-8"))?;
    checked(option, name, text)
}

fn checked(option: &'static str, name: &str, mut text: String) -> Result<SecretString> {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(refused(option, name, "it is empty"));
    }
    if text.contains(char::is_control) {
        return Err(refused(option, name, "it has several lines or control characters"));
    }
    Ok(SecretString::from(text))
}

fn refused(option: &'static str, name: &str, reason: impl Into<String>) -> Error {
    Error::InvalidOption { option, value: name.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn parse(text: &[u8]) -> Result<String, String> {
        let secret = from_reader("standard input", text).map_err(|error| error.to_string())?;
        Ok(secret.expose_secret().to_owned())
    }

    #[test]
    fn one_newline_at_the_end_is_cut_off() {
        for text in ["pass word", "pass word\n", "pass word\r\n"] {
            assert_eq!(parse(text.as_bytes()).unwrap(), "pass word");
        }
    }

    #[test]
    fn what_cannot_be_a_password_is_refused_without_showing_it() {
        let refused = |text: &[u8]| {
            let error = parse(text).unwrap_err();
            error.strip_prefix("cannot use the password from `standard input`: ").unwrap().to_owned()
        };
        assert_eq!(refused(b""), "it is empty");
        assert_eq!(refused(b"\n"), "it is empty");
        assert_eq!(refused(b"hunter2\nhunter3\n"), "it has several lines or control characters");
        assert_eq!(refused(b"hunter2\xff"), "it is not UTF-8");
        assert_eq!(refused(&[b'x'; (64 << 10) + 1]), "a password has at most 64 KiB");
        assert_eq!(parse(&[b'x'; 64 << 10]).unwrap().len(), 64 << 10);
    }

    #[test]
    fn a_password_file_that_is_not_there_is_named() {
        assert_eq!(
            from_file(Path::new("/no/such/file")).unwrap_err().to_string(),
            "cannot use the password file `/no/such/file`: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn no_variable_is_no_password() {
        assert!(from_env("FERRY_TEST_NO_SUCH_VARIABLE").unwrap().is_none());
    }
}
