//! Reading the user agent: allowed patterns first, then denied ones, then the robots known by name.

use super::known;
use crate::config::{Config, wrong};
use regex::RegexSet;
use troop_plugin_api::{Exchange, Handler, Misconfigured, Phases, Reply, Step};
use troop_schema::Record;

/// One configured instance.
pub(super) struct BotCheck {
    allow: RegexSet,
    deny: RegexSet,
}

impl BotCheck {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let patterns = |field| {
            let list = config.texts_if_any(field)?.unwrap_or_default();
            RegexSet::new(list).map_err(|_| wrong(field, "not a list of regular expressions"))
        };
        Ok(BotCheck {
            allow: patterns("allow")?,
            deny: patterns("deny")?,
        })
    }

    fn admits(&self, agent: &str) -> bool {
        self.allow.is_match(agent) || !(self.deny.is_match(agent) || known::is_known(agent))
    }
}

impl Handler for BotCheck {
    fn phases(&self) -> Phases {
        Phases::ACCESS
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        let mut agents = Vec::new();
        exchange.request.each_header("user-agent", &mut |value| {
            agents.push(String::from_utf8_lossy(value).trim().to_owned())
        });
        match agents.as_slice() {
            [] => Step::GO_ON,
            [agent] if self.admits(agent) => Step::GO_ON,
            [_] => Step::Done(Ok(Reply::error(403, "Forbidden").into())),
            _ => Step::Done(Ok(Reply::error(400, "Only one User-Agent header allowed").into())),
        }
    }
}

#[cfg(test)]
mod tests;
