//! Fields that are stored otherwise than they were sent: a password goes in, its hash is kept.
//!
//! A coat check that gives the coat back as a ticket. The hash may be salted by another field (the consumer a password
//! belongs to), so the two are sent together or not at all: with one of them alone the other could only be guessed.
//!
//! The catch: a change that does not speak of the password must leave the hash alone, or it would be hashed again. That is why
//! a transformation looks at what was *sent* and not only at the finished record.

use crate::{Record, check::is_empty, fault::Faults, shape::value_at, stamp::Stamp, violation::text};

/// What the sender said, beside the record it led to.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The members of the body, references replaced by ids.
    pub fields: &'a Record,
    /// The record it changes; none when a whole record was sent.
    pub stored: Option<&'a Record>,
}

impl<'a> Sent<'a> {
    /// A whole record.
    pub fn whole(fields: &'a Record) -> Self {
        Sent { fields, stored: None }
    }
}

/// Gives a complete record its stored form.
pub(crate) type Write = fn(&mut Record, &mut Stamp<'_>);

/// A field stored in another form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transform {
    /// The field that is looked at: nothing happens unless it was sent.
    pub(crate) input: &'static str,
    /// The path of a value that must be known too.
    pub(crate) needs: Option<&'static str>,
    /// Does it.
    pub(crate) write: Write,
    /// What it makes cannot be made into what was sent again.
    pub(crate) hash: Option<Hash>,
    /// A field that it fills from others.
    pub(crate) derived: Option<&'static str>,
}

/// A secret of which only the hash is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hash {
    /// Whether a stored record holds one.
    pub(crate) is_in: fn(&Record) -> bool,
    /// Where each write makes another hash: puts the hash of a stored record in the place of a secret that it is of, and tells whether it did.
    pub(crate) keep: Option<fn(&mut Record, &Record) -> bool>,
}

impl Transform {
    /// Kong: both or none, by what was sent if the change moves the needed value, by the whole record otherwise. A change that is
    /// silent about the needed value counts as moving it.
    pub(crate) fn judge(&self, record: &Record, sent: &Sent<'_>, faults: &mut Faults) {
        let Some(needs) = self.needs else {
            return;
        };
        let moved = sent
            .stored
            .is_some_and(|stored| value_at(stored, needs) != value_at(sent.fields, needs));
        if !moved && !self.is_asked_for(sent) {
            return;
        }
        let seen = if moved { sent.fields } else { record };
        if is_empty(value_at(seen, self.input)) != is_empty(value_at(seen, needs)) {
            faults.remark(text::mutually_required(&[self.input, needs]));
        }
    }

    pub(crate) fn write(&self, record: &mut Record, sent: &Sent<'_>, stamp: &mut Stamp<'_>) {
        let is_known = self.needs.is_none_or(|needs| !is_empty(value_at(record, needs)));
        if self.is_asked_for(sent) && is_known {
            (self.write)(record, stamp);
        }
    }

    fn is_asked_for(&self, sent: &Sent<'_>) -> bool {
        !is_empty(value_at(sent.fields, self.input))
    }
}
