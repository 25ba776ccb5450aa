//! What clients with TLS are offered.
//!
//! Words are Kong's. Those that would offer less than TLS 1.2, or suites without forward secrecy, are known here only to say why they are
//! refused: nobody who writes them should believe that they are in force.

use crate::{
    table::Settings,
    value::{Value, items},
};

/// Versions of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocols {
    /// TLS 1.2
    pub tls_12: bool,
    /// TLS 1.3
    pub tls_13: bool,
}

const TLS_12: &str = "TLSv1.2";
const TLS_13: &str = "TLSv1.3";
const OLD: [&str; 4] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];

impl Value for Protocols {
    const FORM: &'static str = "`TLSv1.2`, `TLSv1.3`, or both";

    fn parse(text: &str) -> Result<Self, String> {
        let mut protocols = Protocols {
            tls_12: false,
            tls_13: false,
        };
        for word in items(text).flat_map(str::split_whitespace) {
            match word {
                TLS_12 => protocols.tls_12 = true,
                TLS_13 => protocols.tls_13 = true,
                _ if OLD.contains(&word) => {
                    return Err(format!("names {word}, which is not safe and not spoken"));
                }
                _ => {
                    return Err(format!(
                        "has '{word}' in it, which is neither {TLS_12} nor {TLS_13}"
                    ));
                }
            }
        }
        if protocols.tls_12 || protocols.tls_13 {
            Ok(protocols)
        } else {
            Err("names no version".to_owned())
        }
    }

    fn show(&self) -> String {
        let words = [(self.tls_12, TLS_12), (self.tls_13, TLS_13)];
        let named = words.iter().filter(|(is_named, _)| *is_named);
        named.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
    }
}

/// What clients may encrypt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CipherSuite {
    /// TLS 1.3 only.
    Modern,
    /// Everything that is safe.
    Intermediate,
    /// What `ssl_ciphers` names.
    Custom,
}

impl Value for CipherSuite {
    const FORM: &'static str = "`modern`, `intermediate` or `custom`";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "modern" => Ok(CipherSuite::Modern),
            "intermediate" => Ok(CipherSuite::Intermediate),
            "custom" => Ok(CipherSuite::Custom),
            "old" => Err("is 'old', whose suites are not safe and not spoken".to_owned()),
            "fips" => Err("is 'fips', which needs a module that is not in here".to_owned()),
            _ => Err("is neither modern nor intermediate nor custom".to_owned()),
        }
    }

    fn show(&self) -> String {
        match self {
            CipherSuite::Modern => "modern",
            CipherSuite::Intermediate => "intermediate",
            CipherSuite::Custom => "custom",
        }
        .to_owned()
    }
}

impl Settings {
    /// Whether clients may speak TLS 1.2.
    pub fn offers_tls_12(&self) -> bool {
        let has_suites = match self.ssl_cipher_suite {
            CipherSuite::Modern => false,
            CipherSuite::Intermediate => true,
            CipherSuite::Custom => self.ssl_ciphers.has_tls_12(),
        };
        self.ssl_protocols.tls_12 && has_suites
    }

    /// The suites that were chosen one by one, by their numbers; empty is all.
    pub fn chosen_ciphers(&self) -> Vec<u16> {
        match self.ssl_cipher_suite {
            CipherSuite::Custom => self.ssl_ciphers.codes(),
            CipherSuite::Modern | CipherSuite::Intermediate => Vec::new(),
        }
    }

    /// Whether our order of suites counts, not the client's. Kong: with suites of one's own only; where all are safe, the client
    /// knows best which is cheap for it.
    pub fn prefers_own_ciphers(&self) -> bool {
        self.ssl_cipher_suite == CipherSuite::Custom && self.ssl_prefer_server_ciphers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::tests::check;

    #[test]
    fn versions_are_separated_by_spaces_or_commas() {
        check::<Protocols>("TLSv1.3 TLSv1.2", Ok("TLSv1.2 TLSv1.3"));
        check::<Protocols>("TLSv1.3", Ok("TLSv1.3"));
        check::<Protocols>("TLSv1.2,TLSv1.3", Ok("TLSv1.2 TLSv1.3"));
        check::<Protocols>("", Err("no version"));
        check::<Protocols>("tls1.2", Err("neither"));
    }

    #[test]
    fn what_is_not_safe_is_refused_by_name() {
        for old in OLD {
            check::<Protocols>(&format!("{old} TLSv1.2"), Err("not safe"));
        }
        check::<CipherSuite>("old", Err("not safe"));
        check::<CipherSuite>("fips", Err("not in here"));
        check::<CipherSuite>("custom", Ok("custom"));
        check::<CipherSuite>("best", Err("neither modern"));
        check::<CipherSuite>("modern", Ok("modern"));
    }
}
