//! Join tokens: how a stranger becomes a node.
//!
//! An invitation card. On it: its number, a code word, and a picture of the door. The newcomer looks at the
//! picture to be sure of the house before saying the code word; the house keeps only the number and a hash of the
//! code word, together with what the card is good for and how often.
//!
//! The catches. A card is spent by a log entry, not here: [`TokenRow::redeem`] gives the row with one use less, and
//! whoever proposes it guards the row's revision, so that two newcomers cannot spend one use. And a stolen
//! copy of the state must not let anybody in: the secret is 192 random bits, which a plain hash hides well enough; slow
//! hashes are for words that people choose.
//!
//! Time is an argument. What this does not do: forget expired rows; who lists tokens sees them until somebody deletes them.

use crate::{
    fingerprint::{Fingerprint, NotAFingerprint},
    secret::Secret,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use subtle::ConstantTimeEq;
use thiserror::Error;
use troop_txn::codec;

/// First word of a token: its format. A different layout gets a different word.
const PREFIX: &str = "troop1";
const STORED_VERSION: u8 = 1;
const ID_BYTES: usize = 9;
const SECRET_BYTES: usize = 24;

/// What a node may become by a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Votes, once it has caught up.
    Voter,
    /// Follows, and never counts for a quorum.
    Learner,
}

/// A word is not a role.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a role is `voter` or `learner`, not `{0}`")]
pub struct NotARole(String);

impl Role {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Voter => "voter",
            Role::Learner => "learner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(word: &str) -> Result<Self, NotARole> {
        [Role::Voter, Role::Learner]
            .into_iter()
            .find(|role| role.as_str() == word)
            .ok_or_else(|| NotARole(word.to_owned()))
    }
}

/// Why a text is not a token, or stored bytes are not a token's row.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TokenError {
    /// Another kind of text, or a token of a newer version.
    #[error("a join token starts with `{PREFIX}.`; `troop token create` on a node of the cluster prints one")]
    Prefix,
    /// Cut short or glued to something.
    #[error("a join token has four parts with dots between them; this one has {0}: was it copied whole?")]
    Parts(usize),
    /// A part has the wrong length or letters.
    #[error("the {0} of the join token is not valid: was it copied whole?")]
    Part(&'static str),
    /// A newer program stored the row.
    #[error(
        "the stored token has format {found}; this version of troop knows up to {STORED_VERSION}: upgrade this node"
    )]
    NewerFormat {
        /// Its version byte.
        found: u8,
    },
    /// The row does not read.
    #[error("the stored token is damaged: {0}")]
    Damaged(String),
}

/// A token's number: public, the key of its row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId([u8; ID_BYTES]);

impl TokenId {
    /// The bytes, for the key of the row.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Read back from the key of a row.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(TokenId).ok()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

impl FromStr for TokenId {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        part(text, "id").map(TokenId)
    }
}

/// A whole token, as its bearer holds it.
#[derive(Clone, Debug)]
pub struct JoinToken {
    id: TokenId,
    secret: Secret<[u8; SECRET_BYTES]>,
    ca: Fingerprint,
}

impl JoinToken {
    /// A new one for the cluster whose authority has this fingerprint.
    pub fn generate(ca: Fingerprint) -> Self {
        JoinToken {
            id: TokenId(rand::random()),
            secret: Secret::new(rand::random()),
            ca,
        }
    }

    /// Its number.
    pub fn id(&self) -> TokenId {
        self.id
    }

    /// The proof that its bearer was invited.
    pub fn secret(&self) -> &Secret<[u8; SECRET_BYTES]> {
        &self.secret
    }

    /// The authority that a server must belong to before it is shown the secret.
    pub fn ca(&self) -> Fingerprint {
        self.ca
    }

    /// The text that is handed to the newcomer; shown once, since only its hash is kept.
    pub fn to_text(&self) -> Secret<String> {
        let secret = URL_SAFE_NO_PAD.encode(self.secret.expose());
        Secret::new(format!("{PREFIX}.{}.{secret}.{}", self.id, self.ca))
    }

