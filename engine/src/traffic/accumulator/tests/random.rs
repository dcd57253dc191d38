//! Conversations cut anywhere.

use super::super::AccumulatorSettings;
use super::lab::{Lab, RecordBuilder, pair, record};
use crate::traffic::ResponseEnd;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A request and its response.
fn exchange(random: &mut StdRng, number: usize) -> (String, String) {
    let body = "x".repeat(random.random_range(0..300));
    let request = match random.random_range(0..5) {
        0 => format!("GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n"),
        1 => format!("HEAD /{number} HTTP/1.1\r\n\r\n"),
        2 if number.is_multiple_of(2) => format!("PROPFIND /{number} HTTP/1.1\r\n\r\n"),
        2 => format!(
            "POST /{number} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}y\r\n0\r\nT: 1\r\n\r\n",
            body.len() + 1
        ),
        _ => format!("PUT /{number} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
    };
    let body = "z".repeat(random.random_range(0..300));
    let response = match random.random_range(0..4) {
        _ if request.starts_with("HEAD") => "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n".to_owned(),
        0 => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        1 => format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x};e\r\n{body}y\r\n0\r\n\r\n",
            body.len() + 1
        ),
        _ => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
    };
    (request, response)
}

/// What was observed of a conversation: reads and writes, ends of requests.
enum Observed {
    Read(String),
    Write(String),
    End,
}

fn pieces(random: &mut StdRng, text: &str) -> Vec<String> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(random.random_range(1..=rest.len()));
        pieces.push(piece.to_owned());
        rest = left;
    }
    pieces
}

/// The conversation, some of it pipelined.
fn observe(random: &mut StdRng, conversation: &[(String, String)]) -> Vec<Observed> {
    let mut observed = Vec::new();
    let mut rest = conversation;
    while !rest.is_empty() {
        let (together, left) = rest.split_at(random.random_range(1..=rest.len().min(3)));
        rest = left;
        let requests: String = together.iter().map(|(request, _)| request.as_str()).collect();
        let responses: String = together.iter().map(|(_, response)| response.as_str()).collect();
        observed.extend(pieces(random, &requests).into_iter().map(Observed::Read));
        if random.random_bool(0.8) {
            observed.push(Observed::End);
        }
        if random.random_bool(0.2) {
            observed.push(Observed::Write("HTTP/1.1 100 Continue\r\n\r\n".to_owned()));
        }
        observed.extend(pieces(random, &responses).into_iter().map(Observed::Write));
    }
    observed
}

/// Records of a connection; fields 6 and 7 are as a proxy would write them.
fn records(random: &mut StdRng, id: &str, observed: Vec<Observed>) -> Vec<RecordBuilder> {
    let mut records = Vec::new();
    let (mut prior, mut reading) = (0, false);
    let mut builder = record(id, 1);
    for one in observed {
        if random.random_bool(0.2) {
            let next = record(id, i32::try_from(records.len()).unwrap() + 2).prior(prior);
            records.push(std::mem::replace(&mut builder, if reading { next.was_reading() } else { next }));
        }
        builder = match one {
            Observed::Read(text) => {
                reading = true;
                if random.random_bool(0.2) {
                    builder.read_segment(&text).segment_end()
                } else {
                    builder.read(&text)
                }
            }
            Observed::Write(text) => builder.write(&text),
            Observed::End => {
                (prior, reading) = (prior + 1, false);
                builder.end()
            }
        };
    }
    records.push(builder.close());
    records
}

#[test]
fn whatever_the_cuts_every_request_has_its_response_and_every_record_is_done_with_in_the_end() {
    for seed in 0..400 {
        let mut random = StdRng::seed_from_u64(seed);
        let conversations: Vec<Vec<_>> = (0..3)
            .map(|_| (0..random.random_range(1..8)).map(|number| exchange(&mut random, number)).collect())
            .collect();
        let mut queues: Vec<_> = conversations
            .iter()
            .enumerate()
            .map(|(id, conversation)| {
                let observed = observe(&mut random, conversation);
                records(&mut random, &format!("c{id}"), observed).into_iter()
            })
            .collect();
        let mut lab = Lab::new();
        let mut pushed = 0;
        let mut left = queues.len();
        while left > 0 {
            let place = random.random_range(0..queues.len());
            match queues[place].next() {
                Some(record) => {
                    lab.push(record);
                    pushed += 1;
                }
                None if queues.iter().all(|queue| queue.len() == 0) => left = 0,
                None => {}
            }
        }
        let requests = lab.requests();
        for (id, conversation) in conversations.iter().enumerate() {
            let name = format!("c{id}");
            let of_it = requests.iter().filter(|one| *one.connection.id == *name).map(|one| one.index);
            assert!(of_it.eq(0..conversation.len() as u64), "seed {seed}: {name}");
        }
        for request in requests {
            let id: usize = request.connection.id[1..].parse().unwrap();
            let (asked, answered) = &conversations[id][usize::try_from(request.index).unwrap()];
            let found = pair(request);
            assert_eq!(
                (&found.request, &found.response, found.end),
                (asked, answered, ResponseEnd::Complete),
                "seed {seed}"
            );
        }
        assert_eq!(
            (lab.ledger.done(), lab.ledger.under_way(), lab.budget.held()),
            (pushed, 0, 0),
            "seed {seed}"
        );
    }
}

