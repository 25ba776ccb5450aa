//! A remark with its place: what is told to people about a document.
//!
//! Red pencil or grey, a fault or something merely odd: both say where, as a path and as a line of the text. The line is
//! looked up when there is something to tell ([`crate::text::places`]), not while all goes well.

use crate::{
    path::{Path, Position},
    text::places,
};
use std::fmt;

/// A remark with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub path: Path,
    /// Where that stands in the text, if there is one.
    pub position: Option<Position>,
    /// What is to be said.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{}: {} ({position})", self.path, self.text),
            None => write!(f, "{}: {}", self.path, self.text),
        }
    }
}

/// Adds a note, unless there are `max` already.
pub(crate) fn add(notes: &mut Vec<Note>, max: usize, path: &Path, position: Option<Position>, text: &str) {
    if notes.len() < max {
        notes.push(Note {
            path: path.clone(),
            position,
            text: text.to_owned(),
        });
    }
}

/// Looks up the places that are not known yet.
pub(crate) fn locate(notes: &mut [Note], text: &str) {
    let lost: Vec<_> = notes.iter_mut().filter(|note| note.position.is_none()).collect();
    if lost.is_empty() {
        return;
    }
    let paths: Vec<_> = lost.iter().map(|note| note.path.clone()).collect();
    for (note, position) in lost.into_iter().zip(places::locate(text, &paths)) {
        note.position = position;
    }
}
