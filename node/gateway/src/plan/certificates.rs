//! Certificates by the names clients ask for.
//!
//! A cloakroom: a name is a ticket, and tickets point to hooks. A certificate that is replaced is hung on the same hook, so its
//! names need not be touched; a name that moves takes no certificate along.
//!
//! Kong: the exact name, then the name with a `*` for its first label, then with a `*` for its last, then the name `*`. The
//! first label is only replaced where two more follow: no certificate is for a whole top-level domain.
//!
//! The catch: names are compared as they are spelt. Clients spell them in lower case; a name that is not finds only `*`.

use super::{
    record::{CertificateRecord, SniRecord},
    vaults::Vaults,
};
use crate::badge::{Badge, BadgeError, side};
use imbl::HashMap;
use rustls::crypto::CryptoProvider;
use std::sync::Arc;
use troop_schema::VaultReference;
use uuid::Uuid;

/// The name of the certificate for all others.
const ANY: &str = "*";

/// The certificates of a plan.
#[derive(Clone, Default)]
pub(crate) struct Certificates {
    badges: HashMap<Uuid, Arc<Badge>>,
    /// Name to certificate.
    names: HashMap<Arc<str>, Uuid>,
    /// SNI to its name.
    snis: HashMap<Uuid, Arc<str>>,
    /// Certificates that hold vault references.
    referring: HashMap<Uuid, Arc<CertificateRecord>>,
}

impl Certificates {
    /// One came or changed. What cannot be used leaves in place what was there.
    pub fn put(
        &mut self,
        record: CertificateRecord,
        vaults: &Vaults,
        provider: &CryptoProvider,
    ) -> Result<(), BadgeError> {
        let id = record.id;
        let compiled = compile(&record, vaults, provider);
        // Also one that cannot be compiled now: a vault may come that it waits for.
        if record.texts().any(is_reference) {
            self.referring.insert(id, Arc::new(record));
        } else {
            self.referring.remove(&id);
        }
        self.badges.insert(id, Arc::new(compiled?));
        Ok(())
    }

    /// One went.
    pub fn remove(&mut self, id: Uuid) {
        self.badges.remove(&id);
        self.referring.remove(&id);
    }

    /// A name came or points to another certificate.
    pub fn put_name(&mut self, record: SniRecord) {
        self.remove_name(record.id);
        self.snis.insert(record.id, Arc::clone(&record.name));
        self.names.insert(record.name, record.certificate.id);
    }

    /// A name went.
    pub fn remove_name(&mut self, id: Uuid) {
        if let Some(name) = self.snis.remove(&id) {
            self.names.remove(&name);
        }
    }

    /// Looks up again what vault references stand for. The certificates that were looked at.
    pub fn fetch_again(&mut self, vaults: &Vaults, provider: &CryptoProvider) -> Vec<Uuid> {
        let referring = self.referring.clone();
        for (id, record) in &referring {
            match compile(record, vaults, provider) {
                Ok(badge) => _ = self.badges.insert(*id, Arc::new(badge)),
                Err(error) => {
                    tracing::error!(certificate = %id, %error, "a certificate stays what it was after a vault changed");
                }
            }
        }
        referring.keys().copied().collect()
    }

    /// The one with this id.
    pub fn badge(&self, id: Uuid) -> Option<&Arc<Badge>> {
        self.badges.get(&id)
    }

    /// The one for a name, or for no name.
    pub fn find(&self, name: Option<&str>) -> Option<&Arc<Badge>> {
        if self.names.is_empty() {
            return None;
        }
        name.and_then(|name| self.find_name(name))
            .or_else(|| self.named(ANY))
    }

    fn find_name(&self, name: &str) -> Option<&Arc<Badge>> {
        let by_suffix = || {
            let (_, rest) = name.split_once('.').filter(|(_, rest)| rest.contains('.'))?;
            self.named(&format!("*.{rest}"))
        };
        let by_prefix = || {
            let (front, _) = name.rsplit_once('.')?;
            self.named(&format!("{front}.*"))
        };
        self.named(name).or_else(by_suffix).or_else(by_prefix)
    }

