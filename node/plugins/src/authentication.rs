//! What every authentication plugin does once it knows, or gave up knowing, who the client is.
//!
//! The peer must be able to believe the identity headers, so each of them is either set or removed: whatever the client sent under
//! these names is gone.

use http::{HeaderName, HeaderValue};
use std::sync::Arc;
use troop_plugin_api::{Consumer, Exchange, Failure, Identity, LookupError};
use uuid::Uuid;

const CONSUMER_ID: HeaderName = HeaderName::from_static("x-consumer-id");
const CONSUMER_CUSTOM_ID: HeaderName = HeaderName::from_static("x-consumer-custom-id");
const CONSUMER_USERNAME: HeaderName = HeaderName::from_static("x-consumer-username");
const CREDENTIAL_IDENTIFIER: HeaderName = HeaderName::from_static("x-credential-identifier");
const ANONYMOUS_CONSUMER: HeaderName = HeaderName::from_static("x-anonymous-consumer");

/// Tells the exchange and the peer who the client is. `identifier` is how the credential is called in public; none for an anonymous
/// consumer.
pub(crate) fn admit(exchange: &mut Exchange<'_>, identity: Identity, identifier: Option<HeaderValue>) {
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
pub(crate) async fn admit_anonymous(exchange: &mut Exchange<'_>, name: &str) -> Result<(), Failure> {
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
