//! A line as an object, for collectors that would rather not parse.
//!
//! What is not known is left out. Bytes that are no UTF-8 become the replacement sign: JSON has no other way to say them.

use super::{AccessLine, target};
use crate::calendar;
use std::io::Write;

/// Appends the object, without a line break.
pub(super) fn write(line: &AccessLine<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    calendar::write_iso(line.at_ms, out);
    out.push(b'"');
    let remote = line.remote.to_string();
    let target = target::shown(line.target, line.hidden);
    for (name, value) in [
        ("request_id", Some(line.request_id.as_bytes())),
        ("remote_addr", Some(remote.as_bytes())),
        ("consumer", line.user.map(str::as_bytes)),
        ("scheme", Some(line.scheme.as_bytes())),
        ("host", Some(line.host)),
        ("method", Some(line.method.as_bytes())),
        ("target", Some(&*target)),
        ("protocol", Some(line.version.as_bytes())),
        ("referer", line.shown_header("referer")),
        ("user_agent", line.shown_header("user-agent")),
        ("route", line.route.map(str::as_bytes)),
        ("service", line.service.map(str::as_bytes)),
        ("peer", line.peer.map(str::as_bytes)),
        ("trace_id", line.trace_id.map(str::as_bytes)),
    ] {
        if let Some(value) = value {
            put(name, &String::from_utf8_lossy(value), out);
        }
    }
    for (name, value) in [
        ("status", Some(u64::from(line.status))),
        ("peer_status", line.peer_status.map(u64::from)),
        ("body_bytes", Some(line.body_bytes)),
        ("request_body_bytes", Some(line.request_body_bytes)),
        ("request_ms", Some(u64::from(line.request_ms))),
        ("upstream_ms", line.upstream_ms.map(u64::from)),
        ("proxy_ms", line.proxy_ms.map(u64::from)),
    ] {
        if let Some(value) = value {
            put(name, &value, out);
        }
    }
    out.push(b'}');
}

/// Appends a member.
pub(super) fn put(name: &str, value: &(impl serde::Serialize + ?Sized), out: &mut Vec<u8>) {
    write!(out, ",\"{name}\":").expect("invariant: writing to a Vec cannot fail");
    serde_json::to_writer(out, value).expect("invariant: texts and numbers are JSON");
}
