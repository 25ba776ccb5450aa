//! How handlers look up consumers and credentials.
//!
//! A reference desk with a small shelf behind it: what was asked for lately lies on the shelf and is handed over at
//! once; anything else is fetched from the stacks while the next visitor is served.
//!
//! The catch is the shelf: what was changed or deleted must leave it before the change is said to be in effect, answers "no such
//! thing" included. The gateway keeps that promise; a handler must not keep answers beyond its exchange.

use crate::identity::{Consumer, Credential, Groups};
use futures_util::future::LocalBoxFuture;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use thiserror::Error;
use troop_schema::Record;
use uuid::Uuid;

/// The local store could not be read.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("looking up {what} failed: {reason}")]
pub struct LookupError {
    /// What was looked up; never a secret.
    pub what: &'static str,
    /// Why it failed.
    pub reason: String,
}

/// The answer: there is one, there is none, or nobody knows.
pub type Answer<T> = Result<Option<Arc<T>>, LookupError>;

/// An answer that may be there already. Await it either way.
pub enum Looked<T> {
    /// It lay on the shelf.
    Now(Option<Answer<T>>),
    /// It is being fetched.
    Later(LocalBoxFuture<'static, Answer<T>>),
}

impl<T> Looked<T> {
    /// It is there already.
    pub fn now(answer: Answer<T>) -> Self {
        Looked::Now(Some(answer))
    }
}

impl<T> Unpin for Looked<T> {}

impl<T> Future for Looked<T> {
    type Output = Answer<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<T>> {
        match &mut *self {
            Looked::Now(answer) => Poll::Ready(
                answer
                    .take()
                    .expect("invariant: a finished future is not polled again"),
            ),
            Looked::Later(future) => future.as_mut().poll(cx),
        }
    }
}

/// The reference desk.
pub trait Lookup {
    /// The credential of schema `entity` whose unique `field` has this value and that has not expired.
    fn credential(&self, entity: &'static str, field: &'static str, value: &str) -> Looked<Credential>;

    /// The consumer with this id.
    fn consumer(&self, id: Uuid) -> Looked<Consumer>;

    /// The consumer with this user name.
    fn consumer_by_username(&self, username: &str) -> Looked<Consumer>;

    /// The groups of the consumer with this id; none at all for a consumer that does not exist.
    fn groups(&self, consumer: Uuid) -> Looked<Groups>;

    /// Any record, straight from the store. For rare uses: it is not kept on the shelf.
    fn record(&self, entity: &'static str, id: Uuid) -> Looked<Record>;
}
