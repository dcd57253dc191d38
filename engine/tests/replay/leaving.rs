//! Several partitions, some of which go to another process.

use crate::capture::{Recorded, Replay, answered};
use crate::target::{Reply, Target};
use engine::flow::{Cancel, MemoryBudget};
use engine::traffic::{Input, Ledger, Record};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(5);

/// A replay of two partitions that runs.
struct Two {
    inputs: mpsc::Sender<Input>,
    ledgers: [Ledger; 2],
    memory: MemoryBudget,
    cancel: Cancel,
    replay: JoinHandle<Replay>,
}

impl Two {
    /// The target answers `/slow` after a while.
    async fn start(replay: Replay, slow: Duration) -> Self {
        let (inputs, taken) = mpsc::channel(16);
        let (memory, cancel) = (MemoryBudget::new(64 << 20), replay.cancel.clone());
        let given = memory.clone();
        let replay = tokio::spawn(async move {
            let target = Target::start(move |seen| match seen.line.as_str() {
                "GET /slow" => Reply::Late(slow, 200, "{}"),
                _ => Reply::json(200, "{}"),
            });
            replay.read(&target.await.url, taken, given).await.unwrap();
            replay
        });
        let ledgers = [0, 1].map(|partition| Ledger::new("topic".into(), partition, 0));
        for ledger in &ledgers {
            inputs.send(Input::Assigned(ledger.clone())).await.unwrap();
        }
        Self { inputs, ledgers, memory, cancel, replay }
    }

    async fn give(&self, partition: usize, path: &str) {
        let ledger = &self.ledgers[partition];
        let value = Recorded::new(path).exchange("GET", path, "", &answered(200, "{}")).close();
        let (token, memory) = (ledger.track(ledger.next()), self.memory.reserve(value.len() as u64).await);
        self.inputs.send(Input::Record(Record { token, key: None, value, memory })).await.unwrap();
    }

    async fn revoke(&self, partition: usize) -> oneshot::Receiver<()> {
        let (answer, answered) = oneshot::channel();
        self.inputs.send(Input::Revoked(self.ledgers[partition].clone(), answer)).await.unwrap();
        answered
    }

    async fn end(self) -> Replay {
        self.cancel.cancel();
        self.replay.await.unwrap()
    }
}

#[tokio::test]
async fn a_partition_of_which_nothing_is_in_flight_does_not_wait_for_another_one_that_goes_too() {
    let replay = Replay::new("two-go");
    let input = Two::start(replay, Duration::from_secs(4)).await;
    input.give(0, "/slow").await;
    input.give(1, "/fast").await;
    sleep(Duration::from_millis(500)).await;
    let mut slow = input.revoke(0).await;
    let fast = input.revoke(1).await;
    timeout(Duration::from_secs(2), fast).await.expect("it does not wait").unwrap();
    assert!(slow.try_recv().is_err() && !input.ledgers[0].is_revoked());
    timeout(SOON, slow).await.expect("it is through").unwrap();
    assert_eq!(input.ledgers.clone().map(|ledger| (ledger.done(), ledger.is_revoked())), [(1, true); 2]);
    let replay = input.end().await;
    assert_eq!(replay.commits(), [(1, 1), (0, 1)]);
}

#[tokio::test]
async fn a_partition_goes_also_while_tuples_of_another_one_wait() {
    let mut replay = Replay::new("full-and-goes");
    replay.settings.most_backlog = 1;
    let input = Two::start(replay, Duration::from_secs(8)).await;
    input.give(0, "/slow").await;
    input.give(0, "/fast").await; // Its tuple waits for the slow one.
    sleep(Duration::from_millis(500)).await;
    input.give(1, "/more").await;
    input.ledgers[1].leave();
    let answered = input.revoke(1).await;
    timeout(SOON, answered).await.expect("it does not wait").unwrap();
    assert_eq!(input.ledgers[0].done(), 0, "the slow one is still under way");
    input.end().await;
}