    fn named(&self, name: &str) -> Option<&Arc<Badge>> {
        self.badges.get(self.names.get(name)?)
    }
}

fn is_reference(text: &str) -> bool {
    VaultReference::parse(text).is_some()
}

fn compile(
    record: &CertificateRecord,
    vaults: &Vaults,
    provider: &CryptoProvider,
) -> Result<Badge, BadgeError> {
    let fetched = |text: &str| match VaultReference::parse(text) {
        Some(_) => vaults.fetch(text).as_str().unwrap_or_default().to_owned(),
        None => text.to_owned(),
    };
    let first = side(&fetched(&record.cert), &fetched(&record.key), provider)?;
    let Some((cert, key)) = record.cert_alt.as_deref().zip(record.key_alt.as_deref()) else {
        return Ok(Badge::new(first));
    };
    let other = side(&fetched(cert), &fetched(key), provider)?;
    Ok(Badge::of([first, other]).expect("invariant: two sides are given"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        badge::tests::{pem, provider},
        plan::record::Reference,
    };
    use rcgen::PKCS_ECDSA_P256_SHA256;

    /// A plan's certificates: number one is for these names, number two for `*`.
    fn cloakroom(names: &[&str]) -> Certificates {
        let mut room = Certificates::default();
        for (number, names) in [(1, names), (2, &["*"])] {
            let id = Uuid::from_u128(number);
            let (cert, key) = pem("x", &PKCS_ECDSA_P256_SHA256);
            let record = CertificateRecord {
                id,
                cert,
                key,
                cert_alt: None,
                key_alt: None,
            };
            room.put(record, &Vaults::default(), &provider())
                .expect("a certificate");
            for name in names {
                room.put_name(SniRecord {
                    id: Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes()),
                    name: (*name).into(),
                    certificate: Reference { id },
                });
            }
        }
        room
    }

    #[track_caller]
    fn check(names: &[&str], asked: Option<&str>, own: bool) {
        let room = cloakroom(names);
        let found = room.find(asked).expect("a certificate");
        let first = room.badge(Uuid::from_u128(1)).expect("the first");
        assert_eq!(Arc::ptr_eq(found, first), own, "{names:?} {asked:?}");
    }

    #[test]
    fn a_name_finds_its_certificate_exactly_or_by_pattern() {
        check(&["a.test"], Some("a.test"), true);
        check(&["a.test"], Some("b.test"), false);
        check(&["a.test"], None, false);
        check(&["*.w.test"], Some("x.w.test"), true);
        check(&["*.w.test"], Some("y.x.w.test"), false);
        check(&["*.w.test"], Some("w.test"), false);
        check(&["*.test"], Some("w.test"), false);
        check(&["p.*"], Some("p.com"), true);
        check(&["p.*"], Some("q.p.com"), false);
        check(&["a.test"], Some("A.test"), false);
    }

    #[test]
    fn without_a_name_for_all_others_there_may_be_none() {
        assert!(Certificates::default().find(Some("a.test")).is_none());
        let mut room = cloakroom(&["a.test"]);
        room.remove_name(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"*"));
        assert!(room.find(Some("b.test")).is_none());
        assert!(room.find(Some("a.test")).is_some());
    }

    #[test]
    fn the_nearer_name_counts() {
        let mut room = cloakroom(&["x.w.test"]);
        let wider = SniRecord {
            id: Uuid::from_u128(9),
            name: "*.w.test".into(),
            certificate: Reference {
                id: Uuid::from_u128(2),
            },
        };
        room.put_name(wider);
        let first = Arc::clone(room.badge(Uuid::from_u128(1)).expect("the first"));
        let is_first = |room: &Certificates, name| Arc::ptr_eq(room.find(Some(name)).expect("one"), &first);
        assert!(is_first(&room, "x.w.test"));
        assert!(!is_first(&room, "y.w.test"));
        room.remove(Uuid::from_u128(1));
        assert!(!is_first(&room, "x.w.test"), "its names lead on to the next");
    }
}
