//! Sizes and spans, as nginx users write them: `10m`, `60`, `1h`.
//!
//! The catch is the letter `m`: a mebibyte in a size and a minute in a span, so the type of a setting and
//! never its text decides which it is. How the letters are read is `troop-stdx`'s business.

use std::fmt;
use std::time::Duration;

use crate::value::Value;

/// A number of bytes where 0 means "no limit".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl ByteSize {
    /// That many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        ByteSize(bytes)
    }

    /// The limit in bytes, or `None` for no limit.
    pub const fn limit(self) -> Option<u64> {
        if self.0 == 0 { None } else { Some(self.0) }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, letter) in [(GIB, "g"), (MIB, "m"), (KIB, "k")] {
            if self.0 != 0 && self.0.is_multiple_of(unit) {
                return write!(f, "{}{letter}", self.0 / unit);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl Value for ByteSize {
    const FORM: &'static str = "size (`8k`, `10m`, `1g`)";

    fn parse(text: &str) -> Result<Self, String> {
        let bytes = troop_stdx::parse_size(text);
        bytes
            .map(ByteSize)
            .map_err(|_| "is not a size: write bytes, or a number with k, m or g".to_owned())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    const FORM: &'static str = "time (`500ms`, `60`, `60s`, `5m`, `1h`)";

    fn parse(text: &str) -> Result<Self, String> {
        let wish = "is not a time: write seconds, or a number with ms, s, m, h, d or w";
        troop_stdx::parse_duration(text).map_err(|_| wish.to_owned())
    }

    fn show(&self) -> String {
        if self.subsec_millis() == 0 {
            format!("{}s", self.as_secs())
        } else {
            format!("{}ms", self.as_millis())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Value>(text: &str, expected: Option<&str>) {
        assert_eq!(
            T::parse(text).ok().map(|value| value.show()).as_deref(),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn sizes_are_binary_and_show_in_the_largest_whole_unit() {
        check::<ByteSize>("0", Some("0"));
        check::<ByteSize>("10m", Some("10m"));
        check::<ByteSize>("2048K", Some("2m"));
        check::<ByteSize>("1500", Some("1500"));
        check::<ByteSize>("", None);
        check::<ByteSize>("m", None);
        check::<ByteSize>("10 m", None);
        check::<ByteSize>("10t", None);
        check::<ByteSize>("99999999999999g", None);
        assert_eq!(ByteSize::parse("8k").unwrap().limit(), Some(8192));
        assert_eq!(ByteSize::parse("0").unwrap().limit(), None);
    }

    #[test]
    fn a_bare_number_of_a_time_is_seconds() {
        check::<Duration>("60", Some("60s"));
        check::<Duration>("500ms", Some("500ms"));
        check::<Duration>("2m", Some("120s"));
        check::<Duration>("1d", Some("86400s"));
        check::<Duration>("soon", None);
        check::<Duration>("-1", None);
        check::<Duration>("1M", None);
    }
}
