//! Buffers that tasks use one after the other.

use std::sync::{Mutex, PoisonError};

/// Things that are costly to make, kept for the next one who needs one.
#[derive(Debug)]
pub struct Kept<T> {
    things: Mutex<Vec<T>>,
    most: usize,
}

impl<T> Default for Kept<T> {
    /// Keeps all.
    fn default() -> Self {
        Self::at_most(usize::MAX)
    }
}

impl<T> Kept<T> {
    /// Keeps so many; what is given back beyond is dropped.
    #[must_use]
    pub const fn at_most(most: usize) -> Self {
        Self { things: Mutex::new(Vec::new()), most }
    }
}

impl<T: Default> Kept<T> {
    /// One that was given back, or a new one.
    #[must_use]
    pub fn take(&self) -> T {
        self.things.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps one for the next who asks.
    pub fn give_back(&self, thing: T) {
        let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        if things.len() < self.most {
            things.push(thing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_is_said() {
        let kept = Kept::at_most(1);
        kept.give_back(7);
        kept.give_back(8);
        assert_eq!((kept.take(), kept.take()), (7, 0));
    }
}