/// Where one read ends and the next one begins.
#[derive(Clone, Copy)]
enum Cuts {
    Anywhere,
    BetweenRequests,
}

/// As a proxy observes it: the end of each request directly behind the read with its last byte.
fn observe_as_a_proxy(random: &mut StdRng, conversation: &[(String, String)], cuts: Cuts) -> Vec<Observed> {
    let mut observed = Vec::new();
    let mut rest = conversation;
    while !rest.is_empty() {
        let (together, left) = rest.split_at(random.random_range(1..=rest.len().min(4)));
        rest = left;
        let requests: String = together.iter().map(|(request, _)| request.as_str()).collect();
        let responses: String = together.iter().map(|(_, response)| response.as_str()).collect();
        let ends = together.iter().scan(0, |end, (request, _)| {
            *end += request.len();
            Some(*end)
        });
        let (mut ends, mut seen) = (ends.peekable(), 0);
        let cuts = match cuts {
            Cuts::Anywhere if random.random_bool(0.5) => vec![requests],
            Cuts::Anywhere => pieces(random, &requests),
            Cuts::BetweenRequests => together.iter().map(|(request, _)| request.clone()).collect(),
        };
        for piece in cuts {
            seen += piece.len();
            observed.push(Observed::Read(piece));
            while ends.next_if(|end| *end <= seen).is_some() {
                observed.push(Observed::End);
            }
        }
        observed.extend(pieces(random, &responses).into_iter().map(Observed::Write));
    }
    observed
}

/// A request that was found: the record with its first byte, the first one that it holds, its index, its bytes, those of its response.
type Found = (i64, i64, u64, String, String);

/// What is read from one record on, where requests that are not selected are dropped at once, and large ones go into quarantine.
fn found(records: &[RecordBuilder], from: usize, tells: Tells) -> Vec<Found> {
    let mut lab =
        Lab::with(AccumulatorSettings { most_message: tells.most_message, ..AccumulatorSettings::default() });
    lab.next = i64::try_from(from).unwrap();
    let mut requests = Vec::new();
    for record in &records[from..] {
        lab.push(record.clone());
        requests.extend(lab.requests().into_iter().filter(|request| (tells.selects)(request.index)));
    }
    let found = requests.into_iter().map(|request| {
        let (first, index) = (request.tokens[0].offset(), request.index);
        let before = request.before.iter().map(crate::traffic::Token::offset);
        let held = before.chain([first]).min().unwrap();
        let found = pair(request);
        (first, held, index, found.request, found.response)
    });
    found.collect()
}

/// Which requests come to nothing at once.
#[derive(Clone, Copy)]
struct Tells {
    /// Whether a request with this index is selected.
    selects: fn(u64) -> bool,
    /// Bytes of a request that does not go into quarantine, at most.
    most_message: u64,
}

/// What is not done with is committed up to the first record that it holds. A request that began in one read with the end of an
/// earlier one cannot be found from its own record on, so it holds those of the earlier one too.
#[test]
fn a_restart_from_any_record_on_finds_every_request_that_holds_none_before() {
    let all = Tells { selects: |_| true, most_message: 1 << 20 };
    for tells in [
        all,
        Tells { selects: |index| index % 3 == 1, ..all },
        Tells { most_message: 200, ..all },
        Tells { selects: |index| index % 2 == 1, most_message: 200 },
    ] {
        for cuts in [Cuts::Anywhere, Cuts::BetweenRequests] {
            let pipelined = (0..200).map(|seed| restart_anywhere(seed, cuts, tells)).sum::<usize>();
            assert!(pipelined > 20, "{pipelined}");
        }
    }
}

/// How many of the requests held a record before their own.
fn restart_anywhere(seed: u64, cuts: Cuts, tells: Tells) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let count = random.random_range(1..12);
    let conversation: Vec<_> = (0..count).map(|number| exchange(&mut random, number)).collect();
    let observed = observe_as_a_proxy(&mut random, &conversation, cuts);
    let records = records(&mut random, "c", observed);
    let all = found(&records, 0, tells);
    let is_found = |index: u64| {
        let (request, _) = &conversation[usize::try_from(index).unwrap()];
        (tells.selects)(index) && request.len() as u64 <= tells.most_message
    };
    assert!(
        (0..count as u64).filter(|index| is_found(*index)).eq(all.iter().map(|one| one.2)),
        "seed {seed}"
    );
    for from in 1..records.len() {
        let from_offset = i64::try_from(from).unwrap();
        let found = found(&records, from, tells);
        let is_there = |one: &&Found| {
            found.iter().any(|(first, _, index, request, response)| {
                (first, index, request, response) == (&one.0, &one.2, &one.3, &one.4)
            })
        };
        let due = all.iter().filter(|(_, held, ..)| *held >= from_offset);
        let missing: Vec<_> = due.filter(|one| !is_there(one)).collect();
        assert!(missing.is_empty(), "seed {seed}, from record {from}: missing {missing:?}, found {found:?}");
        let later = all.iter().filter(|(first, ..)| *first >= from_offset).count();
        assert!(found.len() <= later, "seed {seed}, from record {from}: {found:?}");
    }
    all.iter().filter(|(first, held, ..)| held < first).count()
}
