//! What every authentication plugin does once it knows, or gave up knowing, who the client is.
//!
//! The peer must be able to believe the identity headers, so each of them is either set or removed: whatever the client sent under
//! these names is gone.

use base64::{
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode::Indifferent, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderName, HeaderValue};
use std::sync::Arc;
use troop_plugin_api::{Consumer, Credential, Exchange, Failure, Identity, LookupError, Reply, Verdict};
use uuid::Uuid;

/// Clients pad or do not; both are read.
const READING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(Indifferent)
    .with_decode_allow_trailing_bits(true);

/// Base64 as clients write it.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, READING);

/// Base64 as tokens write it.
pub(crate) const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, READING);

/// Why there is no identity.
pub(crate) enum Refused {
    /// The client did not prove who it is; this is said to it, unless unknown clients may pass.
    Client(Box<Reply>),
    /// We could not find out.
    Us(Failure),
}

impl From<Reply> for Refused {
    fn from(reply: Reply) -> Self {
        Refused::Client(Box::new(reply))
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Refused::Us(failure)
    }
}

/// What comes of an attempt to find out who the client is.
pub(crate) async fn settle(
    exchange: &mut Exchange<'_>,
    outcome: Result<(), Refused>,
    anonymous: Option<&str>,
) -> Result<Verdict, Failure> {
    match (outcome, anonymous) {
        (Ok(()), _) => Ok(Verdict::Continue),
        (Err(Refused::Us(failure)), _) => Err(failure),
        (Err(Refused::Client(reply)), None) => Ok(Verdict::Respond(reply)),
        (Err(Refused::Client(_)), Some(name)) => {
            admit_anonymous(exchange, name).await?;
            Ok(Verdict::Continue)
        }
    }
}

/// The credential of that schema whose `field` has this value.
pub(crate) async fn find_credential(
    exchange: &Exchange<'_>,
    schema: &'static str,
    field: &'static str,
    value: &str,
) -> Result<Option<Arc<Credential>>, Failure> {
    let found = exchange.lookup().credential(schema, field, value).await;
    found.map_err(|e| Failure::caused_by("a credential could not be looked up", e))
}

/// Admits the owner of a credential; `false` if it has none.
pub(crate) async fn admit_owner(
    exchange: &mut Exchange<'_>,
    credential: Arc<Credential>,
    identifier: HeaderValue,
) -> Result<bool, Failure> {
    let owner = exchange.lookup().consumer(credential.consumer).await;
    let owner = owner.map_err(|e| Failure::caused_by("a credential's owner could not be looked up", e))?;
    let Some(consumer) = owner else { return Ok(false) };
    let identity = Identity {
        consumer,
        credential: Some(credential),
    };
    admit(exchange, identity, Some(identifier));
    Ok(true)
}

/// The credential's field as the peer is told it.
pub(crate) fn told(credential: &Credential, field: &str) -> Result<HeaderValue, Failure> {
    let text = credential.text(field).unwrap_or_default();
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|e| Failure::caused_by("a credential's name is not fit for a header", e))
}

const CONSUMER_ID: HeaderName = HeaderName::from_static("x-consumer-id");
const CONSUMER_CUSTOM_ID: HeaderName = HeaderName::from_static("x-consumer-custom-id");
const CONSUMER_USERNAME: HeaderName = HeaderName::from_static("x-consumer-username");
const CREDENTIAL_IDENTIFIER: HeaderName = HeaderName::from_static("x-credential-identifier");
const ANONYMOUS_CONSUMER: HeaderName = HeaderName::from_static("x-anonymous-consumer");

/// Tells the exchange and the peer who the client is. `identifier` is how the credential is called in public; none for an anonymous
/// consumer.
fn admit(exchange: &mut Exchange<'_>, identity: Identity, identifier: Option<HeaderValue>) {
    let consumer = Arc::clone(&identity.consumer);
    let anonymous = identity
        .credential
        .is_none()
        .then(|| HeaderValue::from_static("true"));
    for (name, value) in [
        (CONSUMER_ID, Some(consumer.id_text.clone())),
        (CONSUMER_CUSTOM_ID, consumer.custom_id.clone()),
        (CONSUMER_USERNAME, consumer.username.clone()),
        (CREDENTIAL_IDENTIFIER, identifier),
        (ANONYMOUS_CONSUMER, anonymous),
    ] {
        match value {
            Some(value) => exchange.request.set_header(name, value),
            None => exchange.request.remove_header(name),
        }
    }
    exchange.authenticate(identity);
}

/// Whether this plugin has nothing to do because another one already knows the client.
///
/// Kong: with `anonymous` set, several authentication plugins are alternatives; without, all of them must succeed.
pub(crate) fn is_satisfied(exchange: &Exchange<'_>, anonymous: Option<&str>) -> bool {
    anonymous.is_some() && exchange.identity().is_some_and(|i| i.credential.is_some())
}

/// Lets the client pass as the consumer kept for unknown ones.
///
/// # Errors
/// Kong: a consumer that does not exist is a 500, not a refusal.
async fn admit_anonymous(exchange: &mut Exchange<'_>, name: &str) -> Result<(), Failure> {
    let found = find_consumer(exchange, name)
        .await
        .map_err(|e| Failure::caused_by("no anonymous consumer", e))?;
    let consumer =
        found.ok_or_else(|| Failure::new(format!("anonymous consumer '{name}' does not exist")))?;
    let identity = Identity {
        consumer,
        credential: None,
    };
    admit(exchange, identity, None);
    Ok(())
}

/// By id if it looks like one, else or then by user name.
async fn find_consumer(exchange: &Exchange<'_>, name: &str) -> Result<Option<Arc<Consumer>>, LookupError> {
    if let Ok(id) = Uuid::parse_str(name)
        && let Some(found) = exchange.lookup().consumer(id).await?
    {
        return Ok(Some(found));
    }
    exchange.lookup().consumer_by_username(name).await
}
