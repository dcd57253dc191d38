//! The time baseline of a group, as the commits of its members carry it.

use super::clock::{Baseline, Setting, Speed};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// What the text begins with: the form, and its version.
const FORM: &str = "ferry1";

/// The last millisecond of the year 9999.
const LAST: u64 = 253_402_300_799_999;

/// A clock of another machine may be ahead of ours by so much.
const SKEW: Duration = Duration::from_secs(3600);

/// A baseline that is further away from now is none that anybody means.
const FAR: Duration = Duration::from_secs(366 * 86_400);

/// A baseline with when it was set, to the millisecond.
///
/// ```text
/// ferry1 source=1770000000000 real=1770003600000 speed=1.0 set=1770003600000
/// ferry1 speed=unlimited set=1770003600000
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SharedBaseline {
    /// None: everything is due at once.
    pub(super) pace: Option<(Baseline, f64)>,
    /// When it was set: of several the latest one counts.
    pub(super) set: SystemTime,
}

/// Why a text is no baseline that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is in a form that is not known here.
    Form,
    /// It has a time that cannot be meant.
    Time,
}

impl SharedBaseline {
    /// What a clock is set to, with `set` in place of its own.
    pub(super) fn of(setting: &Setting, set: SystemTime) -> Self {
        let whole = |time| from_millis(millis(time));
        let pace = match setting.speed {
            Speed::Unlimited => None,
            Speed::Factor(factor) => {
                let Baseline { source, real } = setting.baseline;
                Some((Baseline { source: whole(source), real: whole(real) }, factor))
            }
        };
        Self { pace, set: whole(set) }
    }

    /// The baseline of a text that anybody may have written.
    pub(super) fn read(text: &str, now: SystemTime) -> Result<Self, Refusal> {
        let read: Self = text.parse()?;
        let is_far = |real: SystemTime| {
            let apart = real.duration_since(now).or_else(|_| now.duration_since(real)).unwrap_or_default();
            apart > FAR
        };
        let is_absurd = read.set.duration_since(now).is_ok_and(|ahead| ahead > SKEW)
            || read.pace.is_some_and(|(baseline, _)| is_far(baseline.real));
        if is_absurd { Err(Refusal::Time) } else { Ok(read) }
    }

    /// Which of two counts: the greater one. The same for all, also where two were set in the same millisecond.
    pub(super) fn rank(&self) -> (SystemTime, Option<(SystemTime, SystemTime)>) {
        (self.set, self.pace.map(|(baseline, _)| (baseline.source, baseline.real)))
    }

    /// Whether it is for a clock of this speed.
    pub(super) fn is_for(&self, speed: Speed) -> bool {
        match (self.pace, speed) {
            (None, Speed::Unlimited) => true,
            (Some((_, its)), Speed::Factor(factor)) => its.to_bits() == factor.to_bits(),
            _ => false,
        }
    }
}

impl fmt::Display for SharedBaseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FORM} ")?;
        match self.pace {
            None => write!(f, "speed=unlimited")?,
            Some((Baseline { source, real }, factor)) => {
                write!(f, "source={} real={} speed={factor:?}", millis(source), millis(real))?;
            }
        }
        write!(f, " set={}", millis(self.set))
    }
}

impl FromStr for SharedBaseline {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let words: Vec<&str> = text.split(' ').take(6).collect();
        match *words.as_slice() {
            [FORM, "speed=unlimited", set] => Ok(Self { pace: None, set: time(set, "set=")? }),
            [FORM, source, real, speed, set] => {
                let baseline = Baseline { source: time(source, "source=")?, real: time(real, "real=")? };
                let factor = speed.strip_prefix("speed=").and_then(|factor| factor.parse::<f64>().ok());
                let factor = factor.filter(|factor| factor.is_finite() && *factor > 0.0);
                let pace = Some((baseline, factor.ok_or(Refusal::Form)?));
                Ok(Self { pace, set: time(set, "set=")? })
            }
            _ => Err(Refusal::Form),
        }
    }
}

fn time(word: &str, key: &str) -> Result<SystemTime, Refusal> {
    let digits = word.strip_prefix(key).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let millis: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or(Refusal::Form)?;
    if millis > LAST { Err(Refusal::Time) } else { Ok(from_millis(millis)) }
}

fn from_millis(millis: u64) -> SystemTime {
    // It is one, up to the last: see `time` and `millis`.
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Within what a text can say.
fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(LAST).min(LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ferry1 source=1770000000123 real=1770003600456 speed=1.5 set=1770003600789";

    fn at(millis: u64) -> SystemTime {
        from_millis(millis)
    }

    #[test]
    fn a_baseline_is_read_as_it_is_written() {
        let baseline = Baseline { source: at(1_770_000_000_123), real: at(1_770_003_600_456) };
        let written = SharedBaseline { pace: Some((baseline, 1.5)), set: at(1_770_003_600_789) };
        assert_eq!((written.to_string().as_str(), TEXT.parse()), (TEXT, Ok(written)));
        let unlimited = SharedBaseline { pace: None, set: at(5) };
        assert_eq!(unlimited.to_string(), "ferry1 speed=unlimited set=5");
        assert_eq!(unlimited.to_string().parse(), Ok(unlimited));
        for factor in [1e300, 1e-300, 0.1, f64::MIN_POSITIVE] {
            let written = SharedBaseline { pace: Some((baseline, factor)), ..written };
            assert_eq!(written.to_string().parse(), Ok(written));
            assert!(written.to_string().len() < 128 && written.is_for(Speed::Factor(factor)));
        }
    }

    #[test]
    fn what_is_in_no_known_form_is_refused() {
        let others =
            ["", "ferry1", "ferry1 ", "AQ==", "ferry1 speed=unlimited", "ferry1 speed=unlimited set=-5"];
        let changed = [
            TEXT.replace("ferry1", "ferry2"),
            TEXT.replace("1.5", "0"),
            TEXT.replace("1.5", "-1"),
            TEXT.replace("1.5", "inf"),
            TEXT.replace("1.5", "NaN"),
            TEXT.replace("source=1", "source=+1"),
            TEXT.replace("real", "reel"),
            format!("{TEXT} more=1"),
            format!(" {TEXT}"),
        ];
        for text in others.into_iter().chain(changed.iter().map(String::as_str)) {
            assert_eq!(text.parse::<SharedBaseline>(), Err(Refusal::Form), "{text}");
        }
    }

    #[test]
    fn every_truncation_is_refused_or_is_another_moment_and_none_panics() {
        for len in 0..TEXT.len() {
            match TEXT[..len].parse::<SharedBaseline>() {
                Ok(read) => assert!(read.set < at(1_770_003_600_789), "cut at {len}"),
                Err(refusal) => assert_eq!(refusal, Refusal::Form, "cut at {len}"),
            }
        }
    }

    #[test]
    fn times_that_cannot_be_meant_are_refused() {
        let now = at(1_770_003_600_789);
        assert!(SharedBaseline::read(TEXT, now).is_ok());
        for (from, to) in [
            ("set=1770003600789", "set=1770007300789"),
            ("real=1770003600456", "real=1870003600456"),
            ("real=1770003600456", "real=1670003600456"),
            ("source=1770000000123", "source=253402300800000"),
            ("set=1770003600789", "set=18446744073709551615"),
        ] {
            assert_eq!(SharedBaseline::read(&TEXT.replace(from, to), now), Err(Refusal::Time), "{to}");
        }
    }
}
