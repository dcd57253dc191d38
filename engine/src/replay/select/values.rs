//! Values of the options that select.

use super::super::route::RouteClass;
use crate::transform::jq::{Program, Subject};
use siphasher::sip::SipHasher13;
use std::fmt;
use std::hash::Hasher as _;
use std::str::FromStr;
use std::sync::Arc;

/// Reads, writes, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClassFilter {
    /// All requests.
    #[default]
    All,
    /// What changes nothing.
    Reads,
    /// What changes documents or indices.
    Writes,
}

impl ClassFilter {
    pub(super) const fn takes(self, class: RouteClass) -> bool {
        match self {
            Self::All => true,
            Self::Reads => matches!(class, RouteClass::Read),
            Self::Writes => matches!(class, RouteClass::Write),
        }
    }
}

impl FromStr for ClassFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "reads" => Ok(Self::Reads),
            "writes" => Ok(Self::Writes),
            _ => Err(format!("expected `all`, `reads` or `writes`, found `{text}`")),
        }
    }
}

/// Statuses: `2xx`, `404`, `500-503`, with commas between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet(Vec<(u16, u16)>);

impl StatusSet {
    /// Whether the status is one of them.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

impl FromStr for StatusSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |part: &str| {
            format!("expected statuses such as `2xx`, `404`, `500-503`, with commas between, found `{part}`")
        };
        let status = |text: &str| text.parse().ok().filter(|status| (100..=999).contains(status));
        let range = |part: &str| match (part.as_bytes(), part.split_once('-')) {
            ([digit @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'], _) => {
                let first = u16::from(digit & 15).saturating_mul(100);
                Some((first, first.saturating_add(99)))
            }
            (_, Some((first, last))) => Some((status(first)?, status(last)?)),
            (_, None) => status(part).map(|status| (status, status)),
        };
        let ranges = text.split(',').map(str::trim).map(|part| match range(part) {
            Some((first, last)) if first <= last => Ok((first, last)),
            _ => Err(wrong(part)),
        });
        ranges.collect::<Result<_, _>>().map(Self)
    }
}

/// A part of all requests, or of all connections: the same ones in every run and every replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How many of a million.
    pub(super) share: u32,
    /// Whether all requests of a connection are taken, or none.
    pub whole_connections: bool,
}

impl Sample {
    const ALL: u32 = 1_000_000;

    /// Whether a request is in the sample.
    pub(super) fn takes(self, connection: &str, index: u64) -> bool {
        let mut hasher = SipHasher13::new_with_keys(0x6665_7272_7972_6570, 0x6c61_7973_616d_706c);
        hasher.write(connection.as_bytes());
        hasher.write_u8(0xFF); // no id has such a byte
        if !self.whole_connections {
            hasher.write_u64(index);
        }
        hasher.finish() % u64::from(Self::ALL) < u64::from(self.share)
    }
}

impl FromStr for Sample {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected a part such as `10%` or `0.5%`, with at most four decimals, found `{text}`");
        let number = text.strip_suffix('%').ok_or_else(wrong)?;
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || whole.len() > 3
            || decimals.len() > 4
            || !is_number(whole)
            || !is_number(decimals)
        {
            return Err(wrong());
        }
        let share: u32 = format!("{whole}{decimals:0<4}").parse().map_err(|_| wrong())?;
        if share == 0 || share > Self::ALL {
            return Err(wrong());
        }
        Ok(Self { share, whole_connections: false })
    }
}

/// A program in jq that must hold for the message of a request.
#[derive(Clone)]
pub struct RequestFilter {
    text: Arc<str>,
    program: Arc<Program>,
}

impl RequestFilter {
    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// Refuses the filter of the Java replayer (`--request-filter-config`), which is JMESPath, and says how it is written here.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn from_java(config: &str) -> Result<Self, String> {
        let script = serde_json::from_str::<serde_json::Value>(config).ok();
        let script = script.as_ref().and_then(|config| {
            config.get("JsonJMESPathPredicateProvider")?.get("script")?.as_str().map(str::to_owned)
        });
        let found = script.map(|script| format!(": `{script}`")).unwrap_or_default();
        Err(format!(
            "JMESPath is not understood here{found}; write the condition in jq as `--filter`, for example `.method == \"GET\"` for \
             `method == 'GET'`, `.URI | startswith(\"/a\")` for `starts_with(URI, '/a')`, \
             `.headers.host[0] == \"a\"` for `headers.host[0] == 'a'` (names of headers in small letters)"
        ))
    }
}

impl fmt::Debug for RequestFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestFilter").field(&self.text).finish()
    }
}

impl FromStr for RequestFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let program = Program::compile(text, Subject::Request);
        let program =
            program.map_err(|error| format!("jq program, byte {}: {}", error.offset, error.problem))?;
        Ok(Self { text: text.into(), program: Arc::new(program) })
    }
}