    /// What the cluster keeps of it.
    pub fn to_row(&self, terms: TokenTerms) -> TokenRow {
        TokenRow {
            secret_sha256: Sha256::digest(self.secret.expose()).into(),
            role: terms.role,
            created_at_ms: terms.created_at_ms,
            expires_at_ms: terms.expires_at_ms,
            uses_left: terms.uses,
        }
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let rest = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix('.'))
            .ok_or(TokenError::Prefix)?;
        let parts: Vec<&str> = rest.split('.').collect();
        let [id, secret, ca] = parts[..] else {
            return Err(TokenError::Parts(1 + parts.len()));
        };
        Ok(JoinToken {
            id: id.parse()?,
            secret: part(secret, "secret").map(Secret::new)?,
            ca: ca
                .parse()
                .map_err(|NotAFingerprint| TokenError::Part("fingerprint"))?,
        })
    }
}

/// What a token is good for.
#[derive(Clone, Copy, Debug)]
pub struct TokenTerms {
    /// What its bearer becomes.
    pub role: Role,
    /// When it was made.
    pub created_at_ms: u64,
    /// Not accepted from this moment on.
    pub expires_at_ms: u64,
    /// How many nodes may join by it.
    pub uses: u32,
}

/// Why a bearer is sent away. The words go to the bearer.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TokenRefusal {
    /// The secret is not the token's.
    #[error("the join token is not known to this cluster")]
    WrongSecret,
    /// Too late.
    #[error("the join token has expired: make a new one with `troop token create`")]
    Expired,
    /// Its last use is spent.
    #[error("the join token was used as often as it may be: make a new one with `troop token create`")]
    Used,
}

/// What the cluster keeps of a token: nothing that opens a door.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    secret_sha256: [u8; 32],
    role: Role,
    created_at_ms: u64,
    expires_at_ms: u64,
    uses_left: u32,
}

impl TokenRow {
    /// The row after one more node has joined by it. Propose it under a guard on the row's revision.
    ///
    /// # Errors
    /// A [`TokenRefusal`]. Whoever does not know the secret learns nothing about the token's state.
    pub fn redeem(&self, secret: &[u8], now_ms: u64) -> Result<TokenRow, TokenRefusal> {
        let shown: [u8; 32] = Sha256::digest(secret).into();
        if !bool::from(shown.ct_eq(&self.secret_sha256)) {
            return Err(TokenRefusal::WrongSecret);
        }
        if now_ms >= self.expires_at_ms {
            return Err(TokenRefusal::Expired);
        }
        let uses_left = self.uses_left.checked_sub(1).ok_or(TokenRefusal::Used)?;
        Ok(TokenRow {
            uses_left,
            ..self.clone()
        })
    }

    /// What its bearer becomes.
    pub fn role(&self) -> Role {
        self.role
    }

    /// When it was made.
    pub fn created_at_ms(&self) -> u64 {
        self.created_at_ms
    }

    /// Not accepted from this moment on.
    pub fn expires_at_ms(&self) -> u64 {
        self.expires_at_ms
    }

    /// How many more nodes may join by it.
    pub fn uses_left(&self) -> u32 {
        self.uses_left
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![STORED_VERSION];
        bytes.extend(
            codec::pack(self).expect("invariant: a row of fixed size is far below the codec's limit"),
        );
        bytes
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`TokenError::NewerFormat`], [`TokenError::Damaged`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokenError> {
        let (version, payload) = bytes
            .split_first()
            .ok_or_else(|| TokenError::Damaged("it is empty".into()))?;
        if *version != STORED_VERSION {
            return Err(TokenError::NewerFormat { found: *version });
        }
        codec::unpack(payload).map_err(|e| TokenError::Damaged(e.to_string()))
    }
}

impl fmt::Debug for TokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The hash opens nothing, but it would let a reader of logs tell which of two tokens was used.
        write!(
            f,
            "TokenRow({}, {} uses left, until {} ms)",
            self.role, self.uses_left, self.expires_at_ms
        )
    }
}

fn part<const N: usize>(text: &str, name: &'static str) -> Result<[u8; N], TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Part(name))?;
    bytes.try_into().map_err(|_| TokenError::Part(name))
}

#[cfg(test)]
mod tests;
