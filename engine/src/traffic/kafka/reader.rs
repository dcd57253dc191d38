//! The thread that polls: it never waits for anything but its alarm, so that the group keeps it as a member whatever happens
//! to the records that it gives out.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;

use super::Input;
use super::caught_up::CaughtUp;
use super::clerk::{Answer, Clerk, Question};
use super::commits::{refused, revoked};
use super::context::{Client, Said};
use super::options::{KafkaOptions, KafkaStart};
use super::outlet::{Held, Outlet};
use super::partition::Partition;
use super::rebalance::Rebalance;
use super::shared::{Order, Shared};
use super::trouble::{Connection, Reason, failed};
use crate::error::{Error, Result};

/// How long it sleeps when nothing is to do: some of what librdkafka says rings no alarm.
const SLEEP: Duration = Duration::from_millis(50);
/// How often it says how things stand.
const STATUS: Duration = Duration::from_millis(500);
/// How long the end waits for commits that are under way.
const END: Duration = Duration::from_secs(10);

/// What the thread works with.
pub(super) struct Reader {
    pub(super) options: KafkaOptions,
    pub(super) topic: Arc<str>,
    pub(super) client: Arc<Client>,
    pub(super) shared: Arc<Shared>,
    pub(super) connection: Connection,
    pub(super) partitions: BTreeMap<i32, Partition>,
    /// Changes of what is read here that librdkafka wants, in their order.
    pub(super) wanted: VecDeque<Said>,
    /// The one that is under way.
    pub(super) rebalance: Option<Rebalance>,
    /// Finds out where partitions begin.
    pub(super) scout: Clerk,
    /// What is given out next, before any record.
    pub(super) outbox: VecDeque<Input>,
    /// Whether [`Input::CaughtUp`] is true and was said.
    pub(super) caught_up: CaughtUp,
    pub(super) outlet: Outlet,
    pub(super) waker: Waker,
    /// The record that waits for memory. No other one is taken before it has it.
    pub(super) held: Option<Held>,
    /// Ends when there is room for one more input.
    pub(super) room: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The partition whose turn was last.
    pub(super) last_turn: i32,
    committer: Clerk,
    status_due: Instant,
}

/// The threads that ask.
pub(super) struct Clerks {
    pub(super) scout: Clerk,
    pub(super) committer: Clerk,
}

impl Reader {
    pub(super) fn new(
        options: KafkaOptions,
        client: Arc<Client>,
        shared: Arc<Shared>,
        connection: Connection,
        clerks: Clerks,
        outlet: Outlet,
    ) -> Self {
        Self {
            topic: options.topic.as_str().into(),
            options,
            client,
            waker: shared.alarm.waker(),
            shared,
            connection,
            partitions: BTreeMap::new(),
            wanted: VecDeque::new(),
            rebalance: None,
            scout: clerks.scout,
            outbox: VecDeque::new(),
            caught_up: CaughtUp::default(),
            committer: clerks.committer,
            outlet,
            held: None,
            room: None,
            last_turn: -1,
            status_due: Instant::now(),
        }
    }

    /// Reads until it is told to stop, or nobody takes records any more. An error: nothing can be read any more.
    pub(super) fn run(&mut self) -> Result<()> {
        while !self.shared.is_stopped() && !self.outlet.sender.is_closed() {
            if !self.turn()? {
                self.shared.alarm.sleep(SLEEP);
            }
        }
        Ok(())
    }

    /// Does what can be done now; whether there may be more.
    fn turn(&mut self) -> Result<bool> {
        self.listen()?;
        self.take_inbox()?;
        self.step_rebalance()?;
        self.send_commits();
        self.hold_back();
        let is_busy = self.give_out()?;
        self.say_status();
        Ok(is_busy)
    }

