//! What one node tells another: bytes with a version in front.
//!
//! Little endian, without names: a sheet is written ten times a second. A reader that does not know the version, or finds the sheet cut off,
//! understands nothing of it rather than half.

use crate::limits::counters::Counted;

/// The form of the bytes; the golden test below holds us to it.
const VERSION: u8 = 1;

/// Counts on one sheet: 64 KiB. What does not fit goes with the next one.
pub(super) const COUNTS_MAX: usize = 4_096;

const HEAD_BYTES: usize = 1 + 8 + 8 + 8;
const COUNT_BYTES: usize = 8 + 4 + 4;

/// What a node has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sheet {
    pub from: u64,
    /// Which life of it.
    pub life: u64,
    /// Sheets of one life are numbered, so that one that comes late is known to be old.
    pub number: u64,
    pub counts: Vec<Counted>,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    /// Which life of the node that answers.
    pub life: u64,
}

impl Sheet {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES + self.counts.len() * COUNT_BYTES);
        out.push(VERSION);
        for number in [self.from, self.life, self.number] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for count in &self.counts {
            out.extend_from_slice(&count.name.to_le_bytes());
            out.extend_from_slice(&count.ends_s.to_le_bytes());
            out.extend_from_slice(&count.count.to_le_bytes());
        }
        out
    }

    /// Nothing if it is no sheet of this version.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (head, counts) = bytes.split_at_checked(HEAD_BYTES)?;
        let whole = counts.len() % COUNT_BYTES == 0 && counts.len() <= COUNTS_MAX * COUNT_BYTES;
        if head[0] != VERSION || !whole {
            return None;
        }
        Some(Sheet {
            from: long(head, 1)?,
            life: long(head, 9)?,
            number: long(head, 17)?,
            counts: counts.chunks_exact(COUNT_BYTES).filter_map(count).collect(),
        })
    }
}

impl Receipt {
    /// The bytes.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.life.to_le_bytes());
        out
    }

    /// Nothing if it is no receipt of this version.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let known = bytes.first() == Some(&VERSION) && bytes.len() == 9;
        known
            .then(|| long(bytes, 1))
            .flatten()
            .map(|life| Receipt { life })
    }
}

fn count(bytes: &[u8]) -> Option<Counted> {
    Some(Counted {
        name: long(bytes, 0)?,
        ends_s: short(bytes, 8)?,
        count: short(bytes, 12)?,
    })
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        Sheet {
            from: 2,
            life: 3,
            number: 4,
            counts: vec![Counted {
                name: 0x0102,
                ends_s: 5,
                count: 6,
            }],
        }
    }

    #[test]
    fn the_bytes_are_those_of_version_one() {
        let golden = [
            &[1][..],
            &[2, 0, 0, 0, 0, 0, 0, 0],
            &[3, 0, 0, 0, 0, 0, 0, 0],
            &[4, 0, 0, 0, 0, 0, 0, 0],
            &[2, 1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0],
        ]
        .concat();
        assert_eq!(sheet().to_bytes(), golden);
        assert_eq!(Sheet::read(&golden), Some(sheet()));
        let receipt = Receipt { life: 7 };
        assert_eq!(receipt.to_bytes(), [1, 7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Receipt::read(&receipt.to_bytes()), Some(receipt));
    }

    #[test]
    fn what_is_cut_off_too_long_or_of_another_version_is_not_understood() {
        let bytes = sheet().to_bytes();
        let mut other = bytes.clone();
        other[0] = 2;
        let long = [bytes.clone(), vec![0; COUNTS_MAX * COUNT_BYTES]].concat();
        for wrong in [&[][..], &bytes[..bytes.len() - 1], &bytes[..20], &other, &long] {
            assert_eq!(Sheet::read(wrong), None);
        }
        assert_eq!(Receipt::read(&bytes), None);
    }
}
