//! The export to a collector of OpenTelemetry.

use bytes::Bytes;
use engine::target::collector;
use engine::telemetry::{Metric, Options, Telemetry, meters};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

type Received = Arc<Mutex<Vec<(String, String, Value)>>>;

/// A collector on loopback that keeps path, content type and body of what it gets.
async fn start(status: u16) -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/otlp", listener.local_addr().unwrap());
    let received = Received::default();
    let shared = Arc::clone(&received);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let received = Arc::clone(&shared);
            let keep = move |request: http::Request<hyper::body::Incoming>| {
                let received = Arc::clone(&received);
                async move {
                    let (head, body) = request.into_parts();
                    let content = head.headers["content-type"].to_str().unwrap().to_owned();
                    let body = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
                    let path = format!("{} {}", head.method, head.uri.path());
                    received.lock().unwrap().push((path, content, body));
                    let answer = http::Response::builder().status(status);
                    Ok::<_, Infallible>(answer.body(Full::new(Bytes::from("{}"))).unwrap())
                }
            };
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(connection), service_fn(keep)));
        }
    });
    (url, received)
}

async fn telemetry(url: &str) -> Telemetry {
    let export = Some(collector(url).unwrap());
    Telemetry::start(Options { export, ..Options::default() }).await.unwrap()
}

#[tokio::test]
async fn a_collector_gets_every_metric_at_the_end_of_a_run() {
    let (url, received) = start(200).await;
    let telemetry = telemetry(&url).await;
    meters().fetched(4711, Duration::from_millis(3));
    telemetry.stop(false).await;
    let received = received.lock().unwrap().clone();
    let [(path, content, body)] = received.as_slice() else { panic!("{} requests", received.len()) };
    assert_eq!((path.as_str(), content.as_str()), ("POST /otlp/v1/metrics", "application/json"));
    let resource = &body["resourceMetrics"][0];
    assert_eq!(
        resource["resource"]["attributes"][0],
        serde_json::json!({"key": "service.name", "value": {"stringValue": "ferry"}})
    );
    let metrics = resource["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let names: Vec<&str> = metrics.iter().map(|metric| metric["name"].as_str().unwrap()).collect();
    // Those of a replay are there while there is one.
    let names: Vec<&str> = names.into_iter().filter(|name| !name.starts_with("ferry_replay_")).collect();
    let expected = Metric::ALL.iter().filter(|metric| !metric.is_of_replay()).map(|metric| metric.name());
    assert_eq!(names, expected.collect::<Vec<_>>());
    let fetched = metrics.iter().find(|metric| metric["name"] == Metric::FetchedBytes.name()).unwrap();
    let point = &fetched["sum"]["dataPoints"][0];
    assert!(point["asDouble"].as_f64().unwrap() >= 4711.0, "{point}");
    let time = |name: &str| point[name].as_str().unwrap().parse::<u64>().unwrap();
    assert!(time("startTimeUnixNano") < time("timeUnixNano"));
}

#[tokio::test]
async fn a_collector_that_fails_does_not_keep_a_run_from_ending() {
    let (url, received) = start(503).await;
    let start = Instant::now();
    telemetry(&url).await.stop(false).await;
    assert_eq!(received.lock().unwrap().len(), 3);
    telemetry("http://127.0.0.1:9").await.stop(true).await; // Nothing listens there.
    assert!(start.elapsed() < Duration::from_secs(20));
}
