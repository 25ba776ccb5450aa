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
    const FEW: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    match FEW.get(number as usize) {
        Some(digit) => HeaderValue::from_static(digit),
        None => HeaderValue::from(number),
    }
}

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
