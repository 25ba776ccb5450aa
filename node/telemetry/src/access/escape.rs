//! Text of strangers inside a line.

/// Kong: nginx's default escaping; an absent value is a dash.
pub(super) fn escaped(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value {
        None => out.push(b'-'),
        Some(value) => value.iter().for_each(|byte| escape(*byte, out)),
    }
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    match byte {
        b'"' | b'\\' | 0..=0x1f | 0x7f..=0xff => {
            out.extend_from_slice(b"\\x");
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
        _ => out.push(byte),
    }
}
