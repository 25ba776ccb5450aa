//! A part of a whole, from nothing to all of it.

use crate::value::Value;

/// From 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

impl Share {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Value for Share {
    const FORM: &'static str = "number from 0 to 1";

    fn parse(text: &str) -> Result<Self, String> {
        let number: Option<f64> = text.parse().ok();
        number
            .filter(|number| (0.0..=1.0).contains(number))
            .map(Share)
            .ok_or_else(|| "is not a number from 0 to 1".to_owned())
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<f64>) {
        assert_eq!(Share::parse(text).ok().map(Share::get), expected, "{text}");
    }

    #[test]
    fn a_share_is_neither_less_than_nothing_nor_more_than_all() {
        check("0", Some(0.0));
        check("0.25", Some(0.25));
        check("1", Some(1.0));
        check("1.01", None);
        check("-0.1", None);
        check("NaN", None);
        check("a tenth", None);
    }
}
