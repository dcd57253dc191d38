//! Region, endpoint and credentials out of the environment, which only a process of its own can have.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use engine::storage::{BlobStore, Location, S3Options};

use crate::support::{Answer, Server};

const CHILD: &str = "environment::reads_a_blob_in_a_process_of_its_own";

/// Reads a blob with nothing but what the environment says, and prints it, or message, cause and hint.
#[tokio::test]
#[ignore = "is run by the other tests of this file"]
async fn reads_a_blob_in_a_process_of_its_own() {
    let options =
        S3Options { endpoint: std::env::var("CHILD_ENDPOINT").ok(), max_attempts: 1, ..S3Options::default() };
    let location = Location::parse("s3://bucket/repo").unwrap();
    let read = match BlobStore::open(&location, &options).await {
        Ok(store) => store.read("blob", 100).await,
        Err(error) => Err(error),
    };
    match read {
        Ok(blob) => println!("\nchild: read {}", String::from_utf8_lossy(&blob)),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            println!(
                "\nchild: {error}\nchild: {}\nchild: {}",
                cause.unwrap_or_default(),
                error.hint().unwrap_or_default()
            );
        }
    }
}

/// Runs the test above with these variables and no others; gives its lines, and how long it took.
async fn child(variables: &[(&str, &str)]) -> (Vec<String>, Duration) {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let run = move || {
        let started = Instant::now();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([CHILD, "--exact", "--ignored", "--nocapture"]).env_clear().envs(variables);
        command.env("HOME", "/nonexistent").env("RUST_BACKTRACE", "0");
        (command.output().unwrap(), started.elapsed())
    };
    let (output, elapsed) = tokio::task::spawn_blocking(run).await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    let lines = stdout.lines().filter_map(|line| line.strip_prefix("child: "));
    (lines.map(str::to_owned).collect(), elapsed)
}

async fn storage() -> Server {
    Server::start([Answer::new("200 OK", &[]).body(b"the blob")]).await
}

/// Access key and region that the first request was signed with.
fn signed_with(server: &Server) -> (String, String) {
    let header = server.header("authorization").remove(0);
    let credential = header.split_once("Credential=").unwrap().1.split_once(',').unwrap().0.to_owned();
    let parts: Vec<&str> = credential.split('/').collect();
    (parts[0].to_owned(), parts[2].to_owned())
}

fn signed(key: &str, region: &str) -> (String, String) {
    (key.to_owned(), region.to_owned())
}

#[tokio::test]
async fn endpoint_region_and_credentials_come_from_the_environment() {
    let server = storage().await;
    let (lines, _) = child(&[
        ("AWS_ENDPOINT_URL_S3", &server.endpoint),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ])
    .await;
    assert_eq!(lines, ["read the blob"]);
    assert_eq!(signed_with(&server), signed("AKIDENVIRONMENT", "eu-central-1"));
}

#[tokio::test]
async fn region_and_credentials_come_from_the_profile() {
    let folder = std::env::temp_dir().join(format!("ferry-s3-profile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (config, credentials) = (folder.join("config"), folder.join("credentials"));
    std::fs::write(&config, "[profile blue]\nregion = eu-north-1\n").unwrap();
    let keys = "[blue]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n";
    std::fs::write(&credentials, keys).unwrap();
    let server = storage().await;
    let (lines, _) = child(&[
        ("CHILD_ENDPOINT", &server.endpoint),
        ("AWS_PROFILE", "blue"),
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap()),
    ])
    .await;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(lines, ["read the blob"]);
    assert_eq!(signed_with(&server), signed("AKIDPROFILE", "eu-north-1"));
}

#[tokio::test]
async fn credentials_come_from_the_metadata_service_of_ec2() {
    let keys = r#"{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAEC2", "SecretAccessKey": "secret",
                   "Token": "token", "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2126-01-01T00:00:00Z"}"#;
    let ttl = [("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")];
    let metadata = Server::start([
        Answer::new("200 OK", &ttl).body(b"session"),
        Answer::new("200 OK", &[]).body(b"role"),
        Answer::new("200 OK", &[]).body(keys.as_bytes()),
    ])
    .await;
    let server = storage().await;
    let (lines, _) = child(&[
        ("CHILD_ENDPOINT", &server.endpoint),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata.endpoint),
        ("HTTP_PROXY", "http://127.0.0.1:1"), // Servers of this machine are not behind it.
    ])
    .await;
    assert_eq!(lines, ["read the blob"]);
    assert_eq!(signed_with(&server), signed("ASIAEC2", "us-east-1"));
}

#[tokio::test]
async fn without_credentials_a_silent_metadata_service_is_not_waited_for_long() {
    let (server, metadata) = (storage().await, Server::silent().await);
    let variables =
        [("CHILD_ENDPOINT", &*server.endpoint), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*metadata.endpoint)];
    let (lines, elapsed) = child(&variables).await;
    let url = format!("`s3://bucket/repo/blob` at `{}`", server.endpoint);
    assert_eq!(lines[0], format!("could not read {url}: no AWS credentials"));
    assert_eq!(
        lines[2],
        "looked in the environment, the AWS profile, web identity, and the ECS and EC2 metadata services: configure \
         one of them"
    );
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn without_a_region_a_silent_metadata_service_is_not_waited_for_long() {
    let metadata = Server::silent().await;
    let (lines, elapsed) = child(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata.endpoint)]).await;
    assert_eq!(lines[0], "could not open `s3://bucket/repo`: no AWS region is configured");
    assert_eq!(lines[2], "give the region as an option, in `AWS_REGION`, or as `region` of the AWS profile");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

/// Without certificates the TLS library would panic in a debug build as soon as it read them.
#[tokio::test]
async fn plain_http_reads_no_certificates() {
    let server = storage().await;
    let (lines, _) = child(&[
        ("CHILD_ENDPOINT", &server.endpoint),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("SSL_CERT_FILE", "/nonexistent"),
        ("SSL_CERT_DIR", "/nonexistent"),
    ])
    .await;
    assert_eq!(lines, ["read the blob"]);
}

#[tokio::test]
async fn an_endpoint_of_the_environment_with_credentials_is_not_repeated() {
    let (lines, _) = child(&[("AWS_ENDPOINT_URL", "http://user:secret@127.0.0.1:1")]).await;
    assert_eq!(
        lines[0],
        "cannot use the S3 endpoint `http://***@127.0.0.1:1`: credentials do not belong into a URL; they are found by \
         the AWS credential chain"
    );
}
