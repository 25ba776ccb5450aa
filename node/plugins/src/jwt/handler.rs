//! Finding the token, finding its issuer, believing it.

use super::{key::Key, shown, token::Token};
use crate::{
    authentication::{Refused, admit_owner, find_credential, is_satisfied, settle, told},
    config::{Config, wrong},
};
use http::{HeaderValue, header::WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use troop_plugin_api::{Credential, Exchange, Failure, Handler, Misconfigured, Phases, Reply, Step, Verdict};
use troop_schema::Record;

/// The entity that holds the keys.
const CREDENTIALS: &str = "jwt_secrets";

/// One configured instance.
pub(super) struct TokenCheck {
    places: shown::Places,
    /// The claim that names the issuer's key.
    claim: String,
    secret_is_base64: bool,
    checks_expiry: bool,
    checks_start: bool,
    lifetime_max_s: Option<f64>,
    anonymous: Option<String>,
    on_preflight: bool,
    /// What is said to a client without a token, and to one with a bad one.
    challenge: HeaderValue,
    challenge_invalid: HeaderValue,
}

impl TokenCheck {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let challenge = match config.text("realm") {
            Some(realm) => format!("Bearer realm=\"{realm}\""),
            None => "Bearer".to_owned(),
        };
        let header =
            |text: String| HeaderValue::try_from(text).map_err(|_| wrong("realm", "not fit for a header"));
        let checked = config.texts_if_any("claims_to_verify")?.unwrap_or_default();
        let checks = |claim: &str| checked.iter().any(|c| c == claim);
        Ok(TokenCheck {
            places: shown::Places::configure(&config)?,
            claim: config.text("key_claim_name").unwrap_or("iss").to_owned(),
            secret_is_base64: config.flag("secret_is_base64")?,
            checks_expiry: checks("exp"),
            checks_start: checks("nbf"),
            lifetime_max_s: config.number("maximum_expiration").filter(|max| *max > 0.0),
            anonymous: config.text("anonymous").map(str::to_owned),
            on_preflight: config.flag("run_on_preflight")?,
            challenge_invalid: header(format!("{challenge} error=\"invalid_token\""))?,
            challenge: header(challenge)?,
        })
    }

    async fn run(&self, exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        let outcome = self.authenticate(exchange).await;
        settle(exchange, outcome, self.anonymous.as_deref()).await
    }

    async fn authenticate(&self, exchange: &mut Exchange<'_>) -> Result<(), Refused> {
        let text = match self.places.find(exchange).as_slice() {
            [] => {
                let reply = Reply::json(401, &json!({ "message": "Unauthorized" }));
                return Err(reply.with_header(WWW_AUTHENTICATE, self.challenge.clone()).into());
            }
            [only] => only.clone(),
            _ => return Err(self.invalid("Multiple tokens provided")),
        };
        let token = Token::read(&text).map_err(|why| self.invalid(&format!("Bad token; {why}")))?;
        let issuer = self.issuer(&token)?;
        let credential = find_credential(exchange, CREDENTIALS, "key", &issuer).await?;
        let claim = &self.claim;
        let credential =
            credential.ok_or_else(|| self.invalid(&format!("No credentials found for given '{claim}'")))?;
        self.check_signature(&token, &credential)?;
        self.check_claims(&token.claims, now_s())?;
        let identifier = told(&credential, "key")?;
        if admit_owner(exchange, credential, identifier).await? {
            return Ok(());
        }
        let message = format!("Could not find consumer for '{claim}={issuer}'");
        Err(Reply::json(401, &json!({ "message": message })).into())
    }

    fn issuer(&self, token: &Token<'_>) -> Result<String, Refused> {
        let claim = &self.claim;
        match token.issuer(claim) {
            None => Err(self.invalid(&format!("No mandatory '{claim}' in claims"))),
            Some(Value::String(text)) if text.is_empty() => {
                Err(self.invalid(&format!("Invalid '{claim}' in claims")))
            }
            Some(Value::String(text)) => Ok(text.clone()),
            // No key is called that.
            Some(_) => Err(self.invalid(&format!("No credentials found for given '{claim}'"))),
        }
    }

    fn check_signature(&self, token: &Token<'_>, credential: &Credential) -> Result<(), Refused> {
        let algorithm = credential.text("algorithm").unwrap_or("HS256");
        if token.algorithm != algorithm {
            return Err(self.invalid("Invalid algorithm"));
        }
        let shared = Key::shared(credential, algorithm, self.secret_is_base64);
        // Reading a public key from its text takes longer than checking a signature with it.
        let key = match &shared {
            Some(key) => Some(key),
            None => credential
                .derived(|credential| Key::public(credential, algorithm))
                .and_then(Option::as_ref),
        };
        let key = key.ok_or_else(|| self.invalid("Invalid key/secret"))?;
        if key.has_signed(token) {
            Ok(())
        } else {
            Err(self.invalid("Invalid signature"))
        }
    }

    fn check_claims(&self, claims: &Map<String, Value>, now_s: f64) -> Result<(), Refused> {
        let mut faults = Map::new();
        let mut check = |claim: &str, wanted: bool, fault: fn(f64, f64) -> Option<&'static str>| {
            let stated = claims.get(claim).and_then(Value::as_f64);
            let fault = match stated {
                _ if !wanted => None,
                None => Some("must be a number"),
                Some(at) => fault(at, now_s),
            };
            if let Some(fault) = fault {
                faults.insert(claim.to_owned(), fault.into());
            }
        };
        check("exp", self.checks_expiry, |exp, now| {
            (exp <= now).then_some("token expired")
        });
        check("nbf", self.checks_start, |nbf, now| {
            (nbf > now).then_some("token not valid yet")
        });
        if faults.is_empty()
            && let Some(max) = self.lifetime_max_s
            && claims
                .get("exp")
                .and_then(Value::as_f64)
                .is_none_or(|exp| exp - now_s > max)
        {
            faults.insert("exp".to_owned(), "exceeds maximum allowed expiration".into());
        }
        if faults.is_empty() {
            return Ok(());
        }
        let reply = Reply::json(401, &Value::Object(faults));
        Err(reply
            .with_header(WWW_AUTHENTICATE, self.challenge_invalid.clone())
            .into())
    }

    fn invalid(&self, message: &str) -> Refused {
        let reply = Reply::json(401, &json!({ "message": message }));
        reply
            .with_header(WWW_AUTHENTICATE, self.challenge_invalid.clone())
            .into()
    }
}

fn now_s() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs() as f64
}

impl Handler for TokenCheck {
    fn secrets(&self) -> &[String] {
        self.places.arguments()
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
