//! A collector of OpenTelemetry, reached as a cluster is.

use super::{Client, ClientOptions, Request, cluster_url};
use crate::error::{Error, Result, chain};
use crate::telemetry::{METRICS_PATH, Sender};
use http::Method;
use std::time::Duration;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Bytes that an answer may have.
const MAX_RESPONSE: usize = 64 << 10;

/// Sends metrics to the collector at this URL, such as `http://127.0.0.1:4318`.
///
/// # Errors
///
/// [`Error::InvalidOption`] for what is no URL of an HTTP server, or has credentials in it.
pub fn collector(url: &str) -> Result<Sender> {
    let named = |error| match error {
        Error::InvalidOption { value, reason, .. } => {
            Error::InvalidOption { option: "the URL of the collector", value, reason }
        }
        other => other,
    };
    let url = cluster_url(url).map_err(named)?;
    let client = Client::new(ClientOptions { timeout: TIMEOUT, ..ClientOptions::new(url) }).map_err(named)?;
    Ok(Box::new(move |body| {
        let request =
            Request { max_response: MAX_RESPONSE, ..Request::new(Method::POST, METRICS_PATH).json(&body) };
        let client = client.clone();
        Box::pin(async move {
            let answer = client.send(&request).await.map_err(|error| chain(&error))?;
            Ok((answer.status, answer.body))
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_collector_is_refused_and_secrets_are_not_repeated() {
        let message = |url| collector(url).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(
            message("127.0.0.1:4318"),
            "cannot use the URL of the collector `127.0.0.1:4318`: it is not a URL such as `https://search.example:9200`"
        );
        assert_eq!(
            message("http://me:hunter2@host:4318"),
            "cannot use the URL of the collector `http://***@host:4318`: credentials do not belong into a URL, which is \
             logged: give user and password as options"
        );
        assert_eq!(message("http://127.0.0.1:4318"), "");
    }
}
