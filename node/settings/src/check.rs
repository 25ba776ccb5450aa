//! Rules between settings, and between a setting and what this version can do.
//!
//! Each value was fine alone. Here the house is walked through once more before the lights go on: doors
//! that would stand open, two doors in one frame, a key without a lock.

use troop_stdx::Whereabouts;

use crate::problem::{Place, SettingError};
use crate::table::{Settings, table};
use crate::{CipherSuite, Listen, StreamListen};

/// Adds what is wrong with these settings taken together.
pub(crate) fn together(
    settings: &Settings,
    places: &[Place],
    errors: &mut Vec<SettingError>,
    warnings: &mut Vec<String>,
) {
    let mut walk = Walk {
        settings,
        places,
        errors,
        warnings,
    };
    walk.admin_stays_on_loopback();
    walk.listeners_ask_for_what_there_is();
    walk.listeners_do_not_collide();
    walk.token_has_a_cluster();
    walk.tls_has_a_version();
    walk.certificates_have_keys();
    walk.the_clients_certificate_has_its_key();
    walk.suites_are_named_where_they_count();
    walk.authorities_have_a_door();
}

struct Walk<'a> {
    settings: &'a Settings,
    places: &'a [Place],
    errors: &'a mut Vec<SettingError>,
    warnings: &'a mut Vec<String>,
}

