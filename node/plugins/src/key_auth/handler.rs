//! Finding the key, finding its owner.
//!
//! The key is looked for under each configured name in turn: header, then query, then body; the first name that has one
//! decides. Where it was found it is taken out again if the peer is not to see it.

use crate::{
    authentication::{Refused, admit_owner, find_credential, is_satisfied, settle},
    config::{Config, wrong},
    form::{Field, Form},
    query,
};
use http::{HeaderName, HeaderValue, header::WWW_AUTHENTICATE};
use troop_plugin_api::{Exchange, Failure, Handler, Misconfigured, Phases, Reply, Step, Verdict};
use troop_schema::Record;

/// The entity that holds the keys.
const CREDENTIALS: &str = "keyauth_credentials";

/// One configured instance.
pub(super) struct KeyCheck {
    names: Vec<KeyName>,
    /// The same names, for logs not to write what stands there.
    secrets: Vec<String>,
    in_header: bool,
    in_query: bool,
    in_body: bool,
    hide: bool,
    on_preflight: bool,
    anonymous: Option<String>,
    challenge: HeaderValue,
}

/// A name under which the key may stand.
struct KeyName {
    /// As configured: names in queries and bodies are case-sensitive.
    text: String,
    header: HeaderName,
}

impl KeyCheck {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let names = config.texts("key_names")?;
        let challenge = match config.text("realm") {
            Some(realm) => format!("Key realm=\"{realm}\""),
            None => "Key".to_owned(),
        };
        Ok(KeyCheck {
            secrets: names.clone(),
            names: names.into_iter().map(KeyName::new).collect::<Result<_, _>>()?,
            in_header: config.flag("key_in_header")?,
            in_query: config.flag("key_in_query")?,
            in_body: config.flag("key_in_body")?,
            hide: config.flag("hide_credentials")?,
            on_preflight: config.flag("run_on_preflight")?,
            anonymous: config.text("anonymous").map(str::to_owned),
            challenge: HeaderValue::try_from(challenge)
                .map_err(|_| wrong("realm", "not fit for a header"))?,
        })
    }

    async fn run(&self, exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        let outcome = self.authenticate(exchange).await;
        settle(exchange, outcome, self.anonymous.as_deref()).await
    }

    async fn authenticate(&self, exchange: &mut Exchange<'_>) -> Result<(), Refused> {
        let key = self.take_key(exchange).await?;
        let Some(credential) = find_credential(exchange, CREDENTIALS, "key", &key).await? else {
            return Err(self.refused("Unauthorized"));
        };
        let identifier = credential.id_text.clone();
        if admit_owner(exchange, credential, identifier).await? {
            Ok(())
        } else {
            Err(self.refused("Unauthorized"))
        }
    }

    fn refused(&self, message: &'static str) -> Refused {
        let reply = Reply::error(401, message);
        reply.with_header(WWW_AUTHENTICATE, self.challenge.clone()).into()
    }

    /// The key the client shows.
    async fn take_key(&self, exchange: &mut Exchange<'_>) -> Result<String, Refused> {
        let form = if self.in_body {
            read_form(exchange).await
        } else {
            None
        };
        for name in &self.names {
            match self.look_under(name, exchange, form.as_ref()) {
                Field::Absent => {}
                Field::Several => return Err(self.refused("Duplicate API key found")),
                Field::Text(key) => {
                    if self.hide {
                        self.hide(name, exchange, form);
                    }
                    return if key.is_empty() {
                        Err(self.refused(NO_KEY))
                    } else {
                        Ok(key)
                    };
                }
            }
        }
        Err(self.refused(NO_KEY))
    }

    fn look_under(&self, name: &KeyName, exchange: &Exchange<'_>, form: Option<&Form>) -> Field {
        let mut found = Field::Absent;
        if self.in_header {
            exchange.request.each_header(name.header.as_str(), &mut |value| {
                found = match found {
                    Field::Absent => Field::Text(String::from_utf8_lossy(value).into_owned()),
                    _ => Field::Several,
                };
            });
        }
        if found == Field::Absent && self.in_query {
            found = in_query(exchange.request.query(), &name.text);
        }
        match (found, form) {
            (Field::Absent, Some(form)) => form.field(&name.text),
            (found, _) => found,
        }
    }

    /// Takes the key out of all places it could stand in.
    fn hide(&self, name: &KeyName, exchange: &mut Exchange<'_>, form: Option<Form>) {
        exchange.request.remove_header(name.header.clone());
        let query = exchange.request.query();
        if in_query(query, &name.text) != Field::Absent {
            let query = query::without(query, &name.text);
            exchange.request.set_query(query);
        }
        if let Some(form) = form
            && form.field(&name.text) != Field::Absent
        {
            exchange.request.body().replace(form.without(&name.text));
        }
    }
}

const NO_KEY: &str = "No API key found in request";

impl KeyName {
    fn new(text: String) -> Result<Self, Misconfigured> {
        let header =
            HeaderName::try_from(text.as_str()).map_err(|_| wrong("key_names", "not a header name"))?;
        Ok(KeyName { text, header })
    }
}

/// Kong: a bare name in the query is no key and no duplicate.
fn in_query(query: &str, name: &str) -> Field {
    let mut values = query::arguments(query).filter(|a| a.name == name);
    match (values.next(), values.next()) {
        (Some(only), None) => only.value.map_or(Field::Absent, Field::Text),
        (None, _) => Field::Absent,
        (Some(_), Some(_)) => Field::Several,
    }
}

/// Kong: a body that cannot be read as fields has no key; the request is refused for that, not for its body.
async fn read_form(exchange: &mut Exchange<'_>) -> Option<Form> {
    let content_type = exchange.request.header("content-type")?;
    let body = exchange.request.body().read().await.ok()?;
    Form::read(&String::from_utf8_lossy(&content_type), &body)
}

impl Handler for KeyCheck {
    fn secrets(&self) -> &[String] {
        &self.secrets
    }

    fn phases(&self) -> Phases {
        Phases::ACCESS
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        let preflight = exchange.request.method() == "OPTIONS";
        if (preflight && !self.on_preflight) || is_satisfied(exchange, self.anonymous.as_deref()) {
            return Step::GO_ON;
        }
        Step::later(self.run(exchange))
    }
}

#[cfg(test)]
mod tests;
