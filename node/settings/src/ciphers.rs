//! Suites by name, for who wants to choose them one by one.
//!
//! A wine list. OpenSSL's guests order by region and say what they do not want (`HIGH:!aNULL`); here every bottle is named, because a list that
//! is read by rules means something else after the next update. Only what is safe is in the cellar: every suite here has forward secrecy and
//! authenticated encryption.
//!
//! The catch: in nginx, and so in Kong, the list is about TLS 1.2 only, and the suites of TLS 1.3 are offered whatever it says. A list without any of
//! those therefore leaves all of them.

use crate::value::Value;

/// A suite.
#[derive(Debug, PartialEq, Eq)]
struct Cipher {
    /// Its number in IANA's registry.
    code: u16,
    /// OpenSSL's name.
    openssl: &'static str,
    /// IANA's name.
    iana: &'static str,
    tls_13: bool,
}

const fn cipher(code: u16, openssl: &'static str, iana: &'static str, tls_13: bool) -> Cipher {
    Cipher {
        code,
        openssl,
        iana,
        tls_13,
    }
}

/// Everything that is spoken.
static SPOKEN: [Cipher; 9] = [
    cipher(0x1302, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", true),
    cipher(0x1301, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", true),
    cipher(
        0x1303,
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
        true,
    ),
    cipher(
        0xc02c,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        false,
    ),
    cipher(
        0xc02b,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        false,
    ),
    cipher(
        0xcca9,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        false,
    ),
    cipher(
        0xc030,
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        false,
    ),
    cipher(
        0xc02f,
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        false,
    ),
    cipher(
        0xcca8,
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        false,
    ),
];

/// Suites in the order in which they are preferred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ciphers(Vec<&'static Cipher>);

impl Ciphers {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of TLS 1.2 is named.
    pub fn has_tls_12(&self) -> bool {
        self.0.iter().any(|cipher| !cipher.tls_13)
    }

    /// Their numbers in IANA's registry. Without any of TLS 1.3, all of those are in front.
    pub fn codes(&self) -> Vec<u16> {
        let named_13 = self.0.iter().any(|cipher| cipher.tls_13);
        let all_13 = SPOKEN.iter().filter(|cipher| cipher.tls_13 && !named_13);
        all_13
            .chain(self.0.iter().copied())
            .map(|cipher| cipher.code)
            .collect()
    }
}

impl Value for Ciphers {
    const FORM: &'static str = "list of suites, by the names of OpenSSL or of IANA, separated by colons";

    fn parse(text: &str) -> Result<Self, String> {
        let mut ciphers: Vec<&'static Cipher> = Vec::new();
        let names = text.split([':', ',', ' ']).filter(|name| !name.is_empty());
        for name in names {
            let named = |cipher: &&Cipher| cipher.openssl == name || cipher.iana == name;
            let cipher = SPOKEN.iter().find(named).ok_or_else(|| unknown(name))?;
            if ciphers.contains(&cipher) {
                return Err(format!("names {name} twice"));
            }
            ciphers.push(cipher);
        }
        Ok(Ciphers(ciphers))
    }

    fn show(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|cipher| cipher.openssl).collect();
        names.join(":")
    }
}

/// Why a name is not taken, and which are.
fn unknown(name: &str) -> String {
    let spoken: Vec<&str> = SPOKEN.iter().map(|cipher| cipher.openssl).collect();
    let why = if name.contains(['!', '+', '@', '=']) || !name.contains(['-', '_']) {
        "which is no single suite: rules that select suites are not read"
    } else {
        "which is not spoken: only suites with forward secrecy and authenticated encryption are"
    };
    format!("has '{name}' in it, {why}; there are {}", spoken.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::tests::check;

    #[test]
    fn suites_are_named_one_by_one_in_either_language() {
        check::<Ciphers>("", Ok(""));
        check::<Ciphers>(
            "ECDHE-RSA-AES256-GCM-SHA384:TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            Ok("ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"),
        );
        check::<Ciphers>("TLS_AES_128_GCM_SHA256", Ok("TLS_AES_128_GCM_SHA256"));
        check::<Ciphers>("TLS_AES_128_GCM_SHA256 TLS_AES_128_GCM_SHA256", Err("twice"));
    }

    #[test]
    fn what_is_not_safe_or_no_name_is_refused_with_what_there_is() {
        for unsafe_suite in [
            "AES128-SHA",
            "ECDHE-RSA-AES128-SHA256",
            "DHE-RSA-AES256-GCM-SHA384",
            "DES-CBC3-SHA",
        ] {
            check::<Ciphers>(unsafe_suite, Err("not spoken"));
            check::<Ciphers>(unsafe_suite, Err("there are TLS_AES_256_GCM_SHA384, "));
        }
        for rule in [
            "HIGH",
            "!aNULL",
            "EECDH+AESGCM",
            "@STRENGTH",
            "ECDHE-RSA-AES256-GCM-SHA384:!MD5",
        ] {
            check::<Ciphers>(rule, Err("no single suite"));
        }
    }

    #[test]
    fn a_list_for_tls_12_leaves_tls_13_as_it_is() {
        let codes = |text: &str| Ciphers::parse(text).map(|ciphers| ciphers.codes());
        assert_eq!(
            codes("ECDHE-RSA-AES128-GCM-SHA256"),
            Ok(vec![0x1302, 0x1301, 0x1303, 0xc02f])
        );
        assert_eq!(
            codes("TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256"),
            Ok(vec![0x1301, 0xc02f])
        );
        assert_eq!(
            Ciphers::parse("TLS_AES_128_GCM_SHA256").map(|c| c.has_tls_12()),
            Ok(false)
        );
    }
}
