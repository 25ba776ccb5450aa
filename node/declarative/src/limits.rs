//! How much a document may be.
//!
//! A document comes from an operator, not from a stranger; these bounds are there for the file that was not meant: the
//! wrong file, the endless one, the one in which nine aliases stand for a billion values.

/// The longest text. A hundred thousand routes with their services take about 20 MiB.
pub const DOCUMENT_MAX_BYTES: usize = 32 * 1024 * 1024;

/// The deepest value. The deepest that any schema asks for is about ten.
pub const DEPTH_MAX: usize = 64;

/// What all aliases of one text may unfold to, in bytes of text and [`NODE_BYTES`] for each value.
pub const UNFOLDED_MAX_BYTES: usize = DOCUMENT_MAX_BYTES;

/// What a value costs besides its text, about.
pub const NODE_BYTES: usize = 64;

/// Remarks that are kept while a text is read; a file with more duplicates than this has one mistake, made often.
pub const WARNINGS_MAX: usize = 100;

/// Faults that are told with their place: more than anyone corrects before the next try.
pub const NOTES_MAX: usize = 100;
