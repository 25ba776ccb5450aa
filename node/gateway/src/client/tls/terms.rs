//! What is spoken with whoever connects: versions, suites, tickets.
//!
//! The same for clients of the proxy and for those of the node's own APIs.
//!
//! The catch is coming back. A ticket holds the secrets of a session, sealed with a key of ours; whoever has that key later can read what was
//! recorded earlier (before TLS 1.3). So the keys change, and nothing else remembers sessions: without a ticket, a client shakes hands in full.

use super::CertificateError;
use crate::options::TlsOptions;
use rustls::{
    ConfigBuilder, ServerConfig, SupportedProtocolVersion, WantsVerifier,
    crypto::{CryptoProvider, GetRandomFailed, aws_lc_rs},
    server::{NoServerSessionStorage, ProducesTickets},
    ticketer::TicketRotator,
    version::{TLS12, TLS13},
};
use std::{sync::Arc, time::Duration};

/// How long tickets are good for at most: their keys change after half of it.
const TICKETS_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// What is spoken, ready to be put into configurations.
pub(super) struct Terms {
    pub provider: Arc<CryptoProvider>,
    versions: Vec<&'static SupportedProtocolVersion>,
    own_order: bool,
    tickets: Option<Arc<dyn ProducesTickets>>,
}

impl Terms {
    /// As the options say.
    pub fn new(options: &TlsOptions) -> Result<Self, CertificateError> {
        let newer = options.tls_13.then_some(&TLS13);
        let older = options.tls_12.then_some(&TLS12);
        Ok(Terms {
            provider: Arc::new(provider(&options.suites)),
            versions: newer.into_iter().chain(older).collect(),
            own_order: options.own_order,
            tickets: tickets(options)?,
        })
    }

    /// Where a configuration begins.
    pub fn begin(&self) -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, CertificateError> {
        let config = ServerConfig::builder_with_provider(Arc::clone(&self.provider));
        Ok(config.with_protocol_versions(&self.versions)?)
    }

    /// And where it ends.
    pub fn finish(&self, config: &mut ServerConfig) {
        config.ignore_client_order = self.own_order;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        match &self.tickets {
            Some(tickets) => config.ticketer = Arc::clone(tickets),
            None => config.send_tls13_tickets = 0,
        }
    }
}

/// With these suites in this order, by their numbers; with all of them if none is named.
fn provider(suites: &[u16]) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if !suites.is_empty() {
        let spoken = std::mem::take(&mut provider.cipher_suites);
        let named = |code: &u16| spoken.iter().find(|suite| u16::from(suite.suite()) == *code);
        provider.cipher_suites = suites.iter().filter_map(named).copied().collect();
    }
    provider
}

fn tickets(options: &TlsOptions) -> Result<Option<Arc<dyn ProducesTickets>>, CertificateError> {
    if !options.tickets || options.session_timeout.is_zero() {
        return Ok(None);
    }
    if options.session_timeout >= TICKETS_LIFETIME {
        return Ok(Some(aws_lc_rs::Ticketer::new()?));
    }
    let half = options.session_timeout.as_secs().div_ceil(2).max(1);
    let half = u32::try_from(half).unwrap_or(u32::MAX);
    Ok(Some(Arc::new(TicketRotator::new(half, fresh_keys)?)))
}

fn fresh_keys() -> Result<Box<dyn ProducesTickets>, GetRandomFailed> {
    let keys = aws_lc_rs::Ticketer::new().map_err(|_| GetRandomFailed)?;
    Ok(Box::new(Keys(keys)))
}

/// Keys that are changed by somebody else long before they would change by themselves.
#[derive(Debug)]
struct Keys(Arc<dyn ProducesTickets>);

impl ProducesTickets for Keys {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.encrypt(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(cipher)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_offered_in_the_order_of_their_names() {
        let codes = |named: &[u16]| -> Vec<u16> {
            let suites = provider(named).cipher_suites;
            suites.iter().map(|suite| suite.suite().into()).collect()
        };
        assert_eq!(codes(&[0xc02f, 0x1301]), [0xc02f, 0x1301]);
        assert_eq!(codes(&[]).len(), 9);
    }

    #[test]
    fn tickets_are_good_for_as_long_as_a_session_may_be_resumed() {
        let lifetime = |options: TlsOptions| {
            let made = tickets(&options).expect("keys");
            made.map(|tickets| tickets.lifetime())
        };
        let timeout = |secs| TlsOptions {
            session_timeout: Duration::from_secs(secs),
            ..TlsOptions::default()
        };
        assert!(lifetime(timeout(300)).is_some_and(|secs| (150..=300).contains(&secs)));
        assert!(lifetime(TlsOptions::default()).is_some_and(|secs| secs <= 12 * 60 * 60));
        assert_eq!(lifetime(timeout(0)), None);
        let off = TlsOptions {
            tickets: false,
            ..TlsOptions::default()
        };
        assert_eq!(lifetime(off), None);
    }
}
