//! The only place that prints: data on standard output, everything else on standard error.

use comfy_table::{CellAlignment, ContentArrangement, Table};
use engine::traffic::inspect;
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use time::OffsetDateTime;

/// How the program ends. Decided in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Everything was done.
    Complete,
    /// Everything was done, but for documents that failed or faults that were found.
    WithFailures,
    /// It could not run, or was stopped.
    Failed,
    /// Whoever read standard output wants no more.
    OutputClosed,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Complete => 0,
            ExitStatus::WithFailures => 1,
            ExitStatus::Failed => 2,
            // What a shell says of programs that a closed pipe ends: 128 and the number of SIGPIPE.
            ExitStatus::OutputClosed => 141,
        })
    }
}

/// Standard output and standard error of a command.
#[derive(Debug)]
pub(crate) struct Output {
    /// Where results go: standard error when documents go to standard output.
    results_on_stderr: bool,
}

impl Output {
    pub(crate) const fn new() -> Self {
        Self { results_on_stderr: false }
    }

    /// Sends results to standard error, because standard output has something else.
    pub(crate) const fn results_on_stderr(&mut self) {
        self.results_on_stderr = true;
    }

    /// Prints lines of a result.
    pub(crate) fn text(&self, text: &str) -> io::Result<()> {
        if self.results_on_stderr {
            writeln!(io::stderr().lock(), "{text}")
        } else {
            writeln!(io::stdout().lock(), "{text}").map_err(closed)
        }
    }

    /// Prints a result as one JSON document.
    pub(crate) fn json(&self, value: &impl Serialize) -> anyhow::Result<()> {
        Ok(self.text(&serde_json::to_string_pretty(value)?)?)
    }
}

/// Standard output has no reader any more, such as `head` that has seen enough.
#[derive(Debug)]
struct OutputClosed;

impl fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is closed")
    }
}

impl std::error::Error for OutputClosed {}

/// Tells a closed standard output from any other broken pipe.
fn closed(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::new(io::ErrorKind::BrokenPipe, OutputClosed),
        _ => error,
    }
}

/// Whether a command ended because nobody reads its standard output any more: that is nothing to report.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        io.and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<OutputClosed>())
            || cause.downcast_ref().is_some_and(inspect::is_output_closed)
    })
}

/// A table: columns whose names start with `>` are numbers, aligned to the right.
pub(crate) fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|name| name.trim_start_matches('>')));
    table.add_rows(rows);
    for (column, name) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, 2));
        if name.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// A number with its thousands apart.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes in words, in units of 1024.
pub(crate) fn size(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().iec().to_string()
}

/// Milliseconds since 1970 as a date and a time, in UTC.
pub(crate) fn date(millis: i64) -> String {
    let nanos = i128::from(millis).saturating_mul(1_000_000);
    match OffsetDateTime::from_unix_timestamp_nanos(nanos) {
        Ok(date) if millis > 0 => {
            let (year, month, day) = date.to_calendar_date();
            let (hour, minute, second) = date.to_hms();
            format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", u8::from(month))
        }
        _ => "-".to_owned(),
    }
}
