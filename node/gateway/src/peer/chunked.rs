//! Bodies in chunks.
//!
//! Each chunk is announced by its size in hexadecimal on a line of its own; a chunk of size zero ends the body, after which there may
//! be more fields. Reading is a small machine that takes whatever bytes are there and remembers where it stopped.
//!
//! The catch: a lenient reader and a strict one see different bodies. So a size is digits and nothing else, lines end with CRLF, what
//! may follow a size (extensions) is limited and thrown away, and what may follow the last chunk is limited and judged when it is
//! complete ([`Trailers`]).

use crate::trailers::{self, Trailers};
use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// Most bytes of extensions that are skipped in one body.
const SKIPPED_MAX_BYTES: usize = 16 * 1024;

/// A size has at most this many digits: 64 bits, less one to leave room for adding.
const DIGITS_MAX: usize = 15;

/// What it is not.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("malformed chunk")]
pub(crate) struct Malformed;

/// Where reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In a size, after this many digits.
    Size {
        digits: usize,
        size: u64,
    },
    /// Behind a size: extensions.
    Extension {
        size: u64,
    },
    /// Behind the CR of a size's line.
    SizeLf {
        size: u64,
    },
    /// In a chunk.
    Data {
        left: u64,
    },
    /// Behind a chunk.
    DataCr,
    DataLf,
    /// At the start of a line of trailers.
    TrailerStart,
    /// In a line of trailers.
    Trailer,
    /// Behind the CR of such a line.
    TrailerLf,
    /// Behind the CR of the last, empty line.
    LastLf,
    /// Behind the body.
    End,
}

/// A reader.
#[derive(Debug)]
pub(crate) struct Chunks {
    at: At,
    skipped: usize,
    /// The lines behind the last chunk. Nearly always none, and then no memory.
    lines: Vec<u8>,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Bytes of the body.
    Data(Bytes),
    /// Nothing more without more input.
    More,
    /// The body is complete, with what stands behind it.
    End(Option<Box<Trailers>>),
}

impl Chunks {
    /// At the start of a body.
    pub fn new() -> Self {
        Chunks {
            at: At::Size { digits: 0, size: 0 },
            skipped: 0,
            lines: Vec::new(),
        }
    }

    /// Reads on.
    pub fn read(&mut self, input: &mut BytesMut) -> Result<Read, Malformed> {
        loop {
            if let At::Data { left } = self.at {
                if input.is_empty() {
                    return Ok(Read::More);
                }
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let left = left - take as u64;
                self.at = if left == 0 { At::DataCr } else { At::Data { left } };
                return Ok(Read::Data(take_bytes(input, take)));
            }
            if self.at == At::End {
                return self.end();
            }
            let Some(byte) = input.first().copied() else {
                return Ok(Read::More);
            };
            self.at = self.step(byte)?;
            input.advance(1);
        }
    }

    /// The next place after a byte that belongs to no chunk's data.
    fn step(&mut self, byte: u8) -> Result<At, Malformed> {
        Ok(match (self.at, byte) {
            (At::Size { digits: 1.., size }, b'\r') => At::SizeLf { size },
            (At::Size { digits: 1.., size }, b';') => At::Extension { size },
            (At::Size { digits, size }, byte) => {
                let digit = (byte as char)
                    .to_digit(16)
                    .filter(|_| digits < DIGITS_MAX)
                    .ok_or(Malformed)?;
                At::Size {
                    digits: digits + 1,
                    size: size * 16 + u64::from(digit),
                }
            }
            (At::Extension { size }, b'\r') => At::SizeLf { size },
            (At::Extension { size }, byte) => {
                self.skip(byte)?;
                At::Extension { size }
            }
            (At::SizeLf { size: 0 }, b'\n') => At::TrailerStart,
            (At::SizeLf { size }, b'\n') => At::Data { left: size },
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Size { digits: 0, size: 0 },
            (At::TrailerStart, b'\r') => At::LastLf,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::TrailerStart | At::Trailer, byte) => {
                self.keep(byte)?;
                At::Trailer
            }
            (At::TrailerLf, b'\n') => {
                self.lines.extend_from_slice(b"\r\n");
                At::TrailerStart
            }
            (At::LastLf, b'\n') => At::End,
            _ => return Err(Malformed),
        })
    }

    fn skip(&mut self, byte: u8) -> Result<(), Malformed> {
        self.skipped += 1;
        if is_control(byte) || self.skipped > SKIPPED_MAX_BYTES {
            Err(Malformed)
        } else {
            Ok(())
        }
    }

    fn keep(&mut self, byte: u8) -> Result<(), Malformed> {
        if is_control(byte) || self.lines.len() >= trailers::BYTES_MAX {
            return Err(Malformed);
        }
        self.lines.push(byte);
        Ok(())
    }

    fn end(&mut self) -> Result<Read, Malformed> {
        let mut lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return Ok(Read::End(None));
        }
        lines.extend_from_slice(b"\r\n");
        Trailers::parse(&lines).map(Read::End).map_err(|_| Malformed)
    }
}

fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// Bytes off the front. Few are copied, so that the buffer stays unshared and is used again; many are taken over.
pub(crate) fn take_bytes(input: &mut BytesMut, count: usize) -> Bytes {
    const COPY_MAX_BYTES: usize = 4 * 1024;
    if count <= COPY_MAX_BYTES {
        let taken = Bytes::copy_from_slice(&input[..count]);
        input.advance(count);
        taken
    } else {
        input.split_to(count).freeze()
    }
}

/// Writes the line that announces a chunk.
pub(crate) fn write_size(out: &mut Vec<u8>, size: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for nibble in (0..nibbles).rev() {
        out.push(DIGITS[(size >> (nibble * 4)) & 15]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the end of a body, with what stands behind it.
pub(crate) fn write_end(out: &mut Vec<u8>, trailers: Option<&Trailers>) {
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        trailers.write_to(out);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `text` in pieces of `step` bytes: the body with the lines behind it, and whether it is complete with nothing left over.
    fn read(text: &[u8], step: usize) -> Result<(Vec<u8>, bool), Malformed> {
        let (mut chunks, mut body, mut input) = (Chunks::new(), Vec::new(), BytesMut::new());
        let mut ended = false;
        for piece in text.chunks(step) {
            input.extend_from_slice(piece);
            loop {
                match chunks.read(&mut input)? {
                    Read::Data(data) => body.extend_from_slice(&data),
                    Read::More => break,
                    Read::End(trailers) => {
                        if let Some(trailers) = trailers {
                            trailers.write_to(&mut body);
                        }
                        ended = true;
                        break;
                    }
                }
            }
        }
        Ok((body, ended && input.is_empty()))
    }

    fn check(text: &str, expected: Result<(&str, bool), Malformed>) {
        for step in 1..=text.len() {
            let seen = read(text.as_bytes(), step);
            let seen = seen
                .as_ref()
                .map(|(body, ended)| (std::str::from_utf8(body).expect("text"), *ended));
            assert_eq!(
                seen,
                expected.as_ref().map(|e| *e),
                "{text:?} in pieces of {step}"
            );
        }
    }

    #[test]
    fn a_body_is_read_whatever_the_pieces() {
        check(
            "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
            Ok(("hello world", true)),
        );
        check(
            "a;x=1\r\n0123456789\r\n0\r\nX-T: 1\r\nY: 2\r\n\r\n",
            Ok(("0123456789x-t: 1\r\ny: 2\r\n", true)),
        );
        check("0\r\nHost: evil\r\n\r\n", Ok(("", true)));
        check("00A\r\n0123456789\r\n000\r\n\r\n", Ok(("0123456789", true)));
        check("5\r\nhel", Ok(("hel", false)));
        check("0\r\n\r\nGET", Ok(("", false)));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for text in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+5\r\nhello",
            "0x5\r\n",
            "5 \r\nhello",
            "5\nhello",
            "5_0\r\n",
            "5\r\nhelloX",
            "5\r\nhello\n",
            "0\r\nA\nB\r\n\r\n",
            "0\r\nA: 1\nB: 2\r\n\r\n",
            "0\r\nA: 1\rB: 2\r\n\r\n",
            "0\r\nBad Trailer\r\n\r\n",
            "0\r\nA : 1\r\n\r\n",
            "0\r\nA: 1\r\n folded\r\n\r\n",
            "1234567812345678\r\n",
            "5;\0\r\n",
        ] {
            assert_eq!(read(text.as_bytes(), text.len()), Err(Malformed), "{text:?}");
        }
        let endless = format!("5;{}", "x".repeat(SKIPPED_MAX_BYTES + 1));
        assert_eq!(read(endless.as_bytes(), 1000), Err(Malformed));
        let endless = format!("0\r\n{}", "X: y\r\n".repeat(trailers::BYTES_MAX));
        assert_eq!(read(endless.as_bytes(), 1000), Err(Malformed));
        let many = format!("0\r\n{}\r\n", "X: y\r\n".repeat(trailers::FIELDS_MAX + 1));
        assert_eq!(read(many.as_bytes(), 1000), Err(Malformed));
    }

    #[test]
    fn sizes_are_written_in_hexadecimal() {
        for size in [0, 1, 9, 10, 15, 16, 255, 4096, usize::MAX] {
            let mut out = Vec::new();
            write_size(&mut out, size);
            assert_eq!(out, format!("{size:x}\r\n").into_bytes());
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let mut text = Vec::new();
        for size in [1usize, 17, 300, 5000] {
            write_size(&mut text, size);
            text.extend_from_slice(&vec![b'z'; size]);
            text.extend_from_slice(b"\r\n");
        }
        let behind = Trailers::parse(b"x-sum: 1\r\n\r\n").expect("a field");
        write_end(&mut text, behind.as_deref());
        let mut body = vec![b'z'; 5318];
        body.extend_from_slice(b"x-sum: 1\r\n");
        for step in [1, 7, 4096, text.len()] {
            assert_eq!(read(&text, step), Ok((body.clone(), true)));
        }
    }
}
