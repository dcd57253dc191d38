//! Where reading a partition begins.

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, SystemTime};

use super::context::Client;
use super::notes;
use super::options::KafkaStart;

/// How long a question to the brokers may take.
const ANSWER: Duration = Duration::from_secs(10);

/// What there is of a partition, and where its group was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) partition: i32,
    /// Where reading is to begin: where the group was, or what was asked for; none: at the earliest record.
    pub(super) wanted: Option<i64>,
    /// The first record that is there.
    pub(super) earliest: i64,
    /// The offset after the last record.
    pub(super) end: i64,
}

/// What the brokers answer.
pub(super) struct Found {
    pub(super) places: Vec<Place>,
    /// The notes of the group's commits, of all partitions.
    pub(super) notes: Vec<String>,
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Here, as wanted.
    At(i64),
    /// Here: this many records were deleted before they were read.
    Deleted { at: i64, records: i64 },
    /// Here: the partition ends before what is wanted, so it was made anew, or cut.
    MadeAnew { at: i64 },
}

impl Place {
    pub(super) fn beginning(&self) -> Beginning {
        let at = self.earliest;
        match self.wanted {
            None => Beginning::At(at),
            Some(wanted) if wanted < at => Beginning::Deleted { at, records: at.saturating_sub(wanted) },
            Some(wanted) if wanted > self.end => Beginning::MadeAnew { at },
            Some(wanted) => Beginning::At(wanted),
        }
    }
}

/// Asks the brokers. `all` are the partitions whose notes are looked at too; `start` is for readers without a group. Blocks.
pub(super) fn ask(
    client: &Client,
    topic: &str,
    partitions: &[i32],
    all: &[i32],
    start: Option<KafkaStart>,
) -> KafkaResult<Found> {
    let (wanted, notes) = match start {
        None => of_group(client, topic, partitions, all)?,
        Some(KafkaStart::Earliest) => Default::default(),
        Some(KafkaStart::Offset(offset)) => {
            (partitions.iter().map(|partition| (*partition, offset)).collect(), Vec::new())
        }
        Some(KafkaStart::Time(time)) => {
            (at(client, topic, partitions, Offset::Offset(millis(time)))?, Vec::new())
        }
    };
    let earliest = at(client, topic, partitions, Offset::Beginning)?;
    let ends = at(client, topic, partitions, Offset::End)?;
    let of = |offsets: &[(i32, i64)], wanted: i32| {
        offsets.iter().find(|(partition, _)| *partition == wanted).map(|(_, offset)| *offset)
    };
    let place = |partition: &i32| {
        let (earliest, end) = (of(&earliest, *partition).unwrap_or(0), of(&ends, *partition).unwrap_or(0));
        // No record is as late as the time that is asked for: the end is the next one that is.
        let late = matches!(start, Some(KafkaStart::Time(_))).then_some(end);
        let wanted = of(&wanted, *partition).or(late);
        // What is asked for by number begins with what there is of it.
        let wanted = if start.is_some() {
            wanted.map(|wanted| wanted.clamp(earliest, end.max(earliest)))
        } else {
            wanted
        };
        Place { partition: *partition, wanted, earliest, end }
    };
    Ok(Found { places: partitions.iter().map(place).collect(), notes })
}

/// Offsets of partitions.
type Offsets = Vec<(i32, i64)>;

/// Where the group was in these partitions, and the notes of all: one question.
fn of_group(
    client: &Client,
    topic: &str,
    partitions: &[i32],
    all: &[i32],
) -> KafkaResult<(Offsets, Vec<String>)> {
    let others = all.iter().filter(|partition| !partitions.contains(partition));
    let asked: Vec<i32> = partitions.iter().chain(others).copied().collect();
    let committed = committed(client, topic, &asked)?;
    Ok((offsets(&committed, partitions)?, notes::of(&committed)))
}

/// What the group committed of each partition, with its notes. Blocks.
pub(super) fn committed(client: &Client, topic: &str, partitions: &[i32]) -> KafkaResult<TopicPartitionList> {
    client.committed_offsets(list(topic, partitions, Offset::Invalid)?, ANSWER)
}

/// The offsets of a time, or of the beginning or end.
fn at(client: &Client, topic: &str, partitions: &[i32], time: Offset) -> KafkaResult<Offsets> {
    offsets(&client.offsets_for_times(list(topic, partitions, time)?, ANSWER)?, partitions)
}

fn list(topic: &str, partitions: &[i32], offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition_offset(topic, *partition, offset)?;
    }
    Ok(list)
}

/// The offsets of these partitions of a list, which may have more.
fn offsets(list: &TopicPartitionList, partitions: &[i32]) -> KafkaResult<Offsets> {
    let mut offsets = Vec::with_capacity(partitions.len());
    for element in list.elements().iter().filter(|element| partitions.contains(&element.partition())) {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            offsets.push((element.partition(), offset));
        }
    }
    Ok(offsets)
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning(wanted: Option<i64>) -> Beginning {
        Place { partition: 0, wanted, earliest: 100, end: 200 }.beginning()
    }

    #[test]
    fn reading_begins_where_the_group_was_or_at_the_earliest_record() {
        assert_eq!(beginning(None), Beginning::At(100));
        assert_eq!(beginning(Some(100)), Beginning::At(100));
        assert_eq!(beginning(Some(200)), Beginning::At(200));
    }

    #[test]
    fn records_that_were_deleted_unread_are_counted() {
        assert_eq!(beginning(Some(70)), Beginning::Deleted { at: 100, records: 30 });
    }

    #[test]
    fn a_partition_that_ends_before_it_was_read_to_was_made_anew() {
        assert_eq!(beginning(Some(201)), Beginning::MadeAnew { at: 100 });
    }
}
