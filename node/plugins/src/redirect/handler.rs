//! The other place: always the same, or with the path the client asked for.

use crate::config::{Config, wrong};
use bytes::Bytes;
use http::{HeaderValue, Uri, header::LOCATION};
use troop_plugin_api::{Exchange, Failure, Handler, Misconfigured, Phases, Reply, ReplyBody, Step, Verdict};
use troop_schema::Record;

/// One configured instance.
pub(super) struct Redirector {
    status: u16,
    place: Place,
}

enum Place {
    Fixed(HeaderValue),
    /// `scheme://host[:port]`, to be followed by path and query of the request.
    Base(String),
}

impl Redirector {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let location = config
            .text("location")
            .ok_or_else(|| wrong("location", "missing"))?;
        let place = if config.flag("keep_incoming_path").unwrap_or(false) {
            Place::Base(base(location).ok_or_else(|| wrong("location", "not a URL"))?)
        } else {
            let value = HeaderValue::try_from(location);
            Place::Fixed(value.map_err(|_| wrong("location", "not fit for a header"))?)
        };
        Ok(Redirector {
            status: config.whole("status_code")?,
            place,
        })
    }

    fn answer(&self, exchange: &Exchange<'_>) -> Result<Verdict, Failure> {
        let location = match &self.place {
            Place::Fixed(location) => location.clone(),
            Place::Base(base) => {
                let target = exchange.request.arrived().target();
                HeaderValue::try_from(format!("{base}{target}"))
                    .map_err(|e| Failure::caused_by("the place is not fit for a header", e))?
            }
        };
        let reply = Reply {
            status: self.status,
            headers: vec![(LOCATION, location)],
            body: ReplyBody::Exact {
                content_type: None,
                bytes: Bytes::from_static(b"redirecting"),
            },
        };
        Ok(reply.into())
    }
}

fn base(location: &str) -> Option<String> {
    let uri: Uri = location.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

impl Handler for Redirector {
    fn phases(&self) -> Phases {
        Phases::ACCESS
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        Step::Done(self.answer(exchange))
    }
}

#[cfg(test)]
mod tests;
