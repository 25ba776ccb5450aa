//! Checking a signature: when it was made, over what, by whom, and that the body is the one it was made for.

use super::{schema::ALGORITHMS, signature::Shown};
use crate::{
    authentication::{BASE64, Refused, admit_owner, find_credential, is_satisfied, settle, told},
    config::{Config, wrong},
};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use http::{
    HeaderValue,
    header::{AUTHORIZATION, PROXY_AUTHORIZATION, WWW_AUTHENTICATE},
};
use std::time::{Duration, SystemTime};
use subtle::ConstantTimeEq as _;
use troop_plugin_api::{Exchange, Failure, Handler, Misconfigured, Phases, Reply, Step, Verdict};
use troop_schema::Record;

/// The entity that holds the secrets.
const CREDENTIALS: &str = "hmacauth_credentials";

const UNAUTHORIZED: &str = "Unauthorized";
const NO_DATE: &str =
    "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication";
const NOT_VERIFIABLE: &str = "HMAC signature cannot be verified";
const DIFFERENT: &str = "HMAC signature does not match";

/// One configured instance.
pub(super) struct SignatureCheck {
    hide: bool,
    clock_skew: Duration,
    anonymous: Option<String>,
    checks_body: bool,
    /// Fields that a signature has to cover.
    demanded: Vec<String>,
    algorithms: Vec<String>,
    challenge: HeaderValue,
}

impl SignatureCheck {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let challenge = match config.text("realm") {
            Some(realm) => format!("hmac realm=\"{realm}\""),
            None => "hmac".to_owned(),
        };
        let skew = config.number("clock_skew").unwrap_or(300.0);
        let all = || ALGORITHMS.map(str::to_owned).to_vec();
        Ok(SignatureCheck {
            hide: config.flag("hide_credentials")?,
            clock_skew: Duration::try_from_secs_f64(skew).map_err(|_| wrong("clock_skew", "out of range"))?,
            anonymous: config.text("anonymous").map(str::to_owned),
            checks_body: config.flag("validate_request_body")?,
            demanded: config.texts_if_any("enforce_headers")?.unwrap_or_default(),
            algorithms: config.texts_if_any("algorithms")?.unwrap_or_else(all),
            challenge: HeaderValue::try_from(challenge)
                .map_err(|_| wrong("realm", "not fit for a header"))?,
        })
    }

    async fn run(&self, exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        let outcome = self.authenticate(exchange).await;
        settle(exchange, outcome, self.anonymous.as_deref()).await
    }

    async fn authenticate(&self, exchange: &mut Exchange<'_>) -> Result<(), Refused> {
        let request = exchange.request.arrived();
        if request.first("authorization").is_none() && request.first("proxy-authorization").is_none() {
            return Err(self.refused(UNAUTHORIZED));
        }
        if !self.is_recent(exchange, SystemTime::now()) {
            return Err(self.refused(NO_DATE));
        }
        let shown = self.take(exchange).filter(|shown| self.is_acceptable(shown));
        let shown = shown.ok_or_else(|| self.refused(NOT_VERIFIABLE))?;
        let credential = find_credential(exchange, CREDENTIALS, "username", &shown.username).await?;
        let credential = credential.ok_or_else(|| self.refused(NOT_VERIFIABLE))?;
        let secret = credential.text("secret").unwrap_or_default();
        if !shown.matches(secret, request, exchange.facts.version) {
            return Err(self.refused(DIFFERENT));
        }
        if self.checks_body && !is_body_meant(exchange).await? {
            return Err(self.refused(DIFFERENT));
        }
        let identifier = told(&credential, "username")?;
        if admit_owner(exchange, credential, identifier).await? {
            Ok(())
        } else {
            Err(self.refused(NOT_VERIFIABLE))
        }
    }

    fn refused(&self, message: &'static str) -> Refused {
        let reply = Reply::error(401, message);
        reply.with_header(WWW_AUTHENTICATE, self.challenge.clone()).into()
    }

    /// Kong: either of the two dates may be the recent one.
    fn is_recent(&self, exchange: &Exchange<'_>, now: SystemTime) -> bool {
        ["x-date", "date"].into_iter().any(|field| {
            let value = exchange.request.header(field).unwrap_or_default();
            let date = std::str::from_utf8(&value).ok();
            let date = date.and_then(|text| httpdate::parse_http_date(text).ok());
            date.is_some_and(|date| {
                let apart = now.duration_since(date).unwrap_or_else(|error| error.duration());
                apart <= self.clock_skew
            })
        })
    }

    /// Kong: the field meant for proxies counts if it holds a signature, else the other one.
    fn take(&self, exchange: &mut Exchange<'_>) -> Option<Shown> {
        for field in [PROXY_AUTHORIZATION, AUTHORIZATION] {
            let value = exchange.request.header(field.as_str());
            let Some(shown) = value.and_then(|value| Shown::read(&value)) else {
                continue;
            };
            if self.hide {
                exchange.request.remove_header(field);
            }
            return Some(shown);
        }
        None
    }

    fn is_acceptable(&self, shown: &Shown) -> bool {
        let covered = |demanded: &String| shown.fields.iter().any(|f| f.eq_ignore_ascii_case(demanded));
        self.algorithms.contains(&shown.algorithm) && self.demanded.iter().all(covered)
    }
}

/// Whether the body is the one that the `Digest` field describes. No description describes no body.
async fn is_body_meant(exchange: &mut Exchange<'_>) -> Result<bool, Failure> {
    let described = exchange.request.header("digest");
    let body = exchange.request.body().read().await;
    let body = body.map_err(|e| Failure::caused_by("the body cannot be compared with its digest", e))?;
    let Some(described) = described else {
        return Ok(body.is_empty());
    };
    let digest = BASE64.encode(digest(&SHA256, &body));
    Ok(described.ct_eq(format!("SHA-256={digest}").as_bytes()).into())
}

impl Handler for SignatureCheck {
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