impl Walk<'_> {
    fn refuse(&mut self, name: &'static str, problem: String) {
        let index = table().iter().position(|setting| setting.name == name);
        let index = index.expect("invariant: rules name settings of the table");
        self.errors.push(SettingError::Rule {
            setting: name,
            value: (table()[index].show)(self.settings),
            place: self.places[index].clone(),
            problem,
        });
    }

    fn admin_stays_on_loopback(&mut self) {
        let settings = self.settings;
        let asks_for_proof = settings.admin_ssl_client_ca.is_some();
        let is_guarded = |listen: &Listen| listen.address.is_local() || (listen.ssl && asks_for_proof);
        let open = settings.admin_listen.iter().find(|listen| !is_guarded(listen));
        let Some(open) = open.filter(|_| !self.settings.insecure_admin) else {
            return;
        };
        let problem = format!(
            "{} is reachable from other machines and the Admin API asks for no password; listen on 127.0.0.1, \
             ask for certificates (ssl, and admin_ssl_client_ca), or set insecure_admin = on (--insecure-admin) if the network keeps strangers out",
            open.address
        );
        self.refuse("admin_listen", problem);
    }

    /// The flags are Kong's; this says which of them this version serves.
    fn listeners_ask_for_what_there_is(&mut self) {
        for (name, listens, for_clients) in self.lists() {
            if !for_clients && listens.iter().any(|listen| listen.proxy_protocol) {
                self.refuse(
                    name,
                    "the PROXY protocol is spoken on proxy_listen only; drop the flag proxy_protocol"
                        .to_owned(),
                );
            }
        }
    }

    fn listeners_do_not_collide(&mut self) {
        let mut taken: Vec<(&'static str, Whereabouts)> =
            vec![("peer_listen", self.settings.peer_listen.into())];
        for (name, listens, _) in self.lists() {
            for address in listens.into_iter().map(|listen| listen.address) {
                let rival = taken
                    .iter()
                    .find(|(other, known)| *other != name && collide(known, &address));
                if let Some((other, known)) = rival {
                    self.refuse(
                        name,
                        format!("{address} is the same socket as {known} of {other}; change one"),
                    );
                }
                taken.push((name, address));
            }
        }
        let streams = self.settings.stream_listen.clone();
        for listen in streams {
            let StreamListen::Tcp(Listen { address, .. }) = listen else {
                continue;
            };
            let rival = taken.iter().find(|(_, known)| collide(known, &address));
            if let Some((other, known)) = rival {
                let problem = format!("{address} is the same socket as {known} of {other}; change one");
                self.refuse("stream_listen", problem);
            }
        }
    }

    fn token_has_a_cluster(&mut self) {
        if self.settings.token.is_some() && self.settings.join.is_none() {
            self.refuse(
                "token",
                "a token opens the door named by join; set both or neither".to_owned(),
            );
        }
    }

    fn tls_has_a_version(&mut self) {
        if !self.settings.ssl_protocols.tls_13 && !self.settings.offers_tls_12() {
            self.refuse(
                "ssl_protocols",
                "leaves no version: the suites chosen are for TLSv1.3; add it, or set ssl_cipher_suite = intermediate"
                    .to_owned(),
            );
        }
    }

    fn certificates_have_keys(&mut self) {
        let settings = self.settings;
        for (name, certificates, keys) in [
            ("ssl_cert", &settings.ssl_cert, &settings.ssl_cert_key),
            (
                "admin_ssl_cert",
                &settings.admin_ssl_cert,
                &settings.admin_ssl_cert_key,
            ),
            (
                "status_ssl_cert",
                &settings.status_ssl_cert,
                &settings.status_ssl_cert_key,
            ),
        ] {
            let (certificates, keys) = (certificates.len(), keys.len());
            if certificates != keys {
                self.refuse(
                    name,
                    format!(
                        "names {certificates} certificates and {name}_key {keys} keys; name as many of each"
                    ),
                );
            } else if certificates > 2 {
                self.refuse(
                    name,
                    "names more than two certificates; name one per kind of key, ECDSA and RSA".to_owned(),
                );
            }
        }
    }

    fn the_clients_certificate_has_its_key(&mut self) {
        let settings = self.settings;
        let files = (&settings.client_ssl_cert, &settings.client_ssl_cert_key);
        if settings.client_ssl && !matches!(files, (Some(_), Some(_))) {
            self.refuse(
                "client_ssl",
                "shows a certificate; name its files with client_ssl_cert and client_ssl_cert_key".to_owned(),
            );
        }
    }

    fn suites_are_named_where_they_count(&mut self) {
        let settings = self.settings;
        let is_custom = settings.ssl_cipher_suite == CipherSuite::Custom;
        if is_custom && settings.ssl_ciphers.is_empty() {
            self.refuse("ssl_cipher_suite", "names no suites; ssl_ciphers does".to_owned());
        } else if !is_custom && !settings.ssl_ciphers.is_empty() {
            // Kong: the same, without a word.
            self.warnings
                .push("ssl_ciphers has no effect without ssl_cipher_suite = custom".to_owned());
        }
    }

    fn authorities_have_a_door(&mut self) {
        let has_door = self.settings.admin_listen.iter().any(|listen| listen.ssl);
        if self.settings.admin_ssl_client_ca.is_some() && !has_door {
            self.refuse(
                "admin_ssl_client_ca",
                "asks for certificates where no TLS is spoken; add the flag ssl to admin_listen".to_owned(),
            );
        }
    }

    fn lists(&self) -> [(&'static str, Vec<Listen>, bool); 3] {
        [
            ("proxy_listen", self.settings.proxy_listen.clone(), true),
            ("admin_listen", self.settings.admin_listen.clone(), false),
            ("status_listen", self.settings.status_listen.clone(), false),
        ]
    }
}

/// A wildcard address takes the port on every address of the machine.
fn collide(left: &Whereabouts, right: &Whereabouts) -> bool {
    let (Whereabouts::Ip(left), Whereabouts::Ip(right)) = (left, right) else {
        return left == right;
    };
    let same_host = left.ip() == right.ip() || left.ip().is_unspecified() || right.ip().is_unspecified();
    left.port() != 0 && left.port() == right.port() && same_host
}

#[cfg(test)]
mod tests {
    use crate::{ConfFile, Sources, load};

    #[track_caller]
    fn check(text: &str, expected: Result<(), &str>) {
        let file = Some(ConfFile {
            path: "troop.conf",
            text,
        });
        match (
            load(&Sources {
                file,
                ..Sources::default()
            }),
            expected,
        ) {
            (Ok(_), Ok(())) => {}
            (Err(rejected), Err(part)) => assert!(rejected.to_string().contains(part), "{rejected}"),
            (loaded, expected) => panic!("{text:?}: {loaded:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn the_admin_api_leaves_loopback_only_when_spelled_out() {
        check("admin_listen = [::1]:8001", Ok(()));
        check("admin_listen = 0.0.0.0:8001", Err("insecure_admin = on"));
        check("admin_listen = 0.0.0.0:8001\ninsecure_admin = on", Ok(()));
        // Secrecy is no credential.
        check("admin_listen = 0.0.0.0:8444 ssl", Err("insecure_admin = on"));
        let vouched = "admin_ssl_client_ca = ca.crt\nadmin_listen = ";
        check(&format!("{vouched}0.0.0.0:8444 ssl"), Ok(()));
        check(
            &format!("{vouched}0.0.0.0:8444 ssl, 0.0.0.0:8001"),
            Err("0.0.0.0:8001 is reachable"),
        );
        check(&format!("{vouched}127.0.0.1:8001"), Err("add the flag ssl"));
    }

    #[test]
    fn flags_without_a_server_behind_them_are_refused() {
        check("proxy_listen = 0.0.0.0:8443 ssl http2", Ok(()));
        check("admin_listen = 127.0.0.1:8444 http2 ssl", Ok(()));
        check("proxy_listen = 0.0.0.0:8000 proxy_protocol", Ok(()));
        check(
            "admin_listen = 127.0.0.1:8001 proxy_protocol",
            Err("drop the flag proxy_protocol"),
        );
    }

    #[test]
    fn two_listeners_do_not_share_a_socket() {
        check(
            "proxy_listen = 127.0.0.1:8001",
            Err("of proxy_listen; change one"),
        );
        check(
            "proxy_listen = 0.0.0.0:7443",
            Err("same socket as 0.0.0.0:7443 of peer_listen"),
        );
        check("proxy_listen = 127.0.0.2:8001", Ok(()));
        check(
            "proxy_listen = unix:/a\nadmin_listen = unix:/a",
            Err("unix:/a is the same socket as unix:/a of proxy_listen"),
        );
        check("proxy_listen = unix:/a\nadmin_listen = unix:/b", Ok(()));
        check("stream_listen = 0.0.0.0:8000", Err("of proxy_listen; change one"));
        check("stream_listen = 0.0.0.0:8000 udp, 0.0.0.0:9000", Ok(()));
        check("proxy_listen = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0", Ok(()));
    }

    #[test]
    fn a_token_needs_a_cluster_to_join() {
        check("token = x", Err("set both or neither"));
        check("token = x\njoin = 10.0.0.7:7443", Ok(()));
        check("join = 10.0.0.7:7443", Ok(()));
    }

    #[test]
    fn some_version_of_tls_is_left() {
        check("ssl_protocols = TLSv1.2", Ok(()));
        check("ssl_cipher_suite = modern", Ok(()));
        check(
            "ssl_cipher_suite = modern\nssl_protocols = TLSv1.2",
            Err("leaves no version"),
        );
    }

    #[test]
    fn a_certificate_comes_with_its_key() {
        check("ssl_cert = a.crt, b.crt\nssl_cert_key = a.key, b.key", Ok(()));
        check("ssl_cert = a.crt", Err("1 certificates and ssl_cert_key 0 keys"));
        check("ssl_cert = a, b, c\nssl_cert_key = a, b, c", Err("more than two"));
        check("admin_ssl_cert = a", Err("admin_ssl_cert_key 0 keys"));
        check("status_ssl_cert_key = a", Err("status_ssl_cert_key 1 keys"));
        check("client_ssl = on", Err("client_ssl_cert and client_ssl_cert_key"));
        check(
            "client_ssl = on\nclient_ssl_cert = a\nclient_ssl_cert_key = b",
            Ok(()),
        );
    }

    #[test]
    fn suites_of_ones_own_are_named() {
        check("ssl_cipher_suite = custom", Err("ssl_ciphers does"));
        let custom = "ssl_cipher_suite = custom\nssl_ciphers = ";
        check(&format!("{custom}ECDHE-RSA-AES128-GCM-SHA256"), Ok(()));
        check(
            &format!("{custom}TLS_AES_128_GCM_SHA256\nssl_protocols = TLSv1.2"),
            Err("leaves no version"),
        );
    }
}
