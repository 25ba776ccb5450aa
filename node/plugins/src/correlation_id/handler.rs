//! Making ids and passing them on.

use crate::config::{Config, wrong};
use http::{HeaderName, HeaderValue};
use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};
use troop_plugin_api::{
    Exchange, Facts, Failure, Handler, Misconfigured, Phases, Remote, Response, Shared, Step,
};
use troop_schema::Record;
use uuid::Uuid;

/// Under which the id waits for later phases.
const SHARED_ID: &str = "correlation-id";

/// What all counted ids of this process begin with.
static PROCESS: LazyLock<Uuid> = LazyLock::new(Uuid::new_v4);

/// Counts ids of this process, whichever instance makes them, so that reconfiguring never repeats one.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// One configured instance.
pub(super) struct Correlator {
    header: HeaderName,
    generator: Generator,
    echo: bool,
}

#[derive(Clone, Copy)]
enum Generator {
    Uuid,
    Counter,
    Tracker,
}

impl Correlator {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let name = config.text("header_name").unwrap_or("Kong-Request-ID");
        let generator = match config.text("generator") {
            Some("uuid") => Generator::Uuid,
            Some("uuid#counter") => Generator::Counter,
            Some("tracker") => Generator::Tracker,
            _ => return Err(wrong("generator", "not one of uuid, uuid#counter, tracker")),
        };
        Ok(Correlator {
            header: HeaderName::try_from(name).map_err(|_| wrong("header_name", "not a header name"))?,
            generator,
            echo: config.flag("echo_downstream")?,
        })
    }

    /// The client's own id, or a new one that is also sent on.
    fn mark(&self, exchange: &mut Exchange<'_>) -> Result<(), Failure> {
        let given = exchange
            .request
            .header(self.header.as_str())
            .filter(|v| !v.is_empty());
        let id = match given {
            Some(id) => String::from_utf8_lossy(&id).into_owned(),
            None => {
                let id = self.generator.make(&exchange.facts);
                let value = HeaderValue::try_from(id.as_str());
                let value = value.map_err(|e| Failure::caused_by("the id is not fit for a header", e))?;
                exchange.request.set_header(self.header.clone(), value);
                id
            }
        };
        exchange.shared.log_field("correlation_id", id.clone());
        exchange.shared.put(SHARED_ID, id);
        Ok(())
    }
}

impl Generator {
    fn make(self, facts: &Facts<'_>) -> String {
        match self {
            Generator::Uuid => Uuid::new_v4().to_string(),
            Generator::Counter => format!("{}#{}", *PROCESS, COUNTER.fetch_add(1, Ordering::Relaxed) + 1),
            Generator::Tracker => tracker(facts),
        }
    }
}

/// Kong: server address, port (empty of a unix socket), process, connection, request on the connection, seconds with milliseconds.
fn tracker(facts: &Facts<'_>) -> String {
    let client = &facts.client;
    format!(
        "{}-{}-{}-{}-{}-{}.{:03}",
        Remote::from(client.listener),
        client
            .listener
            .map_or_else(String::new, |listener| listener.port().to_string()),
        std::process::id(),
        client.connection,
        client.request,
        facts.started_at_us / 1_000_000,
        facts.started_at_us / 1_000 % 1_000,
    )
}

impl Handler for Correlator {
    fn phases(&self) -> Phases {
        if self.echo {
            Phases::ACCESS | Phases::HEADER_FILTER
        } else {
            Phases::ACCESS
        }
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        match self.mark(exchange) {
            Ok(()) => Step::GO_ON,
            Err(failure) => Step::Done(Err(failure)),
        }
    }

    fn header_filter(&self, shared: &mut Shared, response: &mut Response<'_>) -> Result<(), Failure> {
        // Kong: where `access` never ran (no route), the client's own id is still echoed.
        let own = shared.get::<String>(SHARED_ID).map(|id| id.as_bytes());
        let Some(id) = own.or_else(|| response.request().first(self.header.as_str())) else {
            return Ok(());
        };
        let value = HeaderValue::from_bytes(id);
        let value = value.map_err(|e| Failure::caused_by("the id is not fit for a header", e))?;
        response.set_header(self.header.clone(), value);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
