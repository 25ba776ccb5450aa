//! Preflights are answered, everything else is marked.
//!
//! A preflight is a question about a request to come; it never reaches the peer unless the peer is to answer it. All other
//! responses, the gateway's own refusals included, say which origin may read them.

use super::origin::{Asked, Origins};
use crate::config::{Config, wrong};
use http::{HeaderName, HeaderValue, header};
use troop_plugin_api::{
    Exchange, Failure, Handler, Head, Misconfigured, Phases, Reply, Response, Shared, Step, Verdict,
};
use troop_schema::Record;

const PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// Marks a preflight, whose response is not to be touched again.
const PREFLIGHT: &str = "cors preflight";

/// One configured instance.
pub(super) struct Sharer {
    origins: Origins,
    credentials: bool,
    exposed: Option<HeaderValue>,
    preflight: Preflight,
}

/// How preflights are answered.
struct Preflight {
    /// Left to the peer.
    pass_on: bool,
    headers: Option<HeaderValue>,
    methods: HeaderValue,
    max_age: Option<HeaderValue>,
    private_network: bool,
}

/// What a response says.
type Marks = Vec<(HeaderName, HeaderValue)>;

impl Sharer {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        Ok(Sharer {
            origins: Origins::read(config.texts_if_any("origins")?)?,
            credentials: config.flag("credentials")?,
            exposed: joined(&config, "exposed_headers")?,
            preflight: Preflight {
                pass_on: config.flag("preflight_continue")?,
                headers: joined(&config, "headers")?,
                methods: joined(&config, "methods")?.unwrap_or(HeaderValue::from_static("")),
                max_age: config.number("max_age").map(age).transpose()?,
                private_network: config.flag("private_network")?,
            },
        })
    }

    /// Who may read a response to this request.
    fn readers(&self, request: &dyn Head) -> Result<Marks, Failure> {
        let mut marks = Vec::new();
        let origin = request.first("origin");
        match &self.origins {
            Origins::Any => match origin.filter(|_| self.credentials) {
                // A star and credentials exclude each other: the origin is told by name.
                Some(origin) => marks.extend([
                    (header::ACCESS_CONTROL_ALLOW_ORIGIN, value(origin)?),
                    (header::VARY, HeaderValue::from_static("Origin")),
                    credentials(),
                ]),
                None => marks.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))),
            },
            named => {
                if let Some(origin) = told(named, origin) {
                    marks.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, value(origin.as_bytes())?));
                }
                marks.push((header::VARY, HeaderValue::from_static("Origin")));
                if self.credentials {
                    // Kong: said to origins that are not meant too; without their name it has no effect.
                    marks.push(credentials());
                }
            }
        }
        Ok(marks)
    }

    fn answer(&self, request: &dyn Head) -> Result<Verdict, Failure> {
        let preflight = &self.preflight;
        let mut marks = self.readers(request)?;
        let asked = request.first("access-control-request-headers").map(value);
        if let Some(headers) = preflight.headers.clone().map(Ok).or(asked) {
            marks.push((header::ACCESS_CONTROL_ALLOW_HEADERS, headers?));
        }
        marks.push((header::ACCESS_CONTROL_ALLOW_METHODS, preflight.methods.clone()));
        if let Some(max_age) = &preflight.max_age {
            marks.push((header::ACCESS_CONTROL_MAX_AGE, max_age.clone()));
        }
        let private = request.first("access-control-request-private-network") == Some(b"true");
        if preflight.private_network && private {
            marks.push((PRIVATE_NETWORK, HeaderValue::from_static("true")));
        }
        let mut reply = Reply::empty(200);
        reply.headers = marks;
        Ok(reply.into())
    }
}

/// Which origin a response names.
fn told(origins: &Origins, asked: Option<&[u8]>) -> Option<String> {
    match origins {
        Origins::Any => None,
        Origins::Fixed(origin) => Some(origin.clone()),
        Origins::Listed(list) => {
            let asked = Asked::read(&String::from_utf8_lossy(asked?));
            let meant = list.iter().any(|entry| entry.means(&asked));
            meant.then_some(asked.origin)
        }
    }
}

fn credentials() -> (HeaderName, HeaderValue) {
    (
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    )
}

fn value(bytes: &[u8]) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(bytes).map_err(|e| Failure::caused_by("an origin is not fit for a header", e))
}

fn joined(config: &Config<'_>, field: &'static str) -> Result<Option<HeaderValue>, Misconfigured> {
    let list = config.texts_if_any(field)?.filter(|list| !list.is_empty());
    let value = list.map(|list| HeaderValue::try_from(list.join(",")));
    value
        .transpose()
        .map_err(|_| wrong(field, "not fit for a header"))
}

fn age(seconds: f64) -> Result<HeaderValue, Misconfigured> {
    HeaderValue::try_from(seconds.to_string()).map_err(|_| wrong("max_age", "not fit for a header"))
}

fn is_preflight(request: &dyn Head) -> bool {
    request.method() == "OPTIONS"
        && request.first("origin").is_some()
        && request.first("access-control-request-method").is_some()
}

impl Handler for Sharer {
    fn phases(&self) -> Phases {
        Phases::ACCESS | Phases::HEADER_FILTER
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        let request = exchange.request.arrived();
        if !is_preflight(request) {
            return Step::GO_ON;
        }
        exchange.shared.put(PREFLIGHT, ());
        if self.preflight.pass_on {
            return Step::GO_ON;
        }
        Step::Done(self.answer(request))
    }

    fn header_filter(&self, shared: &mut Shared, response: &mut Response<'_>) -> Result<(), Failure> {
        if shared.get::<()>(PREFLIGHT).is_some() {
            return Ok(());
        }
        let marks = self.readers(response.request())?;
        // The peer's own opinion gives way.
        response.remove_header(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        for (name, value) in marks {
            if name == header::VARY {
                response.add_header(name, value);
            } else {
                response.set_header(name, value);
            }
        }
        if let Some(exposed) = &self.exposed {
            response.set_header(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
