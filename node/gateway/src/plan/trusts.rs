//! Ways of shaking hands with peers, each made once for all services that ask for the same.
//!
//! A hundred services behind one authority share one way. It is made anew only when something it was made of changes: one of its
//! authorities, or the certificate it shows.
//!
//! The catch: an authority may be named that is not there (yet). Then there is nobody to believe for its part, and if there is nobody at all
//! no peer is believed.

use super::{
    certificates::Certificates,
    record::{AuthorityRecord, ServiceRecord},
};
use crate::{
    badge::{Badge, BadgeError},
    peer::trust::{Authorities, DEPTH, Proof, Trust},
};
use imbl::HashMap;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};
use uuid::Uuid;

/// What a service asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    /// How many certificates may be in between, if the peer is to prove itself.
    depth: Option<usize>,
    /// Whose word counts; of nobody in particular if empty.
    authorities: BTreeSet<Uuid>,
    /// What is shown in return.
    badge: Option<Uuid>,
}

/// The ways of a plan.
#[derive(Clone, Default)]
pub(crate) struct Trusts {
    authorities: HashMap<Uuid, CertificateDer<'static>>,
    made: HashMap<Terms, Weak<Trust>>,
}

impl Terms {
    /// Of a service. Authorities of one that does not ask for proof do not matter.
    pub fn of(record: &ServiceRecord) -> Self {
        let verify = record.tls_verify.unwrap_or(false);
        Terms {
            depth: verify.then(|| record.tls_verify_depth.unwrap_or(DEPTH)),
            authorities: record
                .ca_certificates
                .iter()
                .flatten()
                .copied()
                .filter(|_| verify)
                .collect(),
            badge: record.client_certificate.map(|reference| reference.id),
        }
    }

    /// Whether they name a certificate or an authority at all.
    pub fn name_any(&self) -> bool {
        self.badge.is_some() || !self.authorities.is_empty()
    }

    /// Whether they name one of these.
    pub fn name_one_of(&self, ids: &BTreeSet<Uuid>) -> bool {
        self.badge.is_some_and(|id| ids.contains(&id)) || !self.authorities.is_disjoint(ids)
    }
}

impl Trusts {
    /// An authority came or changed.
    pub fn put_authority(&mut self, record: &AuthorityRecord) -> Result<(), BadgeError> {
        let certificate = CertificateDer::from_pem_slice(record.cert.as_bytes());
        let certificate = certificate.map_err(|_| BadgeError::Certificate)?;
        self.authorities.insert(record.id, certificate);
        Ok(())
    }

    /// An authority went.
    pub fn remove_authority(&mut self, id: Uuid) {
        self.authorities.remove(&id);
    }

    /// Whatever was made of these is made anew when it is next asked for.
    pub fn forget(&mut self, changed: &BTreeSet<Uuid>) {
        self.made.retain(|terms, _| !terms.name_one_of(changed));
    }

    /// The way for these terms.
    pub fn get(
        &mut self,
        terms: &Terms,
        certificates: &Certificates,
        (provider, by_default): (&Arc<CryptoProvider>, Option<&Arc<Badge>>),
    ) -> Result<Arc<Trust>, rustls::Error> {
        if let Some(made) = self.made.get(terms).and_then(Weak::upgrade) {
            return Ok(made);
        }
        let badge = terms.badge.and_then(|id| certificates.badge(id)).cloned();
        let made = Arc::new(Trust::new(
            self.proof(terms),
            badge,
            by_default.cloned(),
            provider,
        )?);
        self.made.retain(|_, way| way.strong_count() > 0);
        self.made.insert(terms.clone(), Arc::downgrade(&made));
        Ok(made)
    }

    fn proof(&self, terms: &Terms) -> Proof {
        let Some(depth) = terms.depth else {
            return Proof::None;
        };
        let named = terms.authorities.iter();
        let authorities = if terms.authorities.is_empty() {
            Authorities::System
        } else {
            Authorities::Own(named.filter_map(|id| self.authorities.get(id)).cloned().collect())
        };
        Proof::Chain { authorities, depth }
    }
}