    /// Hears what librdkafka says.
    pub(super) fn listen(&mut self) -> Result<()> {
        loop {
            let count = self.client.context().count();
            match self.client.poll(Duration::ZERO) {
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Err(self.cannot_read(&error));
                }
                // The queues of partitions are apart from that of events.
                Some(Ok(_)) => return Err(self.broken("librdkafka gave a record where none may be")),
                _ => {}
            }
            if self.client.context().count() == count {
                break;
            }
        }
        for said in self.client.context().take() {
            self.hear(said)?;
        }
        Ok(())
    }

    fn hear(&mut self, said: Said) -> Result<()> {
        match said {
            Said::Assigned(_) | Said::Revoked { .. } => {
                self.caught_up.rebalanced();
                self.wanted.push_back(said);
            }
            Said::Trouble { code, reason } => self.connection.trouble(&self.attempt(), code, &reason)?,
            Said::Reset { partition } => {
                if let Some(partition) = self.partitions.get_mut(&partition) {
                    partition.is_reset = true;
                }
                let mut status = self.shared.status();
                status.resets = status.resets.saturating_add(1);
            }
            Said::Stand(stand) => {
                if stand.is_connected {
                    self.connection.answered();
                }
                for (number, end) in stand.ends {
                    if let Some(partition) = self.partitions.get_mut(&number) {
                        partition.end = partition.end.max(end);
                    }
                }
                for number in stand.followed {
                    if let Some(partition) = self.partitions.get_mut(&number) {
                        partition.follow();
                    }
                }
            }
        }
        Ok(())
    }

    fn take_inbox(&mut self) -> Result<()> {
        let inbox = self.shared.take();
        for order in inbox.orders {
            self.take_order(order);
        }
        for look in inbox.looks {
            self.look(look);
        }
        for answer in inbox.answers {
            match answer {
                Answer::Places(found) => self.begin(found)?,
                Answer::Commit { ledger, offset, result } => {
                    let name = self.name(ledger.partition());
                    let partition = self.partitions.get_mut(&ledger.partition());
                    // It may have gone and come again.
                    if let Some(partition) = partition.filter(|partition| partition.ledger.is_same(&ledger)) {
                        partition.commits.answered(offset, result, &name, &self.options.brokers);
                    }
                }
            }
        }
        Ok(())
    }

    fn take_order(&mut self, order: Order) {
        let Order { ledger, offset, reply } = order;
        let (name, brokers) = (self.name(ledger.partition()), self.options.brokers.as_str());
        let is_group = self.options.group.is_some();
        let error = match self.partitions.get_mut(&ledger.partition()) {
            _ if !is_group => refused(offset, &name, brokers, "there is no consumer group"),
            Some(partition) if partition.ledger.is_same(&ledger) && !ledger.is_revoked() => {
                if offset <= ledger.done() {
                    return partition.commits.add(offset, Some(reply));
                }
                refused(offset, &name, brokers, "records before it are still under way")
            }
            _ => revoked(offset, &name, brokers),
        };
        // Whoever asked may have gone.
        let _ = reply.send(Err(error));
    }

    pub(super) fn send_commits(&mut self) {
        self.announce();
        let (now, note) = (Instant::now(), self.shared.notes.own());
        for partition in self.partitions.values_mut() {
            let Some(offset) = partition.commits.to_send(now) else { continue };
            let (ledger, ended, note) = (partition.ledger.clone(), partition.commits.ended(), note.clone());
            if self.committer.ask(Question::Commit { ledger, offset, note, ended }) {
                partition.commits.sent(offset);
            }
        }
    }

    fn hold_back(&mut self) {
        let paused = self.shared.paused();
        for (number, partition) in &mut self.partitions {
            partition.hold(&self.client, paused.contains(number));
        }
    }

    fn say_status(&mut self) {
        let now = Instant::now();
        if now < self.status_due {
            return;
        }
        self.status_due = now + STATUS;
        let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        let partitions = self.partitions.values_mut().map(|partition| partition.lag(millis)).collect();
        let mut status = self.shared.status();
        status.connection = self.connection.now();
        status.waits_for_memory = self.held.as_ref().map(|held| held.since);
        status.partitions = partitions;
    }

    /// Ends: commits that are under way get some time, nothing else is committed, and the group is left.
    pub(super) fn end(mut self) {
        let deadline = Instant::now() + END;
        self.client.context().close();
        self.finish_rebalances();
        while self.partitions.values().any(|partition| !partition.commits.is_idle())
            && Instant::now() < deadline
        {
            // There is no use in what goes wrong now.
            let _ = self.client.poll(Duration::from_millis(10));
            let _ = self.take_inbox();
            self.send_commits();
        }
        for (number, partition) in &mut self.partitions {
            partition.ledger.revoke();
            partition.commits.give_up(&format!("partition {number}"), &self.options.brokers);
        }
        let Self { partitions, scout, committer, client, .. } = self;
        drop(partitions);
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        scout.end(left);
        committer.end(left);
        drop(client);
    }

    /// Ends after a panic. Nothing is dropped that would wait for librdkafka: it may itself wait for an answer that nobody knows of
    /// any more. The brokers notice when nobody polls.
    pub(super) fn abandon(mut self) {
        for (_, partition) in std::mem::take(&mut self.partitions) {
            partition.lose();
        }
        std::mem::forget(self);
    }

    /// Where reading begins, for a reading without a group.
    pub(super) fn start(&self) -> Option<KafkaStart> {
        self.options.group.is_none().then_some(self.options.start)
    }

    pub(super) fn attempt(&self) -> String {
        format!("read topic `{}`", self.options.topic)
    }

    pub(super) fn name(&self, partition: i32) -> String {
        format!("partition {partition} of topic `{}`", self.options.topic)
    }

    pub(super) fn cannot_read(&self, error: &KafkaError) -> Error {
        failed(self.attempt(), &self.options.brokers, error)
    }

    pub(super) fn broken(&self, reason: &str) -> Error {
        let (attempt, brokers) = (self.attempt(), self.options.brokers.clone());
        Error::Kafka { attempt, brokers, source: Box::new(Reason(reason.to_owned())), hint: None }
    }
}

#[cfg(test)]
mod tests;
