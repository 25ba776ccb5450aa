//! Comparing a password with what is stored of it.
//!
//! Stored is a digest of the password and its owner's id, never the password. Kong: SHA-1, in hexadecimal; whoever moves here brings
//! such digests along.

use crate::{
    authentication::{BASE64, Refused, admit_owner, find_credential, is_satisfied, settle, told},
    config::{Config, wrong},
};
use base64::Engine as _;
use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, PROXY_AUTHORIZATION, WWW_AUTHENTICATE},
};
use subtle::ConstantTimeEq as _;
use troop_plugin_api::{Credential, Exchange, Failure, Handler, Misconfigured, Phases, Reply, Step, Verdict};
use troop_schema::{Record, password};

/// The entity that holds the passwords.
const CREDENTIALS: &str = "basicauth_credentials";

/// One configured instance.
pub(super) struct PasswordCheck {
    hide: bool,
    anonymous: Option<String>,
    challenge: HeaderValue,
}

/// What a client shows.
struct Shown {
    username: String,
    password: String,
}

impl PasswordCheck {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let realm = config.text("realm").unwrap_or("service");
        Ok(PasswordCheck {
            hide: config.flag("hide_credentials")?,
            anonymous: config.text("anonymous").map(str::to_owned),
            challenge: HeaderValue::try_from(format!("Basic realm=\"{realm}\""))
                .map_err(|_| wrong("realm", "not fit for a header"))?,
        })
    }

    async fn run(&self, exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        let outcome = self.authenticate(exchange).await;
        settle(exchange, outcome, self.anonymous.as_deref()).await
    }

    /// Kong: the field meant for proxies counts first; the other one counts if the name in the first is not known.
    async fn authenticate(&self, exchange: &mut Exchange<'_>) -> Result<(), Refused> {
        for field in [PROXY_AUTHORIZATION, AUTHORIZATION] {
            let Some(shown) = self.take(exchange, field) else {
                continue;
            };
            let Some(credential) =
                find_credential(exchange, CREDENTIALS, "username", &shown.username).await?
            else {
                continue;
            };
            if !shown.matches(&credential) {
                break;
            }
            let identifier = told(&credential, "username")?;
            if admit_owner(exchange, credential, identifier).await? {
                return Ok(());
            }
            break;
        }
        let reply = Reply::error(401, "Unauthorized");
        Err(reply.with_header(WWW_AUTHENTICATE, self.challenge.clone()).into())
    }

    fn take(&self, exchange: &mut Exchange<'_>, field: HeaderName) -> Option<Shown> {
        let shown = Shown::read(&exchange.request.header(field.as_str())?)?;
        if self.hide {
            exchange.request.remove_header(field);
        }
        Some(shown)
    }
}

impl Shown {
    /// Kong: the scheme's first letter may be small, and nothing has to stand between the scheme and the rest.
    fn read(value: &[u8]) -> Option<Shown> {
        let text = std::str::from_utf8(value).ok()?.trim();
        let coded = text
            .strip_prefix("Basic")
            .or_else(|| text.strip_prefix("basic"))?;
        let plain = BASE64.decode(coded.trim_start()).ok()?;
        let colon = plain.iter().position(|b| *b == b':').filter(|at| *at > 0)?;
        Some(Shown {
            username: String::from_utf8(plain[..colon].to_vec()).ok()?,
            password: String::from_utf8(plain[colon + 1..].to_vec()).ok()?,
        })
    }

    fn matches(&self, credential: &Credential) -> bool {
        let stored = credential.text("password").unwrap_or_default();
        let shown = password::of_consumer(&self.password, &credential.consumer.to_string());
        shown.as_bytes().ct_eq(stored.as_bytes()).into()
    }
}

impl Handler for PasswordCheck {
    fn phases(&self) -> Phases {
        Phases::ACCESS
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        if is_satisfied(exchange, self.anonymous.as_deref()) {
            return Step::GO_ON;
        }
        Step::later(self.run(exchange))
    }
}

#[cfg(test)]
mod tests;
