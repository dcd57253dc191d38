//! Decoders of snapshot repositories and Lucene segment files: bytes in, values out.
//!
//! No I/O, no async, no clock, no logging. Every byte is untrusted: a damaged file is an [`Error`], never a
//! panic, and never an allocation on its word.

mod big_number;
pub mod bulk;
pub mod compression;
pub mod document_id;
pub mod error;
pub mod input;
pub mod json_compare;
pub mod json_line;
pub mod json_scan;
mod json_writer;
pub mod lucene;
pub mod smile;
pub mod snapshot;
pub mod source;
pub mod traffic;

pub use error::{Error, Result};
