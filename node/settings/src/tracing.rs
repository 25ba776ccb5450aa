//! What of a request becomes a span, in Kong's words.

use crate::value::{Value, items};

/// One switch for each kind of span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Instrumentations {
    /// The exchange with the client.
    pub request: bool,
    /// Each try to reach a peer.
    pub balancer: bool,
    /// Each change through the Admin API.
    pub admin: bool,
}

/// Kong: spans that only an nginx with Lua has; the words are taken and make none here.
const WITHOUT_SPANS: [&str; 7] = [
    "db_query",
    "dns_query",
    "router",
    "http_client",
    "plugin_rewrite",
    "plugin_access",
    "plugin_header_filter",
];

impl Instrumentations {
    /// Whether there are any spans.
    pub fn any(self) -> bool {
        self.request || self.balancer || self.admin
    }
}

impl Value for Instrumentations {
    const FORM: &'static str = "`off`, `all`, or a list of `request`, `balancer` and `admin`";

    fn parse(text: &str) -> Result<Self, String> {
        let mut switches = Instrumentations::default();
        for item in items(text) {
            match item {
                // Kong: `off` excludes the others.
                "off" => return Ok(Instrumentations::default()),
                "all" => {
                    switches = Instrumentations {
                        request: true,
                        balancer: true,
                        admin: true,
                    }
                }
                "request" => switches.request = true,
                "balancer" => switches.balancer = true,
                "admin" => switches.admin = true,
                _ if WITHOUT_SPANS.contains(&item) => {}
                _ => return Err(format!("names {item}, which is no instrumentation")),
            }
        }
        Ok(switches)
    }

    fn show(&self) -> String {
        let words = [
            ("request", self.request),
            ("balancer", self.balancer),
            ("admin", self.admin),
        ];
        let on: Vec<_> = words
            .iter()
            .filter(|(_, on)| *on)
            .map(|(word, _)| *word)
            .collect();
        match on.len() {
            0 => "off".to_owned(),
            3 => "all".to_owned(),
            _ => on.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let shown = Instrumentations::parse(text).ok().map(|value| value.show());
        assert_eq!(shown.as_deref(), expected, "{text}");
    }

    #[test]
    fn words_are_kongs_and_off_excludes_the_others() {
        check("off", Some("off"));
        check("all", Some("all"));
        check("request, balancer", Some("request, balancer"));
        check("request, off", Some("off"));
        check("router, dns_query", Some("off"));
        check("requests", None);
    }
}
