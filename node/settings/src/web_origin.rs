//! Where a web page comes from, as browsers name it: scheme, host and port, nothing behind.
//!
//! A stamp of the post office of departure. People write the address of the page; the stamp shows the office alone, and a browser that
//! carries a letter from there shows the same stamp.

use crate::value::{Value, items};

/// An origin, `https://manager.test:8445`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// As browsers send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("has '{text}' in it, which is no URL such as https://manager.test:8445");
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").ok_or_else(wrong)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        if !matches!(scheme, "http" | "https") || authority.is_empty() || !authority.chars().all(is_host) {
            return Err(wrong());
        }
        let default_port = if scheme == "http" { ":80" } else { ":443" };
        let authority = authority.strip_suffix(default_port).unwrap_or(authority);
        Ok(WebOrigin(format!("{scheme}://{authority}")))
    }
}

impl Value for Vec<WebOrigin> {
    const FORM: &'static str = "list of URLs";

    fn parse(text: &str) -> Result<Self, String> {
        items(text).map(WebOrigin::parse).collect()
    }

    fn show(&self) -> String {
        let origins: Vec<_> = self.iter().map(WebOrigin::as_str).collect();
        origins.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, origins: Option<&str>) {
        let parsed = <Vec<WebOrigin> as Value>::parse(text);
        assert_eq!(
            parsed.ok().map(|origins| origins.show()).as_deref(),
            origins,
            "{text}"
        );
    }

    #[test]
    fn an_origin_is_the_beginning_of_a_url() {
        check("", Some(""));
        check("http://gui.test:8002/manager?x#y", Some("http://gui.test:8002"));
        check(
            "HTTPS://GUI.test:443, http://[::1]:80",
            Some("https://gui.test, http://[::1]"),
        );
        for wrong in [
            "gui.test",
            "ftp://gui.test",
            "http://",
            "http://user@gui.test",
            "http://a b",
        ] {
            check(wrong, None);
        }
    }
}
