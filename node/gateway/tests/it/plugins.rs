//! Chains over real requests: order, choice, authentication in the middle, and what still runs after an early end.

use crate::{
    house::{House, options},
    origin::Origin,
    wire::get,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use troop_plugin_api::{
    Chunk, Exchange, Failure, Handler, Identity, LogRecord, Misconfigured, Phases, Plugin, Reply, Response,
    Setup, Shared, Step, Verdict,
};
use troop_schema::{Field, PluginSchema, Record};
use uuid::Uuid;

/// What `log` handlers were told: request id's length, status, bytes, consumer.
type Told = Arc<Mutex<Vec<(u16, u64, Option<Uuid>)>>>;

/// A plugin that does what its configuration says.
struct Puppet {
    name: &'static str,
    priority: i32,
    told: Told,
}

struct Strings {
    config: Record,
    told: Told,
}

impl Plugin for Puppet {
    fn name(&self) -> &'static str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    fn schema(&self) -> PluginSchema {
        let text = |name| (name, Field::string());
        PluginSchema::new(
            self.name,
            ["mark", "answer", "fail", "know", "echo", "body", "log", "read"]
                .map(text)
                .to_vec(),
        )
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        Ok(Arc::new(Strings {
            config: setup.config.clone(),
            told: Arc::clone(&self.told),
        }))
    }
}

impl Strings {
    fn string(&self, name: &str) -> Option<&str> {
        self.config.get(name).and_then(Value::as_str)
    }
}

impl Handler for Strings {
    fn phases(&self) -> Phases {
        let on = |name, phase| {
            if self.string(name).is_some() {
                phase
            } else {
                Phases::NONE
            }
        };
        Phases::ACCESS
            | on("echo", Phases::HEADER_FILTER)
            | on("body", Phases::BODY_FILTER)
            | on("log", Phases::LOG)
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        Step::later(async move {
            if let Some(mark) = self.string("mark") {
                let value = HeaderValue::try_from(mark).expect("a value");
                exchange
                    .request
                    .set_header(HeaderName::from_static("x-mark"), value);
            }
            if self.string("read").is_some() {
                let body = exchange
                    .request
                    .body()
                    .read()
                    .await
                    .map_err(|e| Failure::caused_by("no body", e))?;
                if self.string("read") != Some("only") {
                    exchange
                        .request
                        .body()
                        .replace(Bytes::from([b"<", &body[..], b">"].concat()));
                }
            }
            if self.string("know").is_some() {
                let key = exchange.request.header("key").unwrap_or_default();
                let key = String::from_utf8_lossy(&key).into_owned();
                let lookup = exchange.lookup();
                let failed = |e| Failure::caused_by("no look-up", e);
                let found = lookup
                    .credential("keyauth_credentials", "key", &key)
                    .await
                    .map_err(failed)?;
                let Some(credential) = found else {
                    return Ok(Reply::error(401, "Unauthorized").into());
                };
                if let Some(consumer) = lookup.consumer(credential.consumer).await.map_err(failed)? {
                    let credential = Some(credential);
                    exchange.authenticate(Identity { consumer, credential });
                }
            }
            if self.string("fail").is_some() {
                return Err(Failure::new("by intent"));
            }
            match self.string("answer") {
                Some(text) => Ok(Reply::json(200, &json!({"message": text})).into()),
                None => Ok(Verdict::Continue),
            }
        })
    }

    fn header_filter(&self, _: &mut Shared, response: &mut Response<'_>) -> Result<(), Failure> {
        let echo = self.string("echo").unwrap_or_default();
        response.set_header(
            HeaderName::from_static("x-echo"),
            HeaderValue::try_from(echo).expect("a value"),
        );
        Ok(())
    }

    fn body_filter(&self, _: &mut Shared, chunk: &mut Chunk) -> Result<(), Failure> {
        let mut data = chunk.data.to_vec();
        if chunk.last {
            data.extend_from_slice(self.string("body").unwrap_or_default().as_bytes());
        }
        chunk.data = data.into();
        Ok(())
    }

    fn log(&self, record: &LogRecord<'_>) {
        let consumer = record.identity.map(|i| i.consumer.id);
        self.told
            .lock()
            .expect("a lock")
            .push((record.status, record.response_body_bytes, consumer));
    }
}

struct Theatre {
    house: House,
    route: Uuid,
    told: Told,
}

async fn theatre() -> Theatre {
    let told = Told::default();
    let puppet = |name, priority| -> Arc<dyn Plugin> {
        Arc::new(Puppet {
            name,
            priority,
            told: Arc::clone(&told),
        })
    };
    let house = House::build(options(), vec![puppet("late", 1), puppet("early", 10)]).await;
    let origin = Origin::start("a").await;
    let service = house.service(&origin, json!({})).await;
    let route = house.route("/x", Some(service), json!({})).await;
    Theatre { house, route, told }
}

impl Theatre {
    async fn plugin(&self, name: &str, config: Value, scope: Value) -> Uuid {
        let mut body = json!({"name": name, "config": config});
        body.as_object_mut()
            .expect("an object")
            .extend(scope.as_object().cloned().expect("an object"));
        self.house.insert("plugins", body).await
    }

    async fn consumer(&self, name: &str, key: &str) -> Uuid {
        let consumer = self.house.insert("consumers", json!({"username": name})).await;
        let credential = json!({"consumer": {"id": consumer}, "key": key});
        self.house.insert("keyauth_credentials", credential).await;
        consumer
    }

