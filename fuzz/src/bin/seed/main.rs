//! Cuts small real files out of `tests/fixtures` into `corpus/TARGET`, each in the form that the target takes.
//!
//! It is built with the flags of the targets, so that one build does for all; libFuzzer's `main` is not used then.

mod archive;
mod blobs;
mod segments;
mod synthetic;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

libfuzzer_sys::fuzz_target!(|_input: &[u8]| ());

/// Seeds are no longer than this, in bytes.
const LONGEST: usize = 40_000;
/// The longest of a class is taken too, if it is no longer than this: small files have few features.
const LONGEST_OF_CLASS: usize = 12_000;

/// A target, and a class of its seeds, such as a codec or the version of a server.
type Class = (&'static str, String);

/// Seeds with their lengths, shortest first.
#[derive(Default)]
pub(crate) struct Seeds {
    found: BTreeMap<Class, BTreeSet<(usize, Vec<u8>)>>,
}

impl Seeds {
    pub(crate) fn add(&mut self, target: &'static str, class: impl Into<String>, seed: Vec<u8>) {
        if seed.len() <= LONGEST {
            self.found.entry((target, class.into())).or_default().insert((seed.len(), seed));
        }
    }

    /// Of each class the two shortest and one of the longest.
    fn write(&self, corpus: &Path) -> std::io::Result<()> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for ((target, class), seeds) in &self.found {
            let folder = corpus.join(target);
            std::fs::create_dir_all(&folder)?;
            let longest = seeds.iter().rev().find(|(length, _)| *length <= LONGEST_OF_CLASS);
            let chosen: BTreeSet<_> = seeds.iter().take(2).chain(longest).collect();
            for (number, (_, seed)) in chosen.into_iter().enumerate() {
                std::fs::write(folder.join(format!("seed-{class}-{number}")), seed)?;
                *counts.entry(target).or_default() += 1;
            }
        }
        for (target, count) in counts {
            println!("{target}: {count} seeds");
        }
        Ok(())
    }
}

/// A file with its length before it, as `fuzz::Parts` takes it; none if it is too long for that.
pub(crate) fn part(file: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(file.len()).ok()?;
    Some([&length.to_le_bytes(), file].concat())
}

fn main() -> std::io::Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seeds = Seeds::default();
    for repository in archive::repositories(&project.join("tests/fixtures/snapshots"))? {
        for shard in blobs::add_blobs(&repository, &mut seeds) {
            segments::add_segments(&shard, &mut seeds);
        }
    }
    blobs::add_vectors(&project.join("codecs/tests/fixtures/xcontent"), &mut seeds)?;
    synthetic::add(&mut seeds);
    traffic::add(&project.join("codecs/tests/fixtures/http"), &mut seeds)?;
    seeds.write(&project.join("fuzz/corpus"))
}
