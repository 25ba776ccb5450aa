//! JSON Web Keys (RFC 7517), as far as it is asked whether one can be used.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// Curves of `EC` keys and the length of a coordinate (RFC 7518, 6.2.1; RFC 8812).
const CURVES: [(&str, usize); 4] = [("P-256", 32), ("P-384", 48), ("P-521", 66), ("secp256k1", 32)];
/// Curves of `OKP` keys and the length of the public half (RFC 8037).
const EDWARDS_CURVES: [(&str, usize); 4] = [("Ed25519", 32), ("X25519", 32), ("Ed448", 57), ("X448", 56)];

/// Whether `text` is a public or private key called `kid`.
///
/// # Errors
/// Kong's sentence.
pub(crate) fn judge(text: &str, kid: &str) -> Result<(), &'static str> {
    let key: Value = serde_json::from_str(text).map_err(|_| "could not json decode jwk string")?;
    if key.get("kid").and_then(Value::as_str) != Some(kid) {
        return Err("kid in jwk.kid must be equal to keys.kid");
    }
    if is_complete(&key) {
        Ok(())
    } else {
        Err("could not load JWK, likely not a valid key")
    }
}

fn is_complete(key: &Value) -> bool {
    let member = |name: &str| key.get(name).and_then(Value::as_str);
    let bytes = |name: &str| member(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let of_length = |name: &str, curves: &[(&str, usize)]| {
        let curve = curves.iter().find(|(curve, _)| member("crv") == Some(*curve));
        curve.is_some_and(|(_, len)| bytes(name).is_some_and(|coordinate| coordinate.len() == *len))
    };
    match member("kty") {
        Some("RSA") => ["n", "e"]
            .iter()
            .all(|name| bytes(name).is_some_and(|number| !number.is_empty())),
        Some("EC") => of_length("x", &CURVES) && of_length("y", &CURVES),
        Some("OKP") => of_length("x", &EDWARDS_CURVES),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Result<(), &str>) {
        assert_eq!(judge(text, "k"), wanted, "{text}");
    }

    #[test]
    fn a_jwk_has_the_name_and_the_numbers_of_its_kind() {
        let broken = Err("could not load JWK, likely not a valid key");
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        check(r#"{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}"#, Ok(()));
        check(
            &format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"{x}"}}"#),
            Ok(()),
        );
        let curve = |curve, y| format!(r#"{{"kty":"EC","crv":"{curve}","kid":"k","x":"{x}"{y}}}"#);
        let y = format!(r#","y":"{x}""#);
        check(&curve("P-256", y.as_str()), Ok(()));
        check(&curve("P-256", ""), broken);
        check(&curve("P-1", y.as_str()), broken);
        check(r#"{"kty":"RSA","kid":"k","n":"AQAB"}"#, broken);
        check(r#"{"kty":"RSA","kid":"k","n":"!","e":"AQAB"}"#, broken);
        check(r#"{"kty":"oct","kid":"k","k":"AQAB"}"#, broken);
        let other_name = Err("kid in jwk.kid must be equal to keys.kid");
        check(r#"{"kty":"RSA","kid":"l","n":"AQAB","e":"AQAB"}"#, other_name);
        check("5", other_name);
        check("{", Err("could not json decode jwk string"));
    }
}
