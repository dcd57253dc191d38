//! Configurations of the Java replayer.

use crate::captured::{Seen, record};
use crate::support::{ferry_command, json_of, scratch};
use crate::target::{Reply, Target};
use std::fs;

const REFUSED: &str = r#"{"took":1,"errors":true,"items":[{"index":{"_id":"1","status":400,"error":{"type":"odd_exception","reason":"no"}}}]}"#;

/// A bulk request of an index with a type, which the source took.
fn bulk() -> Vec<u8> {
    let body = "{\"index\":{\"_index\":\"i\",\"_type\":\"t\",\"_id\":\"1\"}}\n{\"a\":1}\n";
    let request =
        format!("POST /_bulk HTTP/1.1\r\nHost: source\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let done = r#"{"took":1,"errors":false,"items":[{"index":{"_id":"1","status":201}}]}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{done}", done.len());
    let seen = [Seen::Read(request.into_bytes()), Seen::End, Seen::Write(answer.into_bytes()), Seen::Close];
    record("c", 1, true, &seen).1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_of_the_java_replayer_is_replayed_as_it_is() {
    let folder = scratch("java");
    fs::write(folder.join("in.protocap"), bulk()).unwrap();
    let target = Target::start(|_| Reply::json(200, REFUSED)).await;
    let transforms = r#"[{"TypeMappingSanitizationTransformerProvider":{"sourceProperties":{"version":{"major":6,"minor":8}}}}]"#;
    let mut options = serde_json::json!({
        "targetUri": target.url,
        "input": "in.protocap",
        "speedupFactor": 2,
        "transformerConfig": transforms,
        "numClientThreads": 1,
    });
    let mut run = |finals: Option<&str>| {
        if let Some(types) = finals {
            options["nonRetryableDocExceptionTypes"] = serde_json::json!([types]);
        }
        let before = target.seen().len();
        let options = options.to_string();
        let output = ferry_command(&folder, &["replay", "--output", "json", "---INLINE-JSON", &options])
            .env("TRAFFIC_REPLAYER_USER_AGENT", "java")
            .output()
            .unwrap();
        assert_eq!(json_of(&output)["answered"], 1, "{}", String::from_utf8_lossy(&output.stderr));
        target.seen().split_off(before)
    };
    let seen = run(None);
    assert_eq!(seen[0].body, "{\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{\"a\":1}\n");
    assert_eq!(seen[0].header("user-agent"), Some("java"));
    assert_eq!(seen.len(), 4, "the error is not one of those that are final");
    assert_eq!(run(Some("odd_exception")).len(), 1);
}
