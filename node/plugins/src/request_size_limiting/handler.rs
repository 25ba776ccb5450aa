//! Measuring a body: by the length it announces, or while it comes in.
//!
//! Kong gathers a body without a length before it measures it. Here that is done up to what a plugin may hold in memory; beyond, the
//! body streams past and is cut off where it becomes too long.

use crate::config::{Config, wrong};
use troop_plugin_api::{BodyError, Exchange, Failure, Handler, Misconfigured, Phases, Reply, Step, Verdict};
use troop_schema::Record;

/// Bodies without a length are gathered only if fewer bytes than this are allowed.
const GATHERED_MAX_BYTES: u64 = 1024 * 1024;

/// One configured instance.
pub(super) struct SizeCheck {
    allowed_bytes: u64,
    needs_length: bool,
}

impl SizeCheck {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let unit: i64 = match config.text("size_unit") {
            Some("megabytes") => 1024 * 1024,
            Some("kilobytes") => 1024,
            Some("bytes") => 1,
            _ => return Err(wrong("size_unit", "not one of megabytes, kilobytes, bytes")),
        };
        let allowed: i64 = config.whole("allowed_payload_size")?;
        Ok(SizeCheck {
            // Below zero nothing is allowed that has a body at all, as with zero.
            allowed_bytes: u64::try_from(allowed.saturating_mul(unit)).unwrap_or(0),
            needs_length: config.flag("require_content_length")?,
        })
    }

    async fn measure(&self, exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        let body = exchange.request.body();
        body.limit(self.allowed_bytes);
        if self.allowed_bytes > GATHERED_MAX_BYTES {
            return Ok(Verdict::Continue);
        }
        match body.read().await {
            Ok(_) => Ok(Verdict::Continue),
            Err(BodyError::TooLarge { .. }) => Ok(too_large(exchange)),
            Err(error) => Err(Failure::caused_by("the body cannot be measured", error)),
        }
    }
}

/// Kong: whoever waits for permission to send is told that it is not given.
fn too_large(exchange: &Exchange<'_>) -> Verdict {
    let expects = exchange.request.header("expect");
    let waits = expects.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"));
    Reply::error(if waits { 417 } else { 413 }, "Request size limit exceeded").into()
}

fn announced_bytes(exchange: &Exchange<'_>) -> Option<u64> {
    let value = exchange.request.header("content-length")?;
    std::str::from_utf8(&value).ok()?.trim().parse().ok()
}

fn is_chunked(exchange: &Exchange<'_>) -> bool {
    let coding = exchange.request.header("transfer-encoding");
    coding.is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"))
}

impl Handler for SizeCheck {
    fn phases(&self) -> Phases {
        Phases::ACCESS
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        match announced_bytes(exchange) {
            Some(bytes) if bytes > self.allowed_bytes => Step::Done(Ok(too_large(exchange))),
            Some(_) => Step::GO_ON,
            None if self.needs_length && !is_chunked(exchange) => {
                let refusal = Reply::error(411, "A valid Content-Length header is required");
                Step::Done(Ok(refusal.into()))
            }
            None => Step::later(self.measure(exchange)),
        }
    }
}

#[cfg(test)]
mod tests;
