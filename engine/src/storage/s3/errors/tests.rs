use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ConnectorError, ErrorMetadata};
use aws_sdk_s3::primitives::SdkBody;

use super::*;

const BODY: &str = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";

type Sdk = SdkError<ErrorMetadata, HttpResponse>;

fn read() -> Access {
    Access { operation: Operation::ReadRange(10..20), url: "s3://bucket/index-3".to_owned(), endpoint: None }
}

fn answer(status: u16, code: Option<&str>, headers: &[(&'static str, &'static str)], body: &str) -> Failure {
    let mut raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    for (name, value) in headers {
        raw.headers_mut().insert(*name, *value);
    }
    Refusal::new(&raw, code, Some("Some words."), Some("4442587FB7D0A2F9")).failure(read(), "us-east-1")
}

fn final_error(failure: Failure) -> Error {
    match failure {
        Failure::Final(error) => error,
        Failure::Passing { cause, .. } => panic!("it would be retried: {cause}"),
    }
}

fn refused(status: u16, code: &str) -> Error {
    final_error(answer(status, Some(code), &[], ""))
}

fn passing(failure: Failure) -> String {
    match failure {
        Failure::Final(error) => panic!("it is final: {error}"),
        Failure::Passing { cause, .. } => cause.to_string(),
    }
}

/// What a user sees: message, cause, hint.
fn shown(error: &Error) -> [String; 3] {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    [error.to_string(), cause, error.hint().unwrap_or_default()]
}

#[test]
fn a_missing_object_and_a_missing_bucket_are_not_found() {
    for code in ["NoSuchKey", "NoSuchBucket"] {
        let error = refused(404, code);
        assert!(matches!(error, Error::NotFound { .. }));
        let [message, cause, _] = shown(&error);
        assert_eq!(message, "could not read bytes 10..20 of `s3://bucket/index-3`: not found");
        assert_eq!(
            cause,
            format!("the server answered 404 `{code}`: Some words (request id 4442587FB7D0A2F9)")
        );
    }
}

#[test]
fn credentials_that_do_not_work_are_access_denied_with_what_is_wrong_with_them() {
    let hint = |status, code| {
        let error = refused(status, code);
        assert!(matches!(error, Error::AccessDenied { .. }), "{code}: {error}");
        error.hint().unwrap()
    };
    assert_eq!(hint(400, "ExpiredToken"), "the credentials have expired: renew them");
    assert_eq!(hint(400, "TokenRefreshRequired"), "the credentials have expired: renew them");
    let unknown =
        "the server does not know these credentials: check which ones the AWS credential chain finds";
    assert_eq!(hint(400, "InvalidToken"), unknown);
    assert_eq!(hint(403, "InvalidAccessKeyId"), unknown);
    assert_eq!(hint(403, "SignatureDoesNotMatch"), unknown);
    assert_eq!(hint(403, "RequestTimeTooSkewed"), "the clock of this machine is wrong: set it");
    assert_eq!(
        hint(403, "AccessDenied"),
        "the credentials need `s3:GetObject` on the objects (and `kms:Decrypt` when they are encrypted with KMS); \
         without `s3:ListBucket` a missing object looks like this too"
    );
}

#[test]
fn an_object_in_an_archive_is_refused_not_denied() {
    assert!(matches!(refused(403, "InvalidObjectState"), Error::Refused { .. }));
}

#[test]
fn a_bucket_in_another_region_names_that_region() {
    let header = [("x-amz-bucket-region", "eu-west-1")];
    let elsewhere = [
        answer(301, Some("PermanentRedirect"), &header, ""),
        answer(400, Some("AuthorizationHeaderMalformed"), &[], BODY),
        answer(403, Some("AccessDenied"), &header, ""),
    ];
    for failure in elsewhere {
        let [message, cause, hint] = shown(&final_error(failure));
        assert_eq!(
            message,
            "could not read bytes 10..20 of `s3://bucket/index-3`: the bucket is in region `eu-west-1`, not in \
             `us-east-1`"
        );
        assert!(cause.starts_with("the server answered "), "{cause}");
        assert_eq!(hint, "configure the region `eu-west-1`");
    }
}

#[test]
fn a_redirect_without_region_is_a_wrong_region_only_when_s3_says_so() {
    let [message, _, hint] = shown(&refused(301, "PermanentRedirect"));
    assert_eq!(
        message,
        "could not read bytes 10..20 of `s3://bucket/index-3`: the bucket is in region `unknown`, not in `us-east-1`"
    );
    assert_eq!(hint, "configure the region of the bucket");
    let other = final_error(answer(301, None, &[], "<html>moved</html>"));
    assert!(matches!(other, Error::Refused { .. }), "{other}");
}

#[test]
fn the_region_of_the_bucket_does_not_hide_another_error() {
    let header = [("x-amz-bucket-region", "us-east-1")];
    let denied = final_error(answer(403, Some("AccessDenied"), &header, ""));
    assert!(matches!(denied, Error::AccessDenied { .. }));
}

#[test]
fn a_region_that_is_none_is_not_shown() {
    let header = [("x-amz-bucket-region", "eu west\t1")];
    let denied = final_error(answer(403, Some("AccessDenied"), &header, ""));
    assert!(matches!(denied, Error::AccessDenied { .. }), "{denied}");
}

