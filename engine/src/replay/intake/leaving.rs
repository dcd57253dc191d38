//! Partitions that go to other processes: what is in flight ends, what is done is committed, the rest is left to them.

use super::Intake;
use crate::replay::writer::Order;
use crate::traffic::Ledger;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often it is looked whether what is in flight of a partition is over.
const LEAVING: Duration = Duration::from_millis(10);

/// A partition that goes.
pub(super) struct Going {
    ledger: Ledger,
    /// To whoever waits for what is under way.
    answer: oneshot::Sender<()>,
}

/// When it is to be looked whether partitions that go are gone.
pub(super) fn looks() -> Interval {
    let mut looks = interval(LEAVING);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

impl Going {
    pub(super) fn revoke(&self) {
        self.ledger.revoke();
    }

    /// Two processes must not send for one document at the same time. Whoever revokes waits for a time that it knows.
    fn is_over(&mut self) -> bool {
        self.ledger.in_flight() == 0 || self.ledger.is_revoked()
    }
}

impl Intake {
    /// Whether a partition is about to go, and it is not said yet: that is among the inputs.
    pub(super) fn is_one_leaving(&self) -> bool {
        self.partitions.iter().any(Ledger::is_leaving)
    }

    /// A partition goes to another process: what of it is not begun is left to that one.
    pub(super) async fn revoke(&mut self, ledger: Ledger, answer: oneshot::Sender<()>) {
        self.partitions.retain(|partition| !partition.is_same(&ledger));
        self.hold_no_more(&ledger);
        ledger.leave();
        self.going.push(Going { ledger, answer });
        self.let_leave().await;
    }

    /// Lets partitions go of which nothing is in flight any more. None of them waits for another one.
    pub(super) async fn let_leave(&mut self) {
        let over: Vec<Going> = self.going.extract_if(.., Going::is_over).collect();
        for Going { ledger, answer } in over {
            // What is done until now is written and committed; what was not begun is abandoned.
            let (written, is_written) = oneshot::channel();
            if self.orders.send(Order::Revoked(ledger.clone(), written)).await.is_ok() {
                let _ = is_written.await;
            }
            ledger.revoke();
            self.accumulator.revoke(&ledger);
            let _ = answer.send(());
        }
    }
}
