//! A plugin, whole: as long as it is configured, writes are turned away with a word on when to come back, and whoever reads is told.
//!
//! The shop is open for looking while the till is counted. What a write is, what is said, and when to come back is configuration, so
//! that one route can be closed for `DELETE` alone while another is closed for everything.

use http::{
    HeaderName, HeaderValue,
    header::{CACHE_CONTROL, RETRY_AFTER},
};
use serde_json::{Value, json};
use std::sync::Arc;
use troop_plugin_api::{
    Exchange, Failure, Handler, Misconfigured, Phases, Plugin, Reply, Response, Setup, Shared, Step,
};
use troop_schema::{Field, PluginSchema, typedef};

/// What a response says while it lasts.
const MAINTENANCE: HeaderName = HeaderName::from_static("x-maintenance");

/// The plugin: what it is called, when it has its turn, what can be configured.
pub struct Maintenance;

impl Plugin for Maintenance {
    fn name(&self) -> &'static str {
        "maintenance"
    }

    /// Behind authentication, in front of whatever costs something.
    fn priority(&self) -> i32 {
        900
    }

    fn schema(&self) -> PluginSchema {
        let writes = json!(["POST", "PUT", "PATCH", "DELETE"]);
        let message = "This part is being worked on";
        PluginSchema::new(
            "maintenance",
            vec![
                (
                    "methods",
                    Field::set(typedef::http_method()).required().default(writes),
                ),
                ("message", Field::string().required().default(message)),
                (
                    "retry_after_seconds",
                    Field::integer().between(1, 86_400).required().default(600),
                ),
            ],
        )
    }

    /// Once per stored instance, and again when it changes; never while a request waits.
    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        let missing = |field| Misconfigured {
            field,
            problem: "missing".to_owned(),
        };
        let config = setup.config;
        let methods = config.get("methods").and_then(Value::as_array);
        let methods = methods.ok_or_else(|| missing("methods"))?.iter();
        let message = config.get("message").and_then(Value::as_str);
        let seconds = config.get("retry_after_seconds").and_then(Value::as_u64);
        Ok(Arc::new(Closed {
            methods: methods.filter_map(Value::as_str).map(str::to_owned).collect(),
            message: message.ok_or_else(|| missing("message"))?.to_owned(),
            retry_after: seconds.ok_or_else(|| missing("retry_after_seconds"))?.into(),
        }))
    }
}

/// One configured instance, shared by all requests it is for.
struct Closed {
    methods: Vec<String>,
    message: String,
    retry_after: HeaderValue,
}

impl Handler for Closed {
    /// The gateway calls no other phase of it.
    fn phases(&self) -> Phases {
        Phases::ACCESS | Phases::HEADER_FILTER
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        let method = exchange.request.method();
        if !self.methods.iter().any(|closed| closed == method) {
            return Step::GO_ON;
        }
        let refusal =
            Reply::error(503, self.message.clone()).with_header(RETRY_AFTER, self.retry_after.clone());
        Step::Done(Ok(refusal.into()))
    }

    /// For every response, our own refusal included.
    fn header_filter(&self, _shared: &mut Shared, response: &mut Response<'_>) -> Result<(), Failure> {
        response.set_header(MAINTENANCE, self.retry_after.clone());
        response.set_header(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(())
    }
}
