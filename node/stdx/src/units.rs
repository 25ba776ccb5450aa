//! The units people write by hand: `10s`, `500ms`, `1h30m`, `64k`.
//!
//! The notation is that of nginx, because that is what operators of gateways know: a bare number
//! of time means seconds, parts may be put together from large to small, and sizes count in steps
//! of 1024 whatever case the letter has.
//!
//! The catch: in times `m` is a minute and `M` would be a month, in sizes both are a mebibyte.
//! Months and years are not read at all, since nobody can say how long they are.

use std::time::Duration;

/// Why a text is no span of time, or no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a number with a known unit.
    #[error("`{text}` is not {expected}")]
    Malformed {
        /// The text as given.
        text: String,
        /// What it should have looked like.
        expected: &'static str,
    },
    /// More than can be counted.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

const TIME: &str = "a time such as `10s`, `500ms` or `1h30m`";
const SIZE: &str = "a size such as `512`, `64k` or `10m`";

/// Units of time in milliseconds, in the order in which parts may follow each other.
const TIME_UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Units of size in bytes.
const SIZE_UNITS: [(&str, u64); 4] = [("", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30)];

/// Reads a span of time: parts of a number and one of `ms`, `s`, `m`, `h`, `d`, `w`, from large
/// to small, each unit once. A number alone counts seconds.
///
/// # Errors
/// When the text is something else, or more than 2^64 milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    if is_number(text) {
        return Ok(Duration::from_secs(number(text, text)?));
    }
    let mut rest = text;
    let mut units = TIME_UNITS.as_slice();
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let (digits, unit, after) = split_part(rest);
        let found = units
            .iter()
            .position(|(name, _)| *name == unit)
            .filter(|_| is_number(digits));
        let at = found.ok_or_else(|| malformed(text, TIME))?;
        let part = number(digits, text)?.checked_mul(units[at].1);
        millis = part
            .and_then(|part| millis.checked_add(part))
            .ok_or_else(|| too_large(text))?;
        units = &units[at + 1..];
        rest = after;
    }
    if text.is_empty() {
        Err(malformed(text, TIME))
    } else {
        Ok(Duration::from_millis(millis))
    }
}

/// Reads a size in bytes: a number, optionally with `k`, `m` or `g` in either case, in steps of
/// 1024.
///
/// # Errors
/// When the text is something else, or more than 2^64 bytes.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let (digits, unit, after) = split_part(text);
    let unit = unit.to_ascii_lowercase();
    let known = SIZE_UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .filter(|_| after.is_empty() && is_number(digits));
    let (_, factor) = known.ok_or_else(|| malformed(text, SIZE))?;
    number(digits, text)?
        .checked_mul(*factor)
        .ok_or_else(|| too_large(text))
}

/// Digits, the letters behind them, and what follows.
fn split_part(text: &str) -> (&str, &str, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(digits);
    let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(unit);
    (digits, unit, after)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(digits: &str, text: &str) -> Result<u64, UnitError> {
    digits.parse().map_err(|_| too_large(text))
}

fn malformed(text: &str, expected: &'static str) -> UnitError {
    UnitError::Malformed {
        text: text.into(),
        expected,
    }
}

fn too_large(text: &str) -> UnitError {
    UnitError::TooLarge(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_numbers_with_units_and_bare_numbers_are_seconds() {
        let check =
            |text, millis| assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        check("10s", 10_000);
        check("500ms", 500);
        check("1h30m", 5_400_000);
        check("1w2d3h4m5s6ms", 788_645_006);
        check("30", 30_000);
        check("0", 0);
        check("0ms", 0);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "", "s", "10x", "10 s", "-1s", "1.5s", "30m1h", "1s1s", "1s5", "1M", "ms",
        ] {
            assert!(
                matches!(parse_duration(text), Err(UnitError::Malformed { .. })),
                "{text}"
            );
        }
        assert_eq!(
            parse_duration("99999999999999999999s"),
            Err(too_large("99999999999999999999s"))
        );
        assert_eq!(
            parse_duration("18446744073709551615w"),
            Err(too_large("18446744073709551615w"))
        );
    }

    #[test]
    fn sizes_count_in_steps_of_1024_in_either_case() {
        let check = |text, bytes| assert_eq!(parse_size(text), Ok(bytes), "{text}");
        check("512", 512);
        check("64k", 65_536);
        check("64K", 65_536);
        check("10m", 10_485_760);
        check("2G", 2_147_483_648);
        check("0", 0);
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "k", "10kb", "10 k", "-1", "1.5m", "1k1k", "10t"] {
            assert!(
                matches!(parse_size(text), Err(UnitError::Malformed { .. })),
                "{text}"
            );
        }
        assert_eq!(
            parse_size("18446744073709551615k"),
            Err(too_large("18446744073709551615k"))
        );
    }

    #[test]
    fn an_error_says_what_was_expected() {
        let error = parse_duration("soon").unwrap_err().to_string();
        assert_eq!(error, "`soon` is not a time such as `10s`, `500ms` or `1h30m`");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in "[0-9a-zA-Zü ]{0,24}") {
            let _ = (parse_duration(&text), parse_size(&text));
        }
    }
}
