//! Times as logs write them.

use jiff::Timestamp;

use crate::capture::moment::timestamp;

/// Epoch times from here on are milliseconds, below it seconds (`flow-inputs.md §4`): in seconds it
/// would be the year 33658.
const LEAST_MILLISECONDS: i64 = 1_000_000_000_000;

/// Milliseconds since 1970, of seconds or milliseconds, whichever it can be.
pub(super) fn milliseconds(number: i64) -> i64 {
    if number.saturating_abs() >= LEAST_MILLISECONDS { number } else { number * 1000 }
}

/// The instant so many milliseconds after 1970, or the nearest one that can be represented.
pub(super) fn of_milliseconds(number: i64) -> Timestamp {
    timestamp(i128::from(number) * 1_000_000)
}

/// An epoch time in seconds with a fraction, to nanoseconds; `None` where it is none, or beyond what a
/// [`Timestamp`] holds.
pub(super) fn epoch_seconds(text: &str) -> Option<Timestamp> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let mut nanoseconds = 0;
    for place in 0..9 {
        let digit = fraction.as_bytes().get(place).map_or(0, |byte| i128::from(byte - b'0'));
        nanoseconds = nanoseconds * 10 + digit;
    }
    let scale =
        if fraction.is_empty() && whole >= LEAST_MILLISECONDS { 1_000_000 } else { 1_000_000_000 };
    let all = i128::from(whole) * scale + nanoseconds;
    Timestamp::from_nanosecond(if is_negative { -all } else { all }).ok()
}

/// A time as Azure's logs have it: in ISO 8601, or in UTC as its portal shows it in English,
/// `3/1/2026, 10:00:00.123 AM`.
pub(super) fn azure(text: &str) -> Option<Timestamp> {
    iso(text).or_else(|| {
        // Newer browsers put a narrow space before the half of the day (U+202F).
        let text = text.trim().replace('\u{202f}', " ");
        // In small letters it would be a place that writes the day first.
        if !text.ends_with(" AM") && !text.ends_with(" PM") {
            return None;
        }
        let civil = jiff::civil::DateTime::strptime("%m/%d/%Y, %I:%M:%S%.f %p", text).ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp())
    })
}

/// A time in ISO 8601 or, as portals decorate it, near to it; without an offset it is UTC.
pub(super) fn iso(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp())
}
