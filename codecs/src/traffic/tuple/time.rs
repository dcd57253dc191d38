//! Times as RFC 3339 in UTC with microseconds: `2026-11-26T10:36:00.123456Z`.

use super::json::number;
use std::time::{Duration, SystemTime};

const DAY: u64 = 86_400;
/// Days of 400 years, after which the calendar is the same again.
const DAYS_OF_ERA: u64 = 146_097;

/// Appends a time. What lies before 1970 or after 9999 is written as the nearer of them.
pub fn write_timestamp(time: SystemTime, output: &mut Vec<u8>) {
    const LAST: Duration = Duration::new(253_402_300_799, 999_999_999);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(LAST);
    let (year, month, day) = date_of(since.as_secs() / DAY);
    let seconds = since.as_secs() % DAY;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let micros = u64::from(since.subsec_micros());
    let parts = [(year, 4), (month, 2), (day, 2), (hour, 2), (minute, 2), (second, 2), (micros, 6)];
    for ((value, width), after) in parts.into_iter().zip(*b"--T::.Z") {
        number(value, width, output);
        output.push(after);
    }
}

/// Year, month and day, so many days after 1970-01-01. The year of the calculation starts in March, so that the day that
/// leap years have more is its last.
const fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(719_468); // since 0000-03-01
    let (era, day) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let leap_days = (day / 1460).saturating_add(day / 146_096);
    let year = day.saturating_add(day / 36_524).saturating_sub(leap_days) / 365;
    let day = day.saturating_sub(days_before_year(year));
    let month = day.saturating_mul(5).saturating_add(2) / 153;
    let day = day.saturating_sub(days_before_month(month)).saturating_add(1);
    let (month, next) = if month < 10 { (month.saturating_add(3), 0) } else { (month.saturating_sub(9), 1) };
    (era.saturating_mul(400).saturating_add(year).saturating_add(next), month, day)
}

/// Days of the years before `year` in its era.
const fn days_before_year(year: u64) -> u64 {
    year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100)
}

/// Days of the months before `month`, which counts from March as 0.
const fn days_before_month(month: u64) -> u64 {
    month.saturating_mul(153).saturating_add(2) / 5
}

/// Reads a time in this form, with any number of decimals of the second.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, decimals) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(time, ':')?;
    let is_in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = (year / 400 * DAYS_OF_ERA + days_before_year(year % 400) + days_before_month(month) + day - 1)
        .checked_sub(719_468)?;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds(decimals)?))
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut number = || {
        let part = parts.next().filter(|part| (1..=4).contains(&part.len()))?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let all = [number()?, number()?, number()?];
    parts.next().is_none().then_some(all)
}

fn nanoseconds(decimals: &str) -> Option<u32> {
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = decimals.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(digits.fold(0, |number, digit| number * 10 + u32::from(digit & 15)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `date --utc --date=@SECONDS` says of them.
    const TIMES: [(u64, &str); 8] = [
        (0, "1970-01-01T00:00:00.000000Z"),
        (68_169_600, "1972-02-29T00:00:00.000000Z"),
        (951_827_696, "2000-02-29T12:34:56.000000Z"),
        (951_868_800, "2000-03-01T00:00:00.000000Z"),
        (1_704_067_199, "2023-12-31T23:59:59.000000Z"),
        (1_795_689_360, "2026-11-26T10:36:00.000000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        (253_402_300_799, "9999-12-31T23:59:59.000000Z"),
    ];

    fn written(time: SystemTime) -> String {
        let mut output = Vec::new();
        write_timestamp(time, &mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn times_are_written_and_read() {
        for (seconds, text) in TIMES {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(written(time), text);
            assert_eq!(parse_timestamp(text), Some(time));
        }
    }

    #[test]
    fn every_day_of_four_hundred_years_is_read_as_it_was_written() {
        for day in 0..DAYS_OF_ERA {
            let time = SystemTime::UNIX_EPOCH + Duration::new(day * DAY + 1, 123_456_000);
            assert_eq!(parse_timestamp(&written(time)), Some(time), "day {day}");
        }
    }

    #[test]
    fn decimals_may_be_any_number_and_what_is_no_time_is_none() {
        let time = |nanos| Some(SystemTime::UNIX_EPOCH + Duration::new(0, nanos));
        assert_eq!(parse_timestamp("1970-01-01T00:00:00Z"), time(0));
        assert_eq!(parse_timestamp("1970-01-01T00:00:00.5Z"), time(500_000_000));
        assert_eq!(parse_timestamp("1970-01-01T00:00:00.1234567899Z"), time(123_456_789));
        for text in [
            "",
            "Z",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-01-01 00:00:00Z",
            "1970-13-01T00:00:00Z",
            "1970-00-01T00:00:00Z",
            "1970-01-00T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00.xZ",
            "1970-01-01T00:00:00:00Z",
            "99999-01-01T00:00:00Z",
            "1970-+1-01T00:00:00Z",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn times_out_of_range_are_written_as_the_nearest() {
        assert_eq!(written(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), TIMES[0].1);
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(written(far), "9999-12-31T23:59:59.999999Z");
    }
}
