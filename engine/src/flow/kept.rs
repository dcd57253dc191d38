//! Buffers that tasks use one after the other.

use std::sync::{Mutex, PoisonError};

/// Things that are costly to make, kept for the next one who needs one.
#[derive(Debug)]
pub struct Kept<T>(Mutex<Vec<T>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> Kept<T> {
    /// One that was given back, or a new one.
    #[must_use]
    pub fn take(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps one for the next who asks.
    pub fn give_back(&self, thing: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
    }
}
