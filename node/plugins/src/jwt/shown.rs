//! Where a token may stand: arguments of the query, cookies, header fields.
//!
//! The same token in two places counts once; two different ones are one too many.

use crate::{
    config::{Config, wrong},
    query,
};
use http::HeaderName;
use troop_plugin_api::{Exchange, Misconfigured};

/// The places to look at.
pub(super) struct Places {
    arguments: Vec<String>,
    cookies: Vec<String>,
    headers: Vec<HeaderName>,
}

impl Places {
    /// As configured.
    pub fn configure(config: &Config<'_>) -> Result<Self, Misconfigured> {
        let headers = config.texts_if_any("header_names")?.unwrap_or_default();
        let headers = headers.iter().map(|name| HeaderName::try_from(name.as_str()));
        Ok(Places {
            arguments: config.texts_if_any("uri_param_names")?.unwrap_or_default(),
            cookies: config.texts_if_any("cookie_names")?.unwrap_or_default(),
            headers: headers
                .collect::<Result<_, _>>()
                .map_err(|_| wrong("header_names", "not a header name"))?,
        })
    }

    /// Names of the arguments.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// All different tokens that stand there.
    pub fn find(&self, exchange: &Exchange<'_>) -> Vec<String> {
        let mut tokens = Vec::new();
        let mut note = |token: String| {
            if !token.is_empty() && !tokens.contains(&token) {
                tokens.push(token);
            }
        };
        if !self.arguments.is_empty() {
            query::arguments(exchange.request.query())
                .filter(|argument| self.arguments.contains(&argument.name))
                .filter_map(|argument| argument.value)
                .for_each(&mut note);
        }
        if !self.cookies.is_empty() {
            exchange.request.each_header("cookie", &mut |line| {
                cookies(&String::from_utf8_lossy(line))
                    .filter(|(name, _)| self.cookies.iter().any(|own| own == name))
                    .for_each(|(_, value)| note(value.to_owned()));
            });
        }
        for name in &self.headers {
            let value = exchange.request.header(name.as_str());
            if let Some(token) = value.as_deref().and_then(bearer) {
                note(token);
            }
        }
        tokens
    }
}

fn cookies(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split(';').filter_map(|pair| pair.trim().split_once('='))
}

/// Kong: the scheme's first letter may be small.
fn bearer(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let rest = text
        .strip_prefix("Bearer")
        .or_else(|| text.strip_prefix("bearer"))?;
    let token = rest.trim_start();
    (token.len() < rest.len()).then(|| token.to_owned())
}
