use super::*;
use crate::flow::MemoryBudget;
use crate::traffic::Ledger;
use crate::traffic::kafka::config::Settings;
use crate::traffic::kafka::context::Context;
use crate::traffic::kafka::partition::{self, Parcel};
use tokio::sync::mpsc;

/// One that reads partitions 0 and 1 of brokers that are not there, and what it gives out.
fn reader() -> (Reader, mpsc::Receiver<Input>) {
    let options = KafkaOptions::new("127.0.0.1:1", "t", Some("g"));
    let config = Settings::new(&options).unwrap().of_consumer("g", 1 << 20, 2);
    let client: Arc<Client> = Arc::new(config.create_with_context(Context::new("t", None)).unwrap());
    let shared = Arc::new(Shared::new());
    let clerk = |name| {
        let (client, shared) = (Arc::clone(&client), Arc::clone(&shared));
        Clerk::start(name, client, "t".into(), vec![0, 1], shared).unwrap()
    };
    let clerks = Clerks { scout: clerk("scout"), committer: clerk("committer") };
    let (sender, inputs) = mpsc::channel(16);
    let outlet = Outlet { memory: MemoryBudget::new(1 << 20), sender };
    let connection = Connection::new(&options.brokers);
    let mut reader = Reader::new(options, client, shared, connection, clerks, outlet);
    for number in 0..2 {
        open(&mut reader, number);
    }
    (reader, inputs)
}

/// The partition comes, maybe anew: the ledger of before, if there was one.
fn open(reader: &mut Reader, number: i32) -> Option<Ledger> {
    let queue = partition::queue_of(&reader.client, "t", number).unwrap();
    let opened = Partition::new(Ledger::new("t".into(), number, 10), queue, None, 100);
    reader.partitions.insert(number, opened).map(|partition| partition.ledger)
}

#[test]
fn nothing_is_begun_of_any_of_the_partitions_that_go() {
    let (mut reader, _inputs) = reader();
    reader.wanted.push_back(Said::Revoked { partitions: vec![0, 1], lost: false });
    reader.step_rebalance().unwrap();
    for partition in reader.partitions.values() {
        assert!(partition.ledger.begin().is_none() && !partition.ledger.is_revoked());
    }
}

#[test]
fn a_record_that_is_fetched_again_is_passed_over_unless_the_partition_begins_anew() {
    let (mut reader, _inputs) = reader();
    let mut check = |offset| reader.check_order(&Parcel::empty(0, offset));
    assert!(check(10).unwrap());
    assert!(check(12).unwrap());
    assert!(!check(9).unwrap());
    reader.hear(Said::Reset { partition: 0 }).unwrap();
    let error = reader.check_order(&Parcel::empty(0, 9)).unwrap_err();
    assert!(
        crate::error::chain(&error).contains("begins anew: it goes on at offset 9 where 10 was expected"),
        "{error}"
    );
}

#[test]
fn the_answer_to_a_commit_says_nothing_of_the_partition_that_came_again_since() {
    let (mut reader, _inputs) = reader();
    let old = open(&mut reader, 0).unwrap();
    reader.partitions.get_mut(&0).unwrap().commits.add(20, None);
    let answer = |ledger| Answer::Commit { ledger, offset: 50, result: Ok(()) };
    let is_waiting = |reader: &Reader| !reader.partitions[&0].commits.is_idle();
    reader.shared.answer(answer(old));
    reader.take_inbox().unwrap();
    assert!(is_waiting(&reader));
    reader.shared.answer(answer(reader.partitions[&0].ledger.clone()));
    reader.take_inbox().unwrap();
    assert!(!is_waiting(&reader));
}

#[test]
fn a_commit_that_waits_to_be_sent_is_not_sent_when_the_partition_is_lost() {
    let (reader, _inputs) = reader();
    let partition = &reader.partitions[&0];
    let (ledger, ended) = (partition.ledger.clone(), partition.commits.ended());
    partition.lose();
    assert!(reader.committer.ask(Question::Commit { ledger, offset: 50, note: None, ended }));
    let deadline = Instant::now() + Duration::from_secs(10);
    let answer = loop {
        if let Some(answer) = reader.shared.take().answers.pop() {
            break answer;
        }
        assert!(Instant::now() < deadline, "the brokers, which are not there, are asked");
        std::thread::sleep(Duration::from_millis(10));
    };
    let Answer::Commit { result, .. } = answer else { panic!("another answer") };
    assert!(matches!(result, Err(KafkaError::Canceled)), "{result:?}");
}
