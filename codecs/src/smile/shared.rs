//! Names and strings that a SMILE document refers back to.

/// After so many entries, the table starts again from nothing.
const CAPACITY: usize = 1024;

/// The names (or short strings) of a document so far, in the order in which they first stood in it.
///
/// Every name that is written out takes a number, long or short; of the strings only those of up to 64 bytes
/// (65 when not ASCII). A writer never refers to numbers whose low byte is `FE` or `FF`, which would look like
/// an end marker, but they are counted like all others.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    is_enabled: bool,
    texts: Vec<&'a [u8]>,
}

impl<'a> Shared<'a> {
    pub(super) const fn new(is_enabled: bool) -> Self {
        Self { is_enabled, texts: Vec::new() }
    }

    pub(super) fn add(&mut self, text: &'a [u8]) {
        if !self.is_enabled {
            return;
        }
        if self.texts.len() >= CAPACITY {
            self.texts.clear();
        }
        self.texts.push(text);
    }

    pub(super) fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.texts.get(index).copied()
    }

    pub(super) const fn len(&self) -> usize {
        self.texts.len()
    }
}
