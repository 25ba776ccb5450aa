//! Names, tags, headers, cookies: which letters a word may have.

use crate::{
    fault::Fault,
    pki::{Certificate, PublicKey},
};
use serde_json::Value;

fn judge(value: &Value, allowed: impl Fn(u8) -> bool, err: impl FnOnce(&str) -> String) -> Result<(), Fault> {
    let text = value.as_str().unwrap_or_default();
    if text.bytes().all(allowed) {
        Ok(())
    } else {
        Err(err(text).into())
    }
}

/// Kong: letters, digits, four signs, and whatever is not ASCII.
pub(super) fn name(value: &Value) -> Result<(), Fault> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b) || !b.is_ascii();
    judge(value, allowed, |text| {
        format!(
            "invalid value '{text}': the only accepted ascii characters are alphanumerics or ., -, _, and ~"
        )
    })
}

/// Kong: the comma and the slash combine tags in queries.
pub(super) fn tag(value: &Value) -> Result<(), Fault> {
    let allowed = |b: u8| (b' '..=b'~').contains(&b) && !b",/".contains(&b) || !b.is_ascii();
    judge(value, allowed, |text| {
        format!(
            "invalid tag '{text}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
        )
    })
}

pub(super) fn header_name(value: &Value) -> Result<(), Fault> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    judge(value, allowed, |text| {
        format!("bad header name '{text}', allowed characters are A-Z, a-z, 0-9, '_', and '-'")
    })
}

pub(super) fn header_name_except_host(value: &Value) -> Result<(), Fault> {
    if value
        .as_str()
        .is_some_and(|name| name.eq_ignore_ascii_case("host"))
    {
        return Err("cannot contain 'host' header, which must be specified in the 'hosts' attribute".into());
    }
    header_name(value)
}

/// RFC 2616 section 2.2: a token.
pub(super) fn cookie_name(value: &Value) -> Result<(), Fault> {
    let allowed = |b: u8| b.is_ascii_graphic() && !b"()<>@,;:\\\"/?={}[]".contains(&b);
    judge(value, allowed, |_| {
        "contains one or more invalid characters. ASCII control characters (0-31;127), space, tab and the characters \
         ()<>@,;:\\\"/?={}[] are not allowed."
            .into()
    })
}

pub(super) fn certificate(value: &Value) -> Result<(), Fault> {
    match Certificate::from_pem(value.as_str().unwrap_or_default()) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("invalid certificate: {error}").into()),
    }
}

pub(super) fn private_key(value: &Value) -> Result<(), Fault> {
    match PublicKey::from_private_pem(value.as_str().unwrap_or_default()) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("invalid key: {error}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(judge: fn(&Value) -> Result<(), Fault>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(judge(&Value::from(*text)).is_ok(), "{text:?} is good");
        }
        for text in bad {
            assert!(judge(&Value::from(*text)).is_err(), "{text:?} is bad");
        }
    }

    #[test]
    fn names_take_url_letters_and_anything_beyond_ascii() {
        check(
            name,
            &["a~b", "a.b-c_D9", "ünï", "中"],
            &["a b", "a/b", "a,b", "a\u{1}"],
        );
    }

    #[test]
    fn tags_take_printable_text_without_comma_and_slash() {
        check(
            tag,
            &["a b", "!@#$%^&*()", "😀", "a:b;c"],
            &["a,b", "a/b", "a\nb", "a\u{1}b", "\u{7f}"],
        );
    }

    #[test]
    fn header_and_cookie_names_are_tokens() {
        check(header_name, &["X-a_b9"], &["x y", "x:", "ü"]);
        check(header_name_except_host, &["X-Host"], &["Host", "HOST", "x y"]);
        check(cookie_name, &["a!b", "sid"], &["a b", "a\"b", "a;b", "a\tb"]);
    }
}
