//! Making, listing and revoking join tokens.

use crate::{
    cluster::Cluster,
    roster::{self, RosterError},
    token::{JoinToken, Role, TokenId, TokenRow, TokenTerms},
    writer::now_ms,
};
use bytes::Bytes;
use std::time::Duration;
use thiserror::Error;
use troop_txn::{Guard, Op, Outcome, ProposeError, Revision, read};

/// Longest a token may be good for. It opens the cluster: a month is a rollout, a year is a leak.
pub const TTL_MAX: Duration = Duration::from_secs(31 * 24 * 3600);
/// Most nodes one token may admit.
pub const USES_MAX: u32 = 100;
/// Tokens kept; the oldest expired ones make room.
pub const TOKENS_MAX: usize = 256;

/// Why there is no token.
#[derive(Debug, Error)]
pub enum TokensError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// It was not written.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// The rows cannot be read.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// There is none of this id.
    #[error("there is no token {0}")]
    Unknown(TokenId),
}

impl Cluster {
    /// Makes a token. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`TokensError`].
    pub async fn create_token(
        &self,
        role: Role,
        ttl: Duration,
        uses: u32,
    ) -> Result<(JoinToken, TokenRow), TokensError> {
        if ttl.is_zero() || ttl > TTL_MAX {
            return Err(TokensError::Invalid(format!(
                "ttl must be from 1 s to {} s",
                TTL_MAX.as_secs()
            )));
        }
        if !(1..=USES_MAX).contains(&uses) {
            return Err(TokensError::Invalid(format!("uses must be from 1 to {USES_MAX}")));
        }
        let now = now_ms();
        let token = JoinToken::generate(self.identity.ca_fingerprint());
        let terms = TokenTerms {
            role,
            created_at_ms: now,
            expires_at_ms: now + ttl.as_millis() as u64,
            uses,
        };
        let row = token.to_row(terms);
        let mut ops = self.clear_old(now)?;
        ops.push(Op::Put {
            key: roster::token_key(&token.id()),
            value: Bytes::from(row.to_bytes()),
        });
        let outcome = self
            .writer
            .write(vec![Guard::Absent(roster::token_key(&token.id()))], ops)
            .await?;
        self.seen(outcome).await?;
        Ok((token, row))
    }

    /// Every token that is still good.
    ///
    /// # Errors
    /// [`TokensError::Roster`].
    pub fn tokens(&self) -> Result<Vec<(TokenId, TokenRow)>, TokensError> {
        let now = now_ms();
        let all = read(&*self.store, |view| roster::tokens(view))?;
        Ok(all.into_iter().filter(|(_, row)| is_good(row, now)).collect())
    }

    /// Makes a token worthless.
    ///
    /// # Errors
    /// [`TokensError::Unknown`] when there is none.
    pub async fn revoke_token(&self, id: TokenId) -> Result<(), TokensError> {
        let key = roster::token_key(&id);
        match self
            .writer
            .write(vec![Guard::Present(key.clone())], vec![Op::Delete { key }])
            .await?
        {
            Outcome::Applied(revision) => self.seen(Outcome::Applied(revision)).await,
            Outcome::Refused { .. } => Err(TokensError::Unknown(id)),
        }
    }

    /// Removes worthless tokens with the next write, so that they do not pile up.
    fn clear_old(&self, now: u64) -> Result<Vec<Op>, TokensError> {
        let all = read(&*self.store, |view| roster::tokens(view))?;
        let good = all.iter().filter(|(_, row)| is_good(row, now)).count();
        if good >= TOKENS_MAX {
            return Err(TokensError::Invalid(format!(
                "there are {TOKENS_MAX} tokens already: revoke some first"
            )));
        }
        let worthless = all.iter().filter(|(_, row)| !is_good(row, now));
        Ok(worthless
            .map(|(id, _)| Op::Delete {
                key: roster::token_key(id),
            })
            .collect())
    }

    async fn seen(&self, outcome: Outcome) -> Result<(), TokensError> {
        let revision: Revision = outcome.revision();
        self.has_applied(revision)
            .await
            .map_err(|reason| ProposeError::Stopped(reason).into())
    }
}

fn is_good(row: &TokenRow, now: u64) -> bool {
    row.uses_left() > 0 && now < row.expires_at_ms()
}
