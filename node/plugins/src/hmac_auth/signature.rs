//! A signature as a client shows it, and what it must have been made over.
//!
//! The signed text is one line per listed field, in the client's order. A field that was not sent counts with nothing behind its
//! colon, except for two names that stand for the first line of the request.

use crate::authentication::BASE64;
use aws_lc_rs::hmac;
use base64::Engine as _;
use http::Version;
use regex::Regex;
use std::sync::LazyLock;
use troop_plugin_api::Head;

/// The parts of the field, in the order in which they have to stand.
static SHOWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"^\s*[Hh]mac\s*username="([^"]+)",\s*algorithm="([^"]+)",\s*headers="([^"]+)",\s*signature="([^"]+)""#,
    )
    .expect("invariant: the form of a signature is a regular expression")
});

/// A signature as a client shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub username: String,
    pub algorithm: String,
    /// What was signed, in order.
    pub fields: Vec<String>,
    /// Base64.
    signature: String,
}

impl Shown {
    /// Reads the value of a field.
    pub fn read(value: &[u8]) -> Option<Shown> {
        let parts = SHOWN.captures(std::str::from_utf8(value).ok()?)?;
        Some(Shown {
            username: parts[1].to_owned(),
            algorithm: parts[2].to_owned(),
            fields: parts[3].split_ascii_whitespace().map(str::to_owned).collect(),
            signature: parts[4].to_owned(),
        })
    }

    /// Whether it was made with this secret over this request. Takes the same time wherever it differs.
    pub fn matches(&self, secret: &str, request: &dyn Head, version: Version) -> bool {
        let Some(algorithm) = algorithm(&self.algorithm) else {
            return false;
        };
        let Ok(signature) = BASE64.decode(&self.signature) else {
            return false;
        };
        let key = hmac::Key::new(algorithm, secret.as_bytes());
        hmac::verify(&key, &self.signed(request, version), &signature).is_ok()
    }

    fn signed(&self, request: &dyn Head, version: Version) -> Vec<u8> {
        let lines: Vec<Vec<u8>> = self
            .fields
            .iter()
            .map(|field| match request.first(&field.to_ascii_lowercase()) {
                Some(value) => [field.as_bytes(), b": ", value].concat(),
                None => line_without_field(field, request, version).into_bytes(),
            })
            .collect();
        lines.join(&b'\n')
    }
}

fn line_without_field(name: &str, request: &dyn Head, version: Version) -> String {
    let target = request.target();
    match name {
        "@request-target" => format!("{name}: {} {target}", request.method().to_ascii_lowercase()),
        "request-line" => format!("{} {target} {version:?}", request.method()),
        _ => format!("{name}:"),
    }
}

fn algorithm(name: &str) -> Option<hmac::Algorithm> {
    Some(match name {
        "hmac-sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "hmac-sha256" => hmac::HMAC_SHA256,
        "hmac-sha384" => hmac::HMAC_SHA384,
        "hmac-sha512" => hmac::HMAC_SHA512,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Stage;

    fn shown(fields: &str) -> Shown {
        let value =
            format!(r#"hmac username="u", algorithm="hmac-sha256", headers="{fields}", signature="c2ln""#);
        Shown::read(value.as_bytes()).expect("a signature")
    }

    #[test]
    fn the_signed_text_has_one_line_for_each_listed_field() {
        let request = Stage {
            target: "/x?q=1",
            headers: vec![("date", "today"), ("host", "a.test")],
            ..Stage::default()
        };
        for (fields, signed) in [
            ("date", "date: today"),
            ("Date host", "Date: today\nhost: a.test"),
            ("date request-line", "date: today\nGET /x?q=1 HTTP/1.1"),
            ("@request-target", "@request-target: get /x?q=1"),
            ("x-none date", "x-none:\ndate: today"),
        ] {
            let text = shown(fields).signed(&request, Version::HTTP_11);
            assert_eq!(String::from_utf8_lossy(&text), signed);
        }
    }

    #[test]
    fn only_the_full_form_is_a_signature() {
        for (value, read) in [
            (
                r#"hmac username="u", algorithm="a", headers="h", signature="s""#,
                true,
            ),
            (
                r#"Hmac username="u",algorithm="a",headers="h",signature="s""#,
                true,
            ),
            (
                r#"HMAC username="u", algorithm="a", headers="h", signature="s""#,
                false,
            ),
            (
                r#"hmac algorithm="a", username="u", headers="h", signature="s""#,
                false,
            ),
            (r#"hmac username="u", algorithm="a", signature="s""#, false),
            ("hmac garbage", false),
            ("", false),
        ] {
            assert_eq!(Shown::read(value.as_bytes()).is_some(), read, "{value}");
        }
    }
}
