//! `/consumers/{c}/acls/{group}`: a membership by the name of its group.
//!
//! Everything is done by rule; only the answer about a group that a consumer is not in differs.
//!
//! Kong: it carries a number. By id it does not.

use super::Door;
use crate::{
    admin::Admin,
    answer::Reply,
    call::Call,
    generated::{Generated, Subject},
    problem::Failure,
};
use futures_util::future::BoxFuture;
use http::Method;
use uuid::Uuid;

const PATTERN: &str = "/consumers/{consumers}/acls/{acls}";

pub(super) const DOORS: &[Door] = &[
    (PATTERN, Method::GET, one),
    (PATTERN, Method::PUT, one),
    (PATTERN, Method::PATCH, one),
    (PATTERN, Method::DELETE, one),
];

const MEMBERSHIP: Generated = Generated {
    entity: "acls",
    subject: Subject::Child {
        parent: "consumers",
        field: "consumer",
    },
};

fn one<'a>(admin: &'a Admin, call: &'a Call) -> BoxFuture<'a, Reply> {
    Box::pin(async move {
        let reply = MEMBERSHIP.answer(admin, call).await;
        match reply {
            Err(Failure::NotFound) if call.param(1).parse::<Uuid>().is_err() => {
                Err(Failure::NotFoundNumbered(rand::random()))
            }
            reply => reply,
        }
    })
}
