//! Replays captured requests on a target.
//!
//! | file | what |
//! |---|---|
//! | `files` | records of files as the line takes them |
//! | `run`, `intake` | the line: records → requests → conversations → target, and back to the offsets |
//! | `conversation` | the requests of one connection of the source, in order |
//! | `clock`, `order`, `places` | when a request is due, and whom it has to wait for |
//! | `align`, `shared_baseline` | one time for all processes of a group |
//! | `request`, `headers`, `route`, `coding` | what a request is, and what it does |
//! | `select`, `transform`, `message`, `sanitise`, `ids`, `finish`, `prepare` | from what the client sent to what is sent |
//! | `send`, `retry`, `bulk`, `breaker` | to the target, as often as it takes |
//! | `outcome`, `line`, `writer`, `books` | what became of it, and what may be committed |
//! | `tuples`, `blocks`, `workers` | files of tuples, compressed on as many threads as there are cores |
//! | `counts`, `histogram`, `summary`, `settings` | what is counted, and what is told |
//! | `monitor`, `view`, `control`, `figures` | how it stands, for whoever asks while it runs, and how it is held back |

mod align;
mod blocks;
mod books;
mod breaker;
mod bulk;
mod clock;
mod coding;
mod control;
mod conversation;
mod counts;
mod figures;
mod files;
mod finish;
mod headers;
mod histogram;
mod ids;
mod intake;
mod line;
mod message;
mod monitor;
mod order;
mod outcome;
mod places;
mod prepare;
pub mod report;
mod request;
mod retry;
mod route;
mod run;
mod sanitise;
mod select;
mod send;
mod settings;
mod shared_baseline;
mod summary;
mod transform;
mod tuples;
mod view;
mod workers;
mod writer;

pub use align::{GroupNotes, WriteNote};
pub use clock::{Baseline, SourceClock, Speed};
pub use codecs::traffic::tuple::TupleSettings;
pub use control::{pause, resume};
pub use files::from_files;
pub use finish::{FinishSettings, Finisher, HostHeader, ReplayAuth};
pub use headers::{Headers, is_secret};
pub use ids::{WithIds, lacks_ids, with_ids};
pub use monitor::Monitor;
pub use prepare::Preparation;
pub use request::Outgoing;
pub use retry::{FINAL_ERRORS, RetryPolicy};
pub use route::{DocumentKey, Keys, Route, RouteClass, document_keys};
pub use run::{Hold, Quiet, Report, Source, run};
pub use select::{
    ClassFilter, Narrowed, RequestFilter, Sample, Selection, SelectionSettings, Skip, StatusSet,
};
pub use settings::{Destination, Settings};
pub use summary::{Quantiles, Summary};
pub use transform::{RequestTransforms, TransformStatus, Transformed};
pub use tuples::Rotation;
pub use view::ReplayProgress;
