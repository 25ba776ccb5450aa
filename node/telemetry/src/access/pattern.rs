//! The holes of a pattern, by nginx's names where nginx has the thing.

use super::{AccessLine, escape::escaped, form::FormatError, target};
use crate::calendar;
use std::io::Write;

/// Headers that carry what a client proves itself with.
const SECRET_HEADERS: [&str; 7] = [
    "authorization",
    "proxy_authorization",
    "cookie",
    "set_cookie",
    "apikey",
    "api_key",
    "x_api_key",
];

/// Something that a line can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    Address,
    User,
    TimeLocal,
    TimeIso,
    TimeUnix,
    Request,
    Method,
    Target,
    Path,
    Query,
    Protocol,
    Status,
    BodySent,
    BodyReceived,
    Host,
    Scheme,
    Port,
    RequestId,
    RequestSeconds,
    RequestMs,
    PeerSeconds,
    PeerMs,
    GatewayMs,
    Peer,
    PeerStatus,
    Route,
    Service,
    TraceId,
    Header(String),
}

/// Every name that stands for one thing.
const NAMES: [(&str, Hole); 31] = [
    ("remote_addr", Hole::Address),
    ("remote_user", Hole::User),
    ("consumer", Hole::User),
    ("time_local", Hole::TimeLocal),
    ("time_iso8601", Hole::TimeIso),
    ("msec", Hole::TimeUnix),
    ("request", Hole::Request),
    ("request_method", Hole::Method),
    ("request_uri", Hole::Target),
    ("uri", Hole::Path),
    ("args", Hole::Query),
    ("query_string", Hole::Query),
    ("server_protocol", Hole::Protocol),
    ("status", Hole::Status),
    ("body_bytes_sent", Hole::BodySent),
    ("request_body_bytes", Hole::BodyReceived),
    ("host", Hole::Host),
    ("scheme", Hole::Scheme),
    ("server_port", Hole::Port),
    ("kong_request_id", Hole::RequestId),
    ("request_id", Hole::RequestId),
    ("request_time", Hole::RequestSeconds),
    ("request_ms", Hole::RequestMs),
    ("upstream_response_time", Hole::PeerSeconds),
    ("upstream_ms", Hole::PeerMs),
    ("proxy_ms", Hole::GatewayMs),
    ("upstream_addr", Hole::Peer),
    ("upstream_status", Hole::PeerStatus),
    ("route", Hole::Route),
    ("service", Hole::Service),
    ("trace_id", Hole::TraceId),
];

impl Hole {
    /// By its name, without the dollar.
    pub fn named(name: &str) -> Result<Self, FormatError> {
        if let Some((_, hole)) = NAMES.iter().find(|(own, _)| *own == name) {
            return Ok(hole.clone());
        }
        match name.strip_prefix("http_") {
            Some(header) if SECRET_HEADERS.contains(&header) => Err(FormatError::Secret(name.to_owned())),
            Some(header) if !header.is_empty() => Ok(Hole::Header(header.replace('_', "-"))),
            _ => Err(FormatError::Unknown(name.to_owned())),
        }
    }

    /// Appends what stands there in this line.
    pub fn fill(&self, line: &AccessLine<'_>, out: &mut Vec<u8>) {
        match self {
            Hole::Address => plain(out, format_args!("{}", line.remote)),
            Hole::User => text(line.user, out),
            Hole::TimeLocal => calendar::write_moment(line.at_ms, out),
            Hole::TimeIso => calendar::write_iso(line.at_ms, out),
            Hole::TimeUnix => calendar::write_unix(line.at_ms, out),
            Hole::Request => {
                text(Some(line.method), out);
                out.push(b' ');
                target::write(line.target, line.hidden, out);
                plain(out, format_args!(" {}", line.version));
            }
            Hole::Method => text(Some(line.method), out),
            Hole::Target => target::write(line.target, line.hidden, out),
            Hole::Path => escaped(Some(target::path(line.target)), out),
            Hole::Query => target::write_query(line.target, line.hidden, out),
            Hole::Protocol => text(Some(line.version), out),
            Hole::Status => plain(out, format_args!("{}", line.status)),
            Hole::BodySent => plain(out, format_args!("{}", line.body_bytes)),
            Hole::BodyReceived => plain(out, format_args!("{}", line.request_body_bytes)),
            Hole::Host => escaped(Some(line.host).filter(|host| !host.is_empty()), out),
            Hole::Scheme => text(Some(line.scheme), out),
            Hole::Port => plain(out, format_args!("{}", line.port)),
            Hole::RequestId => text(Some(line.request_id), out),
            Hole::RequestSeconds => seconds(Some(line.request_ms), out),
            Hole::RequestMs => number(Some(line.request_ms), out),
            Hole::PeerSeconds => seconds(line.upstream_ms, out),
            Hole::PeerMs => number(line.upstream_ms, out),
            Hole::GatewayMs => number(line.proxy_ms, out),
            Hole::Peer => text(line.peer, out),
            Hole::PeerStatus => number(line.peer_status.map(u32::from), out),
            Hole::Route => text(line.route, out),
            Hole::Service => text(line.service, out),
            Hole::TraceId => text(line.trace_id, out),
            Hole::Header(name) => escaped(line.shown_header(name), out),
        }
    }
}

pub(super) fn plain(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("invariant: writing to a Vec cannot fail");
}

pub(super) fn text(value: Option<&str>, out: &mut Vec<u8>) {
    escaped(value.map(str::as_bytes), out);
}

pub(super) fn number(value: Option<u32>, out: &mut Vec<u8>) {
    match value {
        Some(value) => plain(out, format_args!("{value}")),
        None => out.push(b'-'),
    }
}

pub(super) fn seconds(ms: Option<u32>, out: &mut Vec<u8>) {
    match ms {
        Some(ms) => plain(out, format_args!("{}.{:03}", ms / 1_000, ms % 1_000)),
        None => out.push(b'-'),
    }
}
