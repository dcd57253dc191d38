//! What the errors of the AWS SDK mean.

use std::error::Error as StdError;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_smithy_runtime_api::client::result::ServiceError;

use super::super::retry::Failure;
use crate::aws::Silence;
use crate::error::{Access, Answer, Cause, Error, Operation};
use crate::flow::Backoff;

/// More of a text from outside is not shown.
const LONGEST_TEXT: usize = 400;

/// An answer of the server that is an error.
#[derive(Debug)]
struct Refusal {
    answer: Answer,
    /// The region of the bucket, if the server says it.
    region: Option<String>,
    retry_after: Option<Duration>,
}

/// Why an attempt failed. `region` is the one that the request was signed for.
pub(super) fn failure<E>(error: SdkError<E, HttpResponse>, access: Access, region: &str) -> Failure
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match &error {
        SdkError::ServiceError(context) if !is_nonsense(context) => {
            let meta = context.err().meta();
            Refusal::new(context.raw(), meta.code(), meta.message(), meta.request_id())
                .failure(access, region)
        }
        // Such as a page of HTML that a proxy answers with.
        SdkError::ResponseError(context) if !context.raw().status().is_success() => {
            Refusal::new(context.raw(), None, None, None).failure(access, region)
        }
        // The words of the SDK for it are about itself.
        SdkError::ServiceError(_) => Cause::Unexpected("the answer is not one of S3".to_owned()).into(),
        SdkError::ResponseError(_) => Cause::Connection(chain(&error)).into(),
        _ => unanswered(&error, access),
    }
}

/// Whether an answer of success could not be understood, and is not an error document either.
fn is_nonsense<E: ProvideErrorMetadata>(context: &ServiceError<E, HttpResponse>) -> bool {
    context.raw().status().is_success() && context.err().meta().code().is_none()
}

/// Why there was no answer.
fn unanswered<E: StdError + 'static>(error: &SdkError<E, HttpResponse>, access: Access) -> Failure {
    if let Some(error) = find::<CredentialsError>(error) {
        return credentials(error, access);
    }
    if let Some(Silence(limit)) = find(error) {
        return Cause::Silent(*limit).into();
    }
    match error {
        SdkError::DispatchFailure(failure) if let Some(error) = failure.as_connector_error() => {
            Cause::Connection(chain(error)).into()
        }
        // The request could not even be made, such as for a bucket name that the region cannot have.
        _ => Failure::Final(Error::Refused { access, cause: Box::new(Cause::Unexpected(chain(error))) }),
    }
}

fn credentials(error: &CredentialsError, access: Access) -> Failure {
    let text = match error.source() {
        Some(source) => joined(source),
        None => joined(error),
    };
    match error {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
            Failure::Final(Error::NoCredentials { access, cause: Box::new(Cause::Credentials(text)) })
        }
        CredentialsError::ProviderTimedOut(timed_out) => {
            let limit = timed_out.timeout_duration().as_secs_f32();
            Cause::Credentials(format!("the source of the AWS credentials did not answer within {limit} s"))
                .into()
        }
        _ => Cause::Credentials(text).into(),
    }
}

impl Refusal {
    fn new(raw: &HttpResponse, code: Option<&str>, message: Option<&str>, request_id: Option<&str>) -> Self {
        let header = |name| raw.headers().get(name);
        let region = header("x-amz-bucket-region")
            .or_else(|| raw.body().bytes().and_then(region_in_body))
            .filter(|region| region.chars().all(|char| char.is_ascii_alphanumeric() || char == '-'));
        let request_id = request_id.or_else(|| header("x-amz-request-id"));
        let answer = Answer {
            status: raw.status().as_u16(),
            code: code.map(printable),
            message: message.filter(|message| !message.is_empty()).map(printable),
            request_id: request_id.map(printable),
        };
        let retry_after = header("retry-after").and_then(Backoff::requested);
        Self { answer, region: region.map(str::to_owned), retry_after }
    }

    /// Decides by the [error codes of S3](https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), and
    /// by the status for those that are not listed there, such as those of other servers.
    fn failure(self, access: Access, configured: &str) -> Failure {
        let Self { answer, region, retry_after } = self;
        let (status, code) = (answer.status, answer.code.clone().unwrap_or_default());
        let redirected = matches!(code.as_str(), "PermanentRedirect" | "IllegalLocationConstraintException");
        let elsewhere = region.as_deref().is_some_and(|region| region != configured);
        let cause = Box::new(Cause::Answer(answer));
        Failure::Final(match (status, code.as_str()) {
            (300..=403, _) if redirected || elsewhere => {
                let configured = configured.to_owned();
                Error::WrongRegion { access, actual: region.filter(|_| elsewhere), configured, cause }
            }
            // A success with the document of an error: the server noticed it after the headers were sent.
            (200..=299 | 408 | 429 | 500 | 502..=504 | 506.., _) | (_, "RequestTimeout" | "SlowDown") => {
                return Failure::Passing { cause: *cause, retry_after };
            }
            // The object is in an archive: no permission helps.
            (_, "InvalidObjectState") => Error::Refused { access, cause },
            (401 | 403, _) | (_, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => {
                Error::AccessDenied { access, cause }
            }
            (404, _) => Error::NotFound { access, cause },
            (412, _) => Error::Changed { access, cause },
            (416, _) => match access.operation.clone() {
                // The blob ends where the range starts, or before.
                Operation::ReadRange(range) => {
                    let expected = range.end.saturating_sub(range.start);
                    Error::WrongLength { access, expected, found: 0, attempts: 1 }
                }
                _ => Error::Refused { access, cause },
            },
            _ => Error::Refused { access, cause },
        })
    }
}

/// The region in an error document of S3, such as that of `AuthorizationHeaderMalformed`.
fn region_in_body(body: &[u8]) -> Option<&str> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once("<Region>")?;
    let (region, _) = rest.split_once("</Region>")?;
    Some(region).filter(|region| !region.is_empty() && region.len() < 64)
}

/// The error of this type among an error and its sources.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// The sources of an error of the SDK, in words; its own words are about itself.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    joined(error.source().unwrap_or(error))
}

/// An error and its sources; what a source says is not repeated when the error has said it.
fn joined(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    for error in std::iter::successors(Some(error), |&error| error.source()) {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&words);
        }
    }
    printable(&text)
}

/// A text from outside, safe for a terminal.
pub(super) fn printable(text: &str) -> String {
    let printable = |char: char| if char.is_control() { ' ' } else { char };
    let mut text: String = text.trim().chars().map(printable).take(LONGEST_TEXT + 1).collect();
    if text.chars().count() > LONGEST_TEXT {
        text.pop();
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
