//! Numbers as text, without the machinery of formatting.

use http::HeaderValue;

/// A number in decimal digits.
pub(crate) struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    /// Writes it down.
    pub fn of(mut number: u64) -> Self {
        let mut text = Decimal {
            digits: [b'0'; 20],
            start: 20,
        };
        loop {
            text.start -= 1;
            text.digits[text.start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return text;
            }
        }
    }

    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

/// A number as the value of a field. Latencies are nearly always a digit, and a digit needs no memory of its own.
pub(crate) fn header_value(number: u32) -> HeaderValue {
    match DIGITS.get(number as usize) {
        Some(digit) => digit.clone(),
        None => HeaderValue::from(number),
    }
}

static DIGITS: [HeaderValue; 10] = [
    HeaderValue::from_static("0"),
    HeaderValue::from_static("1"),
    HeaderValue::from_static("2"),
    HeaderValue::from_static("3"),
    HeaderValue::from_static("4"),
    HeaderValue::from_static("5"),
    HeaderValue::from_static("6"),
    HeaderValue::from_static("7"),
    HeaderValue::from_static("8"),
    HeaderValue::from_static("9"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 7, 10, 128, 65_535, u64::MAX] {
            assert_eq!(Decimal::of(number).as_bytes(), number.to_string().as_bytes());
        }
        for number in [0, 9, 10, 60_000] {
            assert_eq!(header_value(number), number.to_string());
        }
    }
}
