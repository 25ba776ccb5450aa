//! The answer, and the echo: what the gateway saw, as a JSON document.

use crate::{
    config::{Config, wrong},
    form::{Form, query_object},
};
use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Map, Value, json};
use troop_plugin_api::{
    Exchange, Failure, Handler, Matched, Misconfigured, Phases, Reply, ReplyBody, Step, UriCapture, Verdict,
};
use troop_schema::Record;

/// One configured instance.
pub(super) struct Terminator {
    status: u16,
    answer: Answer,
    trigger: Option<Trigger>,
}

enum Answer {
    /// Always the same.
    Fixed {
        content_type: Option<HeaderValue>,
        bytes: Bytes,
    },
    /// No body.
    Empty,
    /// What was seen, with this message.
    Echo(Option<String>),
}

/// The header or query argument without which nothing happens.
struct Trigger {
    header: String,
    argument: String,
}

impl Terminator {
    /// Parses a configuration and renders the answer once.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let status = config.whole("status_code")?;
        let message = config.text("message").or(default_message(status));
        let answer = if config.flag("echo")? {
            Answer::Echo(message.map(str::to_owned))
        } else if let Some(body) = config.text("body") {
            Answer::Fixed {
                content_type: Some(content_type(config.text("content_type"))?),
                bytes: Bytes::copy_from_slice(body.as_bytes()),
            }
        } else if let Some(message) = message {
            Answer::Fixed {
                content_type: Some(HeaderValue::from_static("application/json; charset=utf-8")),
                bytes: json!({ "message": message }).to_string().into(),
            }
        } else {
            Answer::Empty
        };
        let trigger = config.text("trigger").map(|name| Trigger {
            header: name.to_ascii_lowercase(),
            argument: name.to_owned(),
        });
        Ok(Terminator {
            status,
            answer,
            trigger,
        })
    }

    fn reply(&self, body: ReplyBody) -> Verdict {
        Verdict::from(Reply {
            status: self.status,
            headers: Vec::new(),
            body,
        })
    }

    async fn echo(&self, exchange: &mut Exchange<'_>, message: Option<&str>) -> Result<Verdict, Failure> {
        let document = json!({
            "kong": {
                "node_id": exchange.facts.node.id,
                "worker_pid": std::process::id(),
                "hostname": exchange.facts.node.hostname,
            },
            "request": seen(exchange).await,
            "matched_route": entity(exchange, "routes", exchange.facts.route).await?,
            "matched_service": entity(exchange, "services", exchange.facts.service).await?,
        });
        let mut document = document;
        if let (Some(message), Some(object)) = (message, document.as_object_mut()) {
            object.insert("message".to_owned(), message.into());
        }
        let Reply { body, .. } = Reply::json(self.status, &document);
        Ok(self.reply(body))
    }
}

impl Trigger {
    fn is_pulled(&self, exchange: &Exchange<'_>) -> bool {
        exchange.request.has_header(&self.header)
            || query_object(exchange.request.query()).contains_key(&self.argument)
    }
}

/// Kong: `application/json` unless the configuration says otherwise.
fn content_type(configured: Option<&str>) -> Result<HeaderValue, Misconfigured> {
    let text = configured.unwrap_or("application/json; charset=utf-8");
    HeaderValue::from_str(text).map_err(|_| wrong("content_type", "not fit for a header"))
}

/// Kong: six statuses have a message of their own; the others are empty.
fn default_message(status: u16) -> Option<&'static str> {
    Some(match status {
        401 => "Unauthorized",
        404 => "Not found",
        405 => "Method not allowed",
        500 => "An unexpected error occurred",
        502 => "Bad Gateway",
        503 => "Service unavailable",
        _ => return None,
    })
}

/// The request as the gateway saw it.
async fn seen(exchange: &mut Exchange<'_>) -> Value {
    let raw = exchange.request.body().read().await.unwrap_or_default();
    let content_type = exchange.request.header("content-type").unwrap_or_default();
    let form = Form::read(&String::from_utf8_lossy(&content_type), &raw);
    json!({
        "scheme": exchange.facts.scheme.as_str(),
        "host": exchange.facts.host,
        "port": exchange.facts.port,
        "headers": headers(exchange),
        "query": query_object(exchange.request.query()),
        "body": form.map(|f| f.to_json()),
        "raw_body": String::from_utf8_lossy(&raw),
        "method": exchange.request.method(),
        "path": exchange.request.raw_path(),
        "uri_captures": captures((exchange.facts.captures)()),
    })
}

fn headers(exchange: &Exchange<'_>) -> Map<String, Value> {
    let mut names = Vec::new();
    exchange
        .request
        .arrived()
        .each(&mut |name, _| names.push(name.to_owned()));
    let mut object = Map::new();
    for name in names {
        let mut values = Vec::new();
        exchange.request.each_header(&name, &mut |v| {
            values.push(Value::from(String::from_utf8_lossy(v)))
        });
        if values.len() == 1 {
            object.insert(name, values.swap_remove(0));
        } else if !values.is_empty() {
            object.insert(name, values.into());
        }
    }
    object
}

fn captures(groups: Vec<UriCapture>) -> Value {
    let named: Map<String, Value> = groups
        .iter()
        .filter_map(|g| Some((g.name.clone()?, g.value.as_str().into())))
        .collect();
    let unnamed: Vec<&str> = groups
        .iter()
        .filter(|g| g.index > 0)
        .map(|g| g.value.as_str())
        .collect();
    json!({ "named": named, "unnamed": unnamed })
}

async fn entity(
    exchange: &Exchange<'_>,
    schema: &'static str,
    of: Option<Matched<'_>>,
) -> Result<Value, Failure> {
    let Some(matched) = of else { return Ok(Value::Null) };
    let found = exchange.lookup().record(schema, matched.id).await;
    let found = found.map_err(|e| Failure::caused_by("the matched entity could not be read", e))?;
    Ok(found.map_or(Value::Null, |record| Value::Object((*record).clone())))
}

impl Handler for Terminator {
    fn phases(&self) -> Phases {
        Phases::ACCESS
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        if self.trigger.as_ref().is_some_and(|t| !t.is_pulled(exchange)) {
            return Step::GO_ON;
        }
        match &self.answer {
            Answer::Empty => Step::Done(Ok(self.reply(ReplyBody::Empty))),
            Answer::Fixed { content_type, bytes } => Step::Done(Ok(self.reply(ReplyBody::Exact {
                content_type: content_type.clone(),
                bytes: bytes.clone(),
            }))),
            Answer::Echo(message) => Step::later(self.echo(exchange, message.as_deref())),
        }
    }
}

#[cfg(test)]
mod tests;
