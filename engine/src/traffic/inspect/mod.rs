//! Looks at captured traffic without replaying it: `dump`, `stats`, `convert`.

mod convert;
mod dump;
mod instant;
mod line;
mod quantiles;
mod selection;
mod stats;

pub use convert::{ConvertForm, ConvertReport, ConvertSettings, ConvertTarget, convert, is_output_closed};
pub use dump::{DumpForm, DumpReport, DumpSettings, dump};
pub use instant::{Instant, InstantError};
pub use line::{DumpLine, HttpEvent, HttpLine, Piece, RawLine};
pub use quantiles::Spread;
pub use selection::RecordSelection;
pub use stats::{EndpointStats, NodeStats, Offsets, StatsReport, StatsSettings, stats};
