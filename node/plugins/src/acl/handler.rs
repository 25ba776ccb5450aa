//! Looking up the consumer's groups and comparing them with the list.
//!
//! Kong: groups may also come from an authentication plugin (`always_use_authenticated_groups`); none of the bundled ones brings
//! any, so the consumer's own groups decide.

use crate::config::{Config, wrong};
use http::HeaderName;
use std::sync::Arc;
use troop_plugin_api::{Exchange, Failure, Groups, Handler, Misconfigured, Phases, Reply, Step, Verdict};
use troop_schema::Record;

const CONSUMER_GROUPS: HeaderName = HeaderName::from_static("x-consumer-groups");
const AUTHENTICATED_GROUPS: HeaderName = HeaderName::from_static("x-authenticated-groups");

/// One configured instance.
pub(super) struct GroupCheck {
    list: List,
    hide_header: bool,
}

enum List {
    Allow(Vec<String>),
    Deny(Vec<String>),
}

impl GroupCheck {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let list = |field| Ok(config.texts_if_any(field)?.filter(|list| !list.is_empty()));
        let list = match (list("allow")?, list("deny")?) {
            (Some(allow), None) => List::Allow(allow),
            (None, Some(deny)) => List::Deny(deny),
            _ => return Err(wrong("allow", "exactly one of allow and deny must be set")),
        };
        Ok(GroupCheck {
            list,
            hide_header: config.flag("hide_groups_header")?,
        })
    }

    async fn run(&self, exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        let Some(identity) = exchange.identity() else {
            return Ok(Reply::error(401, "Unauthorized").into());
        };
        let (consumer, proven) = (identity.consumer.id, identity.credential.is_some());
        let groups = exchange.lookup().groups(consumer).await;
        let groups = groups.map_err(|e| Failure::caused_by("the consumer's groups are not known", e))?;
        let groups = groups.unwrap_or_default();
        if !self.admits(&groups) {
            // Kong: an anonymous consumer without any group is asked to say who it is.
            let unknown = groups.is_empty() && !proven;
            return Ok(if unknown {
                Reply::error(401, "Unauthorized")
            } else {
                Reply::error(403, "You cannot consume this service")
            }
            .into());
        }
        self.tell_the_peer(exchange, &groups);
        Ok(Verdict::Continue)
    }

    fn admits(&self, groups: &Groups) -> bool {
        match &self.list {
            List::Allow(list) => groups.has_any(list),
            List::Deny(list) => !groups.has_any(list),
        }
    }

    /// Whatever the client sent under these names is gone.
    fn tell_the_peer(&self, exchange: &mut Exchange<'_>, groups: &Arc<Groups>) {
        exchange.request.remove_header(AUTHENTICATED_GROUPS);
        match groups.listed().filter(|_| !self.hide_header) {
            Some(listed) => exchange.request.set_header(CONSUMER_GROUPS, listed.clone()),
            None => exchange.request.remove_header(CONSUMER_GROUPS),
        }
    }
}

impl Handler for GroupCheck {
    fn phases(&self) -> Phases {
        Phases::ACCESS
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        Step::later(self.run(exchange))
    }
}

#[cfg(test)]
mod tests;
