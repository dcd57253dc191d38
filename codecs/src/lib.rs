//! Decoders of snapshot repositories and Lucene segment files: bytes in, values out.
//!
//! No I/O, no async, no clock, no logging. Every byte is untrusted: a damaged file is an [`Error`], never a
//! panic, and never an allocation on its word.

pub mod compression;
pub mod error;
pub mod input;
pub mod lucene;

pub use error::{Error, Result};
