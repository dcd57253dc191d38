//! A point in time, as it is read and shown.

use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time by the source's clock, not before 1970: seconds since then, or `2026-11-26T10:41:14.5Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub SystemTime);

/// A text that is no point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected seconds since 1970, or a time such as `2026-11-26T10:41:14Z`")]
pub struct InstantError;

impl FromStr for Instant {
    type Err = InstantError;

    fn from_str(text: &str) -> Result<Self, InstantError> {
        seconds(text).or_else(|| date(text)).map(Self).ok_or(InstantError)
    }
}

fn seconds(text: &str) -> Option<SystemTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(number(whole)?, nanos(fraction)?))
}

fn date(text: &str) -> Option<SystemTime> {
    let time = SystemTime::from(OffsetDateTime::parse(text, &Rfc3339).ok()?);
    Some(time).filter(|time| *time >= SystemTime::UNIX_EPOCH)
}

fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A fraction of a second; what is less than a nanosecond is cut off.
fn nanos(fraction: &str) -> Option<u32> {
    number(fraction.get(..18).unwrap_or(fraction))?;
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(digits.fold(0, |nanos: u32, digit| nanos.saturating_mul(10).saturating_add(u32::from(digit & 15))))
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        let Ok(date) = OffsetDateTime::from_unix_timestamp(seconds) else { return write!(f, "{seconds}") };
        let (year, month, day) = date.to_calendar_date();
        let (hour, minute, second) = date.to_hms();
        let (month, milli) = (u8::from(month), since.subsec_millis());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_seconds_or_a_date() {
        for text in ["1795689674.5", "2026-11-26T10:41:14.5Z", "2026-11-26T11:41:14.500000000999+01:00"] {
            let time: Instant = text.parse().unwrap();
            assert_eq!(time.0, SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_689_674_500), "{text}");
            assert_eq!(time.to_string(), "2026-11-26T10:41:14.500Z");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let texts = [
            "",
            "x",
            "-1",
            "1.x",
            "2026-11-26",
            "2026-13-26T10:41:14Z",
            "2026-11-26T24:00:00Z",
            "2026-11-26T10:41Z",
        ];
        for text in texts {
            assert_eq!(text.parse::<Instant>(), Err(InstantError), "{text}");
        }
    }
}
