//! How a line about a request looks.
//!
//! Some holes are refused although they could be filled: passwords and keys that clients send do not belong into a file.

use super::{AccessLine, form::Form, form::FormatError, json, pattern::Hole};
use std::{fmt, str::FromStr};

/// nginx's line and Kong's request id, then where the time went and which peer it was.
const STANDARD: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \
     \"$http_user_agent\" kong_request_id: \"$kong_request_id\" request_ms=$request_ms upstream_ms=$upstream_ms proxy_ms=$proxy_ms \
     peer=$upstream_addr";

/// nginx's and Apache's.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \
     \"$http_user_agent\"";

/// How a line looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFormat {
    /// As it was written.
    text: String,
    form: Form<Hole>,
}

impl Default for LineFormat {
    fn default() -> Self {
        "standard"
            .parse()
            .expect("invariant: the tests parse every format that has a name")
    }
}

impl FromStr for LineFormat {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let patterns = [("standard", STANDARD), ("combined", COMBINED)];
        Ok(LineFormat {
            form: Form::read(text, &patterns, Hole::named)?,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for LineFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl LineFormat {
    /// Appends the line with its line break.
    pub fn write(&self, line: &AccessLine<'_>, out: &mut Vec<u8>) {
        self.form.write(
            out,
            |out| json::write(line, out),
            |hole, out| hole.fill(line, out),
        );
    }

    /// Whether it tells names of routes and services.
    pub fn tells_entities(&self) -> bool {
        self.form
            .tells(|hole| matches!(hole, Hole::Route | Hole::Service))
    }
}
