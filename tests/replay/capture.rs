//! Captures with what is expected of them.

use engine::flow::MemoryBudget;
use engine::traffic::{
    Accumulator, AccumulatorCounts, AccumulatorSettings, Event, FileInput, FileSource, Ledger, Quarantine,
    ResponseEnd, SourceRequest, SourceResponse, Token,
};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Every scenario of `tests/fixtures/traffic`.
pub(crate) const SCENARIOS: [&str; 16] = [
    "bodiless",
    "broken-off",
    "chunked",
    "dropped",
    "duplicate",
    "empty",
    "every-kind",
    "fragments",
    "from-zero",
    "gap",
    "golden",
    "old",
    "pipelining",
    "random-cuts",
    "segments",
    "silent",
];

/// The folder of the captures.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/traffic").canonicalize().unwrap()
}

/// The file of a scenario with this ending.
pub(crate) fn file(scenario: &str, ending: &str) -> PathBuf {
    let plain = folder().join(format!("{scenario}.{ending}"));
    if plain.exists() { plain } else { folder().join(format!("{scenario}.{ending}.gz")) }
}

/// What is expected of a scenario.
pub(crate) fn expected(scenario: &str) -> Value {
    let bytes = fs::read(file(scenario, "json")).unwrap();
    if bytes.starts_with(b"{") {
        return serde_json::from_slice(&bytes).unwrap();
    }
    let mut text = String::new();
    GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What an accumulator found in files.
pub(crate) struct Found {
    pub(crate) pairs: Vec<(SourceRequest, SourceResponse)>,
    pub(crate) closed: Vec<Token>,
    pub(crate) counts: AccumulatorCounts,
    pub(crate) ledgers: Vec<Ledger>,
    pub(crate) memory: MemoryBudget,
    pub(crate) quarantine: Quarantine,
}

/// Reads files to their end.
pub(crate) fn read(paths: &[&Path]) -> Found {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(read_files(paths))
}

async fn read_files(paths: &[&Path]) -> Found {
    let memory = MemoryBudget::new(64 << 20);
    let quarantine = Quarantine::default();
    let settings = AccumulatorSettings { quarantine: quarantine.clone(), ..AccumulatorSettings::default() };
    let mut accumulator = Accumulator::new(settings);
    let mut events = Vec::new();
    let mut ledgers: Vec<Ledger> = Vec::new();
    let inputs: Vec<_> = paths.iter().map(|path| FileInput::Path(path.to_path_buf())).collect();
    let mut stream = FileSource::find(&inputs).unwrap().read(memory.clone(), quarantine.clone());
    while let Some(record) = stream.next().await {
        let record = record.unwrap();
        if !ledgers.iter().any(|ledger| ledger.is_same(record.token.ledger())) {
            ledgers.push(record.token.ledger().clone());
        }
        accumulator.push(record, &mut |event| events.push(event));
    }
    accumulator.finish(&mut |event| events.push(event));
    let (mut pairs, mut closed) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Request(mut request) => {
                let response = request.response.try_recv().expect("every response has ended");
                pairs.push((request, response));
            }
            Event::Closed { token, .. } => closed.extend(token),
        }
    }
    Found { pairs, closed, counts: *accumulator.counts(), ledgers, memory, quarantine }
}

impl Found {
    /// The transactions, as they are expected.
    pub(crate) fn transactions(&self) -> Vec<Value> {
        let mut transactions: Vec<_> =
            self.pairs.iter().map(|(request, response)| transaction(request, response)).collect();
        sort(&mut transactions);
        transactions
    }

    /// The records that something holds.
    pub(crate) fn held(&self) -> BTreeSet<i64> {
        let tokens =
            self.pairs.iter().flat_map(|(request, response)| request.tokens.iter().chain(&response.tokens));
        tokens.chain(&self.closed).map(Token::offset).collect()
    }
}

/// In the order of connections, and of their requests.
pub(crate) fn sort(transactions: &mut [Value]) {
    transactions.sort_by_key(|one| {
        let number = |name: &str| one[name].as_u64().unwrap();
        (one["connection"].as_str().unwrap().to_owned(), number("session"), number("index"))
    });
}

fn transaction(request: &SourceRequest, response: &SourceResponse) -> Value {
    let times =
        response.first_byte.zip(response.last_byte).map(|(first, last)| [millis(first), millis(last)]);
    json!({
        "node": &*request.connection.node,
        "connection": &*request.connection.id,
        "session": request.connection.session,
        "index": request.index,
        "resumed": request.resumed,
        "request": latin1(&request.message),
        "request_millis": [millis(request.first_byte), millis(request.last_byte)],
        "request_offsets": offsets(&request.tokens),
        "response": latin1(&response.message),
        "response_millis": times,
        "response_offsets": offsets(&response.tokens),
        "end": match response.end {
            ResponseEnd::Complete => "complete",
            ResponseEnd::Closed => "closed",
            ResponseEnd::Cut => "cut",
            ResponseEnd::Expired => "expired",
            ResponseEnd::Gap => "gap",
            ResponseEnd::Interrupted => "interrupted",
        },
    })
}

fn millis(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn offsets(tokens: &[Token]) -> Vec<i64> {
    let mut offsets: Vec<_> = tokens.iter().map(Token::offset).collect();
    offsets.sort_unstable();
    offsets
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