    /// The message of an answer, or the mark that the origin saw.
    async fn play(&self, lines: &str) -> String {
        let answer = get(self.house.address(), "/x", lines).await;
        let message = serde_json::from_slice::<Value>(&answer.body).ok();
        let message = message.and_then(|v| v["message"].as_str().map(str::to_owned));
        message.or_else(|| answer.echoed("x-mark: ")).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_specific_instance_runs_and_no_other() {
    let theatre = theatre().await;
    theatre.plugin("late", json!({"mark": "global"}), json!({})).await;
    assert_eq!(theatre.play("").await, "global");
    let scope = json!({"route": {"id": theatre.route}});
    let route = theatre.plugin("late", json!({"mark": "route"}), scope).await;
    assert_eq!(theatre.play("").await, "route");
    theatre
        .house
        .update("plugins", route, json!({"enabled": false}))
        .await;
    assert_eq!(theatre.play("").await, "global");
    theatre
        .house
        .update("plugins", route, json!({"enabled": true}))
        .await;
    theatre.house.delete("plugins", route).await;
    assert_eq!(theatre.play("").await, "global");
    theatre.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn higher_priority_goes_first_and_an_answer_ends_the_turns() {
    let theatre = theatre().await;
    theatre.plugin("late", json!({"answer": "late"}), json!({})).await;
    assert_eq!(theatre.play("").await, "late");
    theatre
        .plugin("early", json!({"answer": "early"}), json!({}))
        .await;
    assert_eq!(theatre.play("").await, "early");
    theatre.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authentication_changes_what_comes_after_it() {
    let theatre = theatre().await;
    let bob = theatre.consumer("bob", "k-bob").await;
    theatre.consumer("eve", "k-eve").await;
    theatre.plugin("early", json!({"know": "yes"}), json!({})).await;
    theatre
        .plugin("late", json!({"mark": "anybody"}), json!({}))
        .await;
    theatre
        .plugin(
            "late",
            json!({"answer": "bob's"}),
            json!({"consumer": {"id": bob}}),
        )
        .await;
    assert_eq!(theatre.play("Key: k-bob\r\n").await, "bob's");
    assert_eq!(theatre.play("Key: k-eve\r\n").await, "anybody");
    assert_eq!(theatre.play("Key: none\r\n").await, "Unauthorized");
    theatre.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_counts_from_and_until_the_revision_that_says_so() {
    let theatre = theatre().await;
    theatre.plugin("early", json!({"know": "yes"}), json!({})).await;
    theatre.plugin("late", json!({"answer": "in"}), json!({})).await;
    for round in 0..20 {
        let key = format!("k{round}");
        let line = format!("Key: {key}\r\n");
        assert_eq!(theatre.play(&line).await, "Unauthorized");
        let consumer = theatre.consumer(&format!("c{round}"), &key).await;
        assert_eq!(theatre.play(&line).await, "in");
        theatre.house.delete("consumers", consumer).await;
        assert_eq!(theatre.play(&line).await, "Unauthorized");
    }
    theatre.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_log_run_after_an_early_end_and_without_a_route() {
    let theatre = theatre().await;
    theatre
        .plugin("early", json!({"answer": "stop"}), json!({}))
        .await;
    theatre
        .plugin("late", json!({"echo": "heard", "log": "yes"}), json!({}))
        .await;
    let stopped = get(theatre.house.address(), "/x", "").await;
    assert_eq!((stopped.status, stopped.header("x-echo")), (200, Some("heard")));
    let lost = get(theatre.house.address(), "/none", "").await;
    assert_eq!((lost.status, lost.header("x-echo")), (404, Some("heard")));
    crate::wire::until("two records", async || {
        theatre.told.lock().expect("a lock").len() == 2
    })
    .await;
    let told = theatre.told.lock().expect("a lock").clone();
    assert_eq!(told.iter().map(|t| t.0).collect::<Vec<_>>(), [200, 404]);
    theatre.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_can_be_changed_in_both_directions() {
    let theatre = theatre().await;
    theatre
        .plugin(
            "late",
            json!({"read": "yes", "body": "THE END", "log": "yes"}),
            json!({}),
        )
        .await;
    let post = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let answer = crate::wire::ask(theatre.house.address(), post).await;
    assert_eq!(answer.echoed("body ").as_deref(), Some("<hello>"));
    assert!(answer.text().contains("Content-Length: 7") && answer.text().ends_with("THE END"));
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    theatre.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_behind_a_body_that_is_only_read_stays_and_goes_with_one_that_is_replaced() {
    for (read, body, behind) in [("only", "hello", Some("1")), ("yes", "<hello>", None)] {
        let theatre = theatre().await;
        theatre.plugin("late", json!({"read": read}), json!({})).await;
        let post = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
        let answer = crate::wire::ask(theatre.house.address(), post).await;
        assert_eq!(answer.echoed("body ").as_deref(), Some(body));
        assert_eq!(answer.echoed("behind x-sum: ").as_deref(), behind);
        theatre.house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_behind_an_answer_survives_filters() {
    let theatre = theatre().await;
    theatre
        .plugin("late", json!({"body": "THE END"}), json!({}))
        .await;
    let answer = get(theatre.house.address(), "/x/trailers", "TE: trailers\r\n").await;
    assert!(answer.text().ends_with("THE END"), "{}", answer.text());
    assert_eq!(answer.trailers, ["x-sum: 1", "x-sum: 2"]);
    theatre.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_is_500_and_says_no_more() {
    let theatre = theatre().await;
    theatre.plugin("late", json!({"fail": "yes"}), json!({})).await;
    let answer = get(theatre.house.address(), "/x", "").await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("An unexpected error occurred") && !answer.text().contains("intent"));
    theatre.house.close().await;
}
