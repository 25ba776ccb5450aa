//! Comparing the client's address with ranges: those denied first, then those allowed.

use crate::config::{Config, wrong};
use ipnet::IpNet;
use std::net::IpAddr;
use troop_plugin_api::{
    Exchange, Failure, Handler, Misconfigured, Phases, Remote, Reply, Session, Step, Verdict,
};
use troop_schema::Record;

/// Kong: what a client without an address is told, whatever is configured.
const NO_ADDRESS: &str = "Cannot identify the client IP address, unix domain sockets are not supported.";

/// One configured instance.
pub(super) struct AddressCheck {
    allow: Option<Vec<IpNet>>,
    deny: Vec<IpNet>,
    status: u16,
    message: Option<String>,
}

impl AddressCheck {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let allow = ranges(&config, "allow")?;
        let status = match config.number("status") {
            Some(_) => config.whole("status")?,
            None => 403,
        };
        Ok(AddressCheck {
            allow: allow.filter(|list| !list.is_empty()),
            deny: ranges(&config, "deny")?.unwrap_or_default(),
            status,
            message: config.text("message").map(str::to_owned),
        })
    }

    fn judge(&self, client: Remote) -> Verdict {
        let Remote::Ip(address) = client else {
            return Reply::error(403, NO_ADDRESS).into();
        };
        let address = address.to_canonical();
        if self.admits(address) {
            return Verdict::Continue;
        }
        let message = match &self.message {
            Some(message) => message.clone(),
            None => format!("IP address not allowed: {address}"),
        };
        Reply::error(self.status, message).into()
    }

    fn admits(&self, address: IpAddr) -> bool {
        let within = |list: &[IpNet]| list.iter().any(|range| range.contains(&address));
        !within(&self.deny) && self.allow.as_deref().is_none_or(within)
    }
}

fn ranges(config: &Config<'_>, field: &'static str) -> Result<Option<Vec<IpNet>>, Misconfigured> {
    let Some(list) = config.texts_if_any(field)? else {
        return Ok(None);
    };
    let read = |text: &String| {
        let net = text.parse::<IpNet>().ok();
        net.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
            .ok_or_else(|| wrong(field, "neither an address nor a range"))
    };
    list.iter().map(read).collect::<Result<_, _>>().map(Some)
}

impl Handler for AddressCheck {
    fn phases(&self) -> Phases {
        Phases::ACCESS | Phases::PREREAD
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        Step::Done(Ok(self.judge(exchange.facts.client.address)))
    }

    fn preread(&self, session: &Session<'_>) -> Result<Verdict, Failure> {
        Ok(self.judge(session.client.address))
    }
}

#[cfg(test)]
mod tests;
