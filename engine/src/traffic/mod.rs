//! Captured traffic: where records come from, and the transactions that they hold.

mod accumulator;
mod files;
pub mod inspect;
pub mod kafka;
mod ledger;
mod quarantine;
mod record;
mod stream;
mod transaction;

pub use accumulator::{
    Accumulator, AccumulatorCounts, AccumulatorSettings, ObservationCounts, ResponseCounts,
};
pub use files::{FileInput, FileSource};
pub use kafka::Input;
pub use ledger::{Flight, Ledger, Token};
pub use quarantine::{Quarantine, QuarantineKind, Quarantined};
pub use record::Record;
pub use stream::{RecordSender, RecordStream, Stopped, record_stream};
pub use transaction::{Connection, Event, ResponseEnd, SourceRequest, SourceResponse};
