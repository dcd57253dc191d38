//! Partitions come and go.
//!
//! | librdkafka says | what is done before it is told to go on |
//! |---|---|
//! | assigned | the brokers are asked where the group was; a new [`Ledger`] begins there |
//! | revoked | nothing more of it is given out, and nothing is begun; what is under way may end, is committed, and the ledger is revoked |
//! | lost | the ledger is revoked: another member may have it already |

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{Consumer, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tracing::{debug, info, warn};

use super::Input;
use super::clerk::Question;
use super::context::Said;
use super::partition::{self, Parcel, Partition};
use super::place::{Beginning, Found, Place};
use super::reader::Reader;
use crate::error::{Result, chain};
use crate::flow::Backoff;
use crate::traffic::Ledger;

/// How long the last commit of a partition that goes may take after its drain.
const LAST_COMMIT: Duration = Duration::from_secs(5);

/// A change of what is read here.
pub(super) enum Rebalance {
    /// Where these partitions begin is asked for.
    Coming { partitions: Vec<i32>, due: Option<Instant>, retries: u32 },
    /// These partitions are to go.
    Going { partitions: Vec<i32>, drains: Vec<Drain>, deadline: Instant },
}

/// The end of what is under way of one partition.
pub(super) struct Drain {
    partition: i32,
    answer: Option<oneshot::Receiver<()>>,
    is_over: bool,
}

impl Reader {
    /// Goes on with a change as far as it can.
    pub(super) fn step_rebalance(&mut self) -> Result<()> {
        match self.rebalance.take() {
            None => match self.wanted.pop_front() {
                Some(Said::Assigned(partitions)) => self.come(partitions)?,
                Some(Said::Revoked { partitions, lost }) => self.go(partitions, lost),
                _ => {}
            },
            Some(Rebalance::Coming { partitions, due: Some(due), retries }) if Instant::now() >= due => {
                self.ask_for_places(partitions, retries);
            }
            Some(Rebalance::Going { partitions, drains, deadline }) => {
                self.step_going(partitions, drains, deadline)?
            }
            coming => self.rebalance = coming,
        }
        Ok(())
    }

    pub(super) fn come(&mut self, partitions: Vec<i32>) -> Result<()> {
        self.connection.answered();
        if partitions.is_empty() {
            self.connection.has_worked = true;
            return self.assign(&[]);
        }
        self.ask_for_places(partitions, 0);
        Ok(())
    }

    fn ask_for_places(&mut self, partitions: Vec<i32>, retries: u32) {
        let question = Question::Places { partitions: partitions.clone(), start: self.start() };
        let due = (!self.scout.ask(question)).then(|| Instant::now() + Duration::from_secs(1));
        self.rebalance = Some(Rebalance::Coming { partitions, due, retries });
    }

    /// Takes the answer of the brokers, and begins to read.
    pub(super) fn begin(&mut self, found: KafkaResult<Found>) -> Result<()> {
        let Some(Rebalance::Coming { partitions, retries, .. }) = self.rebalance.take() else {
            return Ok(());
        };
        let Found { places, notes } = match found {
            Ok(found) => found,
            Err(error) => {
                let cause = self.cannot_read(&error);
                if let Some(code) = error.rdkafka_error_code() {
                    self.connection.trouble(&self.attempt(), code, &error.to_string())?;
                }
                debug!(error = %chain(&cause), "could not find out where the partitions begin, asking again");
                let due = Some(Instant::now() + Backoff::default().delay(retries, None));
                self.rebalance =
                    Some(Rebalance::Coming { partitions, due, retries: retries.saturating_add(1) });
                return Ok(());
            }
        };
        self.shared.notes.note_found(notes);
        let mut beginnings = Vec::with_capacity(places.len());
        for place in &places {
            let at = self.beginning(place);
            self.open(place, at)?;
            beginnings.push((place.partition, at));
        }
        self.connection.has_worked = true;
        self.caught_up.begins();
        info!(topic = %self.topic, ?beginnings, "reading these partitions from these offsets on");
        self.assign(&beginnings)
    }

    /// Where reading begins; what is missing is said and counted.
    fn beginning(&self, place: &Place) -> i64 {
        let (topic, partition) = (&self.topic, place.partition);
        let (at, deleted) = match place.beginning() {
            Beginning::At(at) => return at,
            Beginning::Deleted { at, records } => {
                warn!(%topic, partition, records, at, "records were deleted before they were read, going on with the earliest one");
                (at, records)
            }
            Beginning::MadeAnew { at } => {
                let group_was_at = place.wanted;
                warn!(%topic, partition, group_was_at, end = place.end, at, "the partition ends before the offset of the group: it was made \
                    anew, or cut; reading it from its beginning");
                (at, 0)
            }
        };
        let mut status = self.shared.status();
        status.resets = status.resets.saturating_add(1);
        status.deleted = status.deleted.saturating_add(u64::try_from(deleted).unwrap_or(0));
        at
    }

    fn open(&mut self, place: &Place, at: i64) -> Result<()> {
        let number = place.partition;
        let Some(mut queue) = partition::queue_of(&self.client, &self.topic, number) else {
            return Err(self.broken("librdkafka has no queue for a partition"));
        };
        let alarm = self.shared.alarm.clone();
        queue.set_nonempty_callback(move || alarm.ring());
        self.shared.resume(number);
        let ledger = Ledger::new(self.topic.clone(), number, at);
        // Where the partition was made anew, what the group committed says nothing.
        let committed = place.wanted.filter(|wanted| *wanted <= at);
        let mut opened = Partition::new(ledger.clone(), queue, committed, place.end);
        opened.stop_at = self.options.until_end.then_some(place.end);
        self.partitions.insert(number, opened);
        self.outbox.push_back(Input::Assigned(ledger));
        Ok(())
    }

    /// Tells librdkafka to read these partitions too.
    fn assign(&self, beginnings: &[(i32, i64)]) -> Result<()> {
        let assigned =
            partition::beginnings(&self.topic, beginnings).and_then(|list| match self.options.group {
                Some(_) => self.client.incremental_assign(&list),
                None => self.client.assign(&list),
            });
        assigned.map_err(|error| self.cannot_read(&error))
    }

    fn go(&mut self, partitions: Vec<i32>, lost: bool) {
        info!(topic = %self.topic, ?partitions, lost, "these partitions go to other members of the group");
        self.drop_held(&partitions);
        let mut drains = Vec::with_capacity(partitions.len());
        for number in &partitions {
            let Some(partition) = self.partitions.get_mut(number) else { continue };
            partition.is_leaving = true;
            // At once for all: it takes its time until the news of each is taken, and all have one deadline.
            partition.ledger.leave();
            if lost {
                partition.lose();
            }
            let (drained, answer) = oneshot::channel();
            self.outbox.push_back(Input::Revoked(partition.ledger.clone(), drained));
            drains.push(Drain { partition: *number, answer: (!lost).then_some(answer), is_over: lost });
        }
        let deadline = Instant::now() + self.options.drain;
        self.rebalance = Some(Rebalance::Going { partitions, drains, deadline });
    }

    fn step_going(&mut self, partitions: Vec<i32>, mut drains: Vec<Drain>, deadline: Instant) -> Result<()> {
        let now = Instant::now();
        let is_lost = self.client.assignment_lost();
        for drain in &mut drains {
            let Some(partition) = self.partitions.get_mut(&drain.partition) else {
                drain.is_over = true;
                continue;
            };
            if is_lost && !drain.is_over {
                partition.lose();
                drain.is_over = true;
            }
            drain.step(partition, now >= deadline);
            let is_too_late = now >= deadline + LAST_COMMIT;
            drain.is_over |= drain.answer.is_none() && (partition.commits.is_idle() || is_too_late);
        }
        if drains.iter().all(|drain| drain.is_over) {
            return self.let_go(&partitions);
        }
        self.rebalance = Some(Rebalance::Going { partitions, drains, deadline });
        Ok(())
    }

    /// Gives up partitions for good.
    fn let_go(&mut self, partitions: &[i32]) -> Result<()> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for number in partitions {
            list.add_partition(&self.topic, *number);
            let name = self.name(*number);
            let Some(mut partition) = self.partitions.remove(number) else { continue };
            partition.ledger.revoke();
            partition.commits.give_up(&name, &self.options.brokers);
            partition.let_fetch(&self.client);
            self.shared.resume(*number);
        }
        let gone = match self.client.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.client.incremental_unassign(&list),
            _ => self.client.unassign(),
        };
        gone.map_err(|error| self.cannot_read(&error))
    }

    /// Answers what librdkafka waits for: it does not end before.
    pub(super) fn finish_rebalances(&mut self) {
        let finished = match self.rebalance.take() {
            Some(Rebalance::Coming { .. }) => self.assign(&[]),
            Some(Rebalance::Going { partitions, .. }) => self.let_go(&partitions),
            None => Ok(()),
        };
        let mut results = vec![finished];
        while let Some(said) = self.wanted.pop_front() {
            results.push(match said {
                Said::Revoked { partitions, .. } => self.let_go(&partitions),
                _ => self.assign(&[]),
            });
        }
        for error in results.into_iter().filter_map(Result::err) {
            debug!(error = %chain(&error), "could not give back partitions while closing");
        }
    }

    /// Whether a record is the one that must come next, or a later one: then what is in between is not there any more, which is
    /// usual where records are compacted.
    ///
    /// An earlier one was given out before: with each change of the group librdkafka fetches the partitions that stay once more, from
    /// where it took the reader to be a moment ago. Only if it says that it begins anew, nothing is known of that record.
    pub(super) fn check_order(&mut self, parcel: &Parcel) -> Result<bool> {
        let is_earlier = |partition: &Partition| parcel.offset < partition.next;
        if self.partitions.get(&parcel.partition).is_some_and(is_earlier) {
            self.listen()?; // It may have said so meanwhile.
        }
        let Some(partition) = self.partitions.get_mut(&parcel.partition) else { return Ok(false) };
        let (next, found) = (partition.next, parcel.offset);
        if found < next && !partition.is_reset {
            debug!(topic = %self.topic, partition = parcel.partition, found, next, "a record was fetched again");
            return Ok(false);
        }
        if found < next {
            let name = self.name(parcel.partition);
            return Err(self.broken(&format!(
                "{name} begins anew: it goes on at offset {found} where {next} was expected; it was made anew, or cut: use another \
                 consumer group"
            )));
        }
        if partition.stop_at.is_some_and(|stop| found >= stop) {
            partition.next = found;
            return Ok(false);
        }
        if std::mem::take(&mut partition.is_reset) && found > next {
            let records = found.saturating_sub(next);
            warn!(topic = %self.topic, partition = parcel.partition, records, at = found, "records were deleted before they were read, \
                going on with the earliest one");
            let mut status = self.shared.status();
            status.deleted = status.deleted.saturating_add(records.unsigned_abs());
        }
        Ok(true)
    }
}

impl Drain {
    fn step(&mut self, partition: &mut Partition, is_late: bool) {
        let Some(answer) = &mut self.answer else { return };
        match answer.try_recv() {
            // What is done now is also written, by this answer; unless the ledger was revoked because some of it was cancelled.
            Ok(()) if !partition.ledger.is_revoked() => {
                partition.commits.add(partition.ledger.done(), None);
            }
            Err(TryRecvError::Empty) if !is_late => return,
            Err(TryRecvError::Empty) => {
                warn!(
                    partition = partition.number,
                    "what is under way of a partition did not end in time, another member reads it again"
                );
                partition.ledger.revoke();
            }
            Ok(()) | Err(TryRecvError::Closed) => partition.ledger.revoke(),
        }
        self.answer = None;
    }
}