#[test]
fn overload_and_failures_of_the_server_are_retried() {
    let passing_ones = [
        (503, "SlowDown"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (400, "RequestTimeout"),
        (408, "x"),
        (429, "TooManyRequests"),
        (502, "x"),
        (504, "x"),
    ];
    for (status, code) in passing_ones {
        let cause = passing(answer(status, Some(code), &[], ""));
        let expected =
            format!("the server answered {status} `{code}`: Some words (request id 4442587FB7D0A2F9)");
        assert_eq!(cause, expected);
    }
    assert!(matches!(refused(501, "NotImplemented"), Error::Refused { .. }));
    assert!(matches!(refused(400, "InvalidRequest"), Error::Refused { .. }));
}

#[test]
fn the_wait_that_the_server_asks_for_is_kept() {
    let failure = answer(503, Some("SlowDown"), &[("retry-after", "7")], "");
    let Failure::Passing { retry_after, .. } = failure else { panic!("it is final") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

#[test]
fn a_failed_precondition_means_that_the_blob_was_replaced() {
    let [message, _, hint] = shown(&refused(412, "PreconditionFailed"));
    assert_eq!(
        message,
        "could not read bytes 10..20 of `s3://bucket/index-3`: the blob was replaced while it was being read"
    );
    assert_eq!(hint, "something writes to the repository: let it end, then start again");
}

#[test]
fn a_range_behind_the_end_of_the_blob_has_no_bytes() {
    let [message, ..] = shown(&refused(416, "InvalidRange"));
    assert_eq!(message, "could not read bytes 10..20 of `s3://bucket/index-3`: expected 10 bytes, found 0");
}

#[test]
fn a_connection_that_fails_is_retried_with_the_words_of_the_system() {
    let io = std::io::Error::from_raw_os_error(111);
    let error = Sdk::dispatch_failure(ConnectorError::io(io.into()));
    assert_eq!(passing(failure(error, read(), "us-east-1")), "Connection refused (os error 111)");
}

#[test]
fn a_silent_server_is_retried() {
    let silence = ConnectorError::timeout(Box::new(Silence(Duration::from_millis(1500))));
    let error = Sdk::dispatch_failure(silence);
    assert_eq!(passing(failure(error, read(), "us-east-1")), "the server sent nothing for 1.5 s");
}

#[test]
fn an_answer_that_is_none_of_s3_is_retried() {
    let raw = |status: u16| HttpResponse::new(status.try_into().unwrap(), SdkBody::from("<html>"));
    let success = Sdk::service_error(ErrorMetadata::builder().build(), raw(200));
    assert_eq!(passing(failure(success, read(), "us-east-1")), "the answer is not one of S3");
    let gateway = Sdk::response_error("not XML", raw(502));
    assert_eq!(passing(failure(gateway, read(), "us-east-1")), "the server answered 502");
}

#[test]
fn a_success_with_the_document_of_an_error_is_retried() {
    let raw = HttpResponse::new(200.try_into().unwrap(), SdkBody::empty());
    let error = Sdk::service_error(ErrorMetadata::builder().code("InternalError").build(), raw);
    assert_eq!(passing(failure(error, read(), "us-east-1")), "the server answered 200 `InternalError`");
}

#[test]
fn an_answer_that_ends_too_early_is_retried() {
    let raw = HttpResponse::new(200.try_into().unwrap(), SdkBody::empty());
    let error = Sdk::response_error("end of file before message length reached", raw);
    assert_eq!(passing(failure(error, read(), "us-east-1")), "end of file before message length reached");
}

#[test]
fn a_credential_chain_that_finds_nothing_is_final_one_that_fails_is_retried() {
    let failure = |error: CredentialsError| failure(Sdk::construction_failure(error), read(), "us-east-1");
    let nothing = CredentialsError::not_loaded("no providers in chain provided credentials");
    let [message, cause, _] = shown(&final_error(failure(nothing)));
    assert_eq!(message, "could not read bytes 10..20 of `s3://bucket/index-3`: no AWS credentials");
    assert_eq!(cause, "no providers in chain provided credentials");

    let invalid = CredentialsError::invalid_configuration("line 3 of `config`: no `]`");
    assert!(matches!(final_error(failure(invalid)), Error::NoCredentials { .. }));

    assert_eq!(passing(failure(CredentialsError::provider_error("STS answered 503"))), "STS answered 503");
    let slow = CredentialsError::provider_timed_out(Duration::from_secs(8));
    assert_eq!(passing(failure(slow)), "the source of the AWS credentials did not answer within 8 s");
}

#[test]
fn a_request_that_cannot_be_made_is_refused() {
    let error = Sdk::construction_failure("invalid bucket name");
    let [message, cause, _] = shown(&final_error(failure(error, read(), "us-east-1")));
    assert_eq!(message, "could not read bytes 10..20 of `s3://bucket/index-3`: the request was refused");
    assert_eq!(cause, "invalid bucket name");
}

#[test]
fn words_of_the_server_are_safe_for_a_terminal() {
    assert_eq!(printable("red: \u{1b}[31m\r\nnext"), "red:  [31m  next");
    assert_eq!(printable(&"x".repeat(400)), "x".repeat(400));
    assert_eq!(printable(&"é".repeat(100_000)), "é".repeat(400) + "…");
}
