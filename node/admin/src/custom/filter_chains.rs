//! `/filter-chains` and its nested forms: filters in WebAssembly, which this gateway does not run.
//!
//! Kong: with its WebAssembly switched off, as it is unless somebody switches it on, each of these paths exists and says so.

use super::Door;
use crate::{admin::Admin, answer::Reply, call::Call, problem::Failure};
use futures_util::future::BoxFuture;
use http::Method;

/// A collection and its members, and what a member refers to.
macro_rules! chains {
    ($($collection:literal),* ; $($parent:literal),*) => {
        &[
            $(
                ($collection, Method::GET, off),
                ($collection, Method::POST, off),
                (concat!($collection, "/{filter_chains}"), Method::GET, off),
                (concat!($collection, "/{filter_chains}"), Method::PUT, off),
                (concat!($collection, "/{filter_chains}"), Method::PATCH, off),
                (concat!($collection, "/{filter_chains}"), Method::DELETE, off),
            )*
            $(
                ($parent, Method::GET, off),
                ($parent, Method::PUT, off),
                ($parent, Method::PATCH, off),
                ($parent, Method::DELETE, off),
            )*
            ("/routes/{routes}/filters/all", Method::GET, off),
            ("/routes/{routes}/filters/enabled", Method::GET, off),
            ("/routes/{routes}/filters/disabled", Method::GET, off),
        ]
    };
}

pub(super) const DOORS: &[Door] = chains!(
    "/filter-chains",
    "/routes/{routes}/filter-chains",
    "/services/{services}/filter-chains";
    "/filter-chains/{filter_chains}/route",
    "/filter-chains/{filter_chains}/service"
);

fn off<'a>(_: &'a Admin, _: &'a Call) -> BoxFuture<'a, Reply> {
    let text = "this endpoint is only available when wasm is enabled";
    Box::pin(async move { Err(Failure::bad(text)) })
}
