//! A token taken apart: `header.claims.signature`, each in base64.
//!
//! Nothing in it is believed until the signature is checked; reading it only finds out whose key to check it with.

use crate::authentication::BASE64_URL;
use base64::Engine as _;
use serde_json::{Map, Value};

/// A token, taken apart and not yet believed.
#[derive(Debug)]
pub(super) struct Token<'a> {
    header: Map<String, Value>,
    pub claims: Map<String, Value>,
    /// The name of the algorithm it claims to be signed with.
    pub algorithm: String,
    /// What the signature is over.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart. Kong: the words of the complaint are Kong's.
    pub fn read(text: &'a str) -> Result<Token<'a>, &'static str> {
        let mut parts = text.splitn(3, '.');
        let header = object(parts.next())?;
        let claims = object(parts.next())?;
        let kind = header.get("typ").and_then(Value::as_str);
        if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("JWT")) {
            return Err("invalid typ");
        }
        let algorithm = header
            .get("alg")
            .and_then(Value::as_str)
            .filter(|name| is_known(name));
        let algorithm = algorithm.ok_or("invalid alg")?.to_owned();
        let signature = parts.next().and_then(|part| BASE64_URL.decode(part).ok());
        let signature = signature.ok_or("invalid signature")?;
        let signed_bytes = text.rfind('.').unwrap_or(text.len());
        Ok(Token {
            header,
            claims,
            algorithm,
            signed: &text.as_bytes()[..signed_bytes],
            signature,
        })
    }

    /// What the token says about the key it is signed with. Kong: a claim, or else a field of the header.
    pub fn issuer(&self, claim: &str) -> Option<&Value> {
        let named = self.claims.get(claim).or_else(|| self.header.get(claim));
        named.filter(|value| !value.is_null())
    }
}

fn object(part: Option<&str>) -> Result<Map<String, Value>, &'static str> {
    let bytes = part.and_then(|part| BASE64_URL.decode(part).ok());
    let object = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    object.ok_or("invalid JSON")
}

fn is_known(name: &str) -> bool {
    super::key::ALGORITHMS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str, rest: &str) -> String {
        format!(
            "{}.{}{rest}",
            BASE64_URL.encode(header),
            BASE64_URL.encode(claims)
        )
    }

    fn check(text: &str, complaint: &str) {
        assert_eq!(Token::read(text).map(|_| ()).unwrap_err(), complaint, "{text}");
    }

    #[test]
    fn what_is_no_token_is_said_to_be_none() {
        check("", "invalid JSON");
        check("x", "invalid JSON");
        check("a.b.c", "invalid JSON");
        check(&token("[]", "{}", ".x"), "invalid JSON");
        check(&token("{}", "5", ".x"), "invalid JSON");
        check(
            &token(r#"{"typ":"JWE","alg":"HS256"}"#, "{}", ".x"),
            "invalid typ",
        );
        check(&token(r#"{"alg":"none"}"#, "{}", "."), "invalid alg");
        check(&token(r#"{"alg":5}"#, "{}", "."), "invalid alg");
        check(&token(r#"{"alg":"HS256"}"#, "{}", ""), "invalid signature");
        check(&token(r#"{"alg":"HS256"}"#, "{}", ".!"), "invalid signature");
        check(&token(r#"{"alg":"HS256"}"#, "{}", ".aa.bb"), "invalid signature");
    }

    #[test]
    fn the_issuer_is_a_claim_or_stands_in_the_header() {
        let text = token(
            r#"{"typ":"jwt","alg":"HS256","kid":"k"}"#,
            r#"{"iss":"i","x":null}"#,
            ".aa",
        );
        let token = Token::read(&text).expect("a token");
        assert_eq!(token.issuer("iss"), Some(&"i".into()));
        assert_eq!(token.issuer("kid"), Some(&"k".into()));
        assert_eq!(token.issuer("x"), None);
        assert_eq!(text.as_bytes(), [token.signed, b".aa"].concat());
    }
}
