//! Captured traffic in files and on standard input.
//!
//! | form           | what is in the file                                                                          |
//! |----------------|----------------------------------------------------------------------------------------------|
//! | raw            | one record, as protobuf; a proxy writes one file each, `connection id_number.protocap`        |
//! | delimited      | records, each behind its length as a varint                                                   |
//! | base64 lines   | a record a line                                                                               |
//! | keyed lines    | a record a line, behind its key and `\|`: what a migration console exports                     |
//! | gzip           | any of these                                                                                  |
//!
//! The form is told by the content. Each file has a [`Ledger`](super::Ledger) of its own, whose topic is the path as it was
//! given, partition 0, with the number of the record, from 0, as its offset; lines and parts that are no record count.
//! Neighbouring files with raw records are one, in the order of their times.

mod find;
mod form;
mod input;
mod read;
mod records;
#[cfg(test)]
mod tests;

pub use find::{FileInput, FileSource};

/// A record is no longer, in bytes: eight times what brokers are set up for with large records.
const LONGEST_RECORD: usize = 64 << 20;
