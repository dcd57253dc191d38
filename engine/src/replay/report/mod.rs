//! Compares what source and target answered, as tuples tell it.
//!
//! Tuples are read once, in the order of their files, a few megabytes at a time; the cores compare the answers of a batch,
//! and one thread adds up what they found, so that a report does not depend on which was faster. What is kept is bounded: times
//! are in buckets, mismatches in groups with a few examples, words from outside are cut and counted up to a number of kinds.

mod compare;
mod duplicates;
mod endpoint;
mod files;
mod groups;
mod html;
mod lines;
mod noise;
mod outcome;
mod redact;
mod seen;
mod summary;
mod tally;
mod thresholds;
mod timeline;

#[cfg(test)]
mod tests;

pub use compare::{Difference, IgnoredPath, Rules};
pub use html::page;
pub use outcome::{Answer, Outcome};
pub use summary::*;
pub use thresholds::{LatencyLimit, Limit, Share, Thresholds};

use crate::error::{Error, Result};
use crate::storage::{Location, S3Options};
use compare::Subject;
use endpoint::Endpoint;
use files::{FileReader, TupleFiles};
use lines::{Batch, Lines};
use rayon::prelude::*;
use seen::Seen;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tally::Tally;

/// A line is no longer, in bytes: a request and two answers of 64 MiB, with escapes.
const LONGEST_LINE: usize = 512 << 20;

/// How tuples are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How bodies are compared.
    pub rules: Rules,
    /// Examples of each mismatch (default: 3).
    pub examples: usize,
    /// Compare also answers that tell of the servers themselves (default: no).
    pub compare_all: bool,
    /// Learn from requests that come again what differs by chance (default: yes).
    pub learn_noise: bool,
    /// What is to be reached.
    pub thresholds: Thresholds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            examples: 3,
            compare_all: false,
            learn_noise: true,
            thresholds: Thresholds::default(),
        }
    }
}

impl Settings {
    const fn subject(&self, endpoint: &Endpoint) -> Subject<'_> {
        Subject {
            rules: &self.rules,
            is_document: endpoint.is_document,
            has_server_id: endpoint.has_server_id,
        }
    }
}

/// Lines of a file, with the name that the report has for it; or the end of the file.
enum Part {
    Lines(Arc<str>, Batch),
    EndOfFile,
}

/// Reads all tuples of these places, and compares what is in them.
///
/// # Errors
///
/// A place cannot be listed, or has no file of tuples. A file that cannot be read to its end counts as a line that is no tuple.
pub async fn run(locations: &[Location], options: &S3Options, settings: Settings) -> Result<Report> {
    let mut files = Vec::new();
    let mut urls = Vec::new();
    for location in locations {
        let found = TupleFiles::open(location, options).await?;
        if found.files().is_empty() {
            return Err(Error::NoTuples { url: found.url().to_owned() });
        }
        urls.push(found.url().to_owned());
        files.push(found);
    }
    let readers = readers(&files);
    let work = tokio::task::spawn_blocking(move || compare_files(readers, &settings, urls));
    work.await.map_err(|error| Error::Threads { reason: error.to_string() })
}

/// Each file, with a name that says which it is.
fn readers(places: &[TupleFiles]) -> Vec<(Arc<str>, FileReader)> {
    let is_one = places.len() == 1;
    let name = |place: &TupleFiles, name: &str| {
        if is_one { name.into() } else { format!("{}/{name}", place.url()).into() }
    };
    let files = places.iter().flat_map(|place| place.files().iter().map(move |file| (place, file)));
    files.map(|(place, file)| (name(place, &file.name), place.read(file))).collect()
}

/// Reads on a thread of its own, one batch ahead.
fn compare_files(
    readers: Vec<(Arc<str>, FileReader)>,
    settings: &Settings,
    locations: Vec<String>,
) -> Report {
    let mut tally = Tally::new(settings);
    let (sender, parts) = sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(move || read_files(readers, &sender));
        add_parts(&parts, settings, &mut tally);
    });
    tally.finish(locations)
}

fn read_files(readers: Vec<(Arc<str>, FileReader)>, parts: &SyncSender<Part>) {
    for (name, reader) in readers {
        let mut lines = Lines::new(reader, LONGEST_LINE);
        while let Some(batch) = lines.next_batch() {
            if parts.send(Part::Lines(Arc::clone(&name), batch)).is_err() {
                return; // nobody adds up any more
            }
        }
        if parts.send(Part::EndOfFile).is_err() {
            return;
        }
    }
}

fn add_parts(parts: &Receiver<Part>, settings: &Settings, tally: &mut Tally<'_>) {
    while let Ok(part) = parts.recv() {
        let Part::Lines(file, batch) = part else {
            tally.end_file();
            continue;
        };
        let lines = batch.lines();
        let seen: Vec<_> =
            lines.par_iter().map(|(number, line)| (*number, Seen::of(line, settings))).collect();
        for (number, seen) in seen {
            match seen {
                Ok(seen) => tally.add(seen, &file, number),
                Err(reason) => tally.add_bad(&file, number, reason),
            }
        }
        for (number, reason) in batch.bad {
            tally.add_bad(&file, number, reason);
        }
    }
}
