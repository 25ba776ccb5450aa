//! Certificates and keys, as far as a record's form asks about them: is this one, and do these two belong together?
//!
//! A key and its lock. [`PublicKey`] is the lock; a private key is only ever turned into the lock it opens, which is then
//! compared with another lock.
//!
//! The catch: a private key comes in four wrappings (PKCS #8, PKCS #1, SEC 1, and the curve named in one place or another), and
//! two wrappings of one lock must compare equal. So what is compared are the numbers inside.
//!
//! What it does not do: judge whether a certificate is to be trusted, or keep any private key.

mod certificate;
pub(crate) mod jwk;
mod private_key;
mod public_key;

pub use certificate::Certificate;
pub use public_key::{KeyKind, PublicKey};

use thiserror::Error;
use x509_parser::pem::Pem;

/// Why a text is no certificate or key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PkiError {
    /// There is no `-----BEGIN` block in it, or a damaged one.
    #[error("no PEM block")]
    NotPem,
    /// The block is something else.
    #[error("the PEM block is of another kind")]
    OtherKind,
    /// What is in the block is damaged.
    #[error("the contents of the PEM block cannot be read")]
    Damaged,
}

/// The first block of a PEM text.
fn first_block(text: &str) -> Result<Pem, PkiError> {
    let mut blocks = Pem::iter_from_buffer(text.as_bytes());
    blocks.next().and_then(Result::ok).ok_or(PkiError::NotPem)
}
