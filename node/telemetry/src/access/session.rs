//! A line about a session: a connection or a run of datagrams that was passed on as it came.
//!
//! A phone bill instead of a register of letters: who called, for how long, how much was said, and with whom.

use super::{
    form::{Form, FormatError},
    json::put,
    pattern::{number, plain, seconds, text},
};
use crate::calendar;
use std::{fmt, net::SocketAddr, str::FromStr};
use troop_stdx::Remote;

/// Kong: nginx's line for streams.
const BASIC: &str = "$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time";

/// What the line tells.
#[derive(Clone, Copy, Debug)]
pub struct SessionLine<'a> {
    /// The client; behind a trusted load balancer the one it told.
    pub remote: Remote,
    /// The port it calls from.
    pub remote_port: u16,
    /// When it began, in milliseconds since 1970.
    pub at_ms: u64,
    /// `TCP` or `UDP`.
    pub protocol: &'a str,
    /// How it ended, as a status of HTTP.
    pub status: u16,
    /// Bytes to the client.
    pub sent_bytes: u64,
    /// Bytes from the client.
    pub received_bytes: u64,
    /// From its first byte to its end, in milliseconds.
    pub session_ms: u32,
    /// The address it called; none of a unix socket.
    pub server: Option<SocketAddr>,
    /// Number of the connection since the node started.
    pub connection: u64,
    /// The name in its TLS, where somebody listened.
    pub sni: Option<&'a str>,
    /// The peer that was tried last.
    pub peer: Option<SocketAddr>,
    /// Until a peer was reached, in milliseconds; none where none was.
    pub connect_ms: Option<u32>,
    /// Name or id of the route.
    pub route: Option<&'a str>,
    /// Name or id of the service.
    pub service: Option<&'a str>,
}

/// How a line about a session looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFormat {
    /// As it was written.
    text: String,
    form: Form<Hole>,
}

impl Default for SessionFormat {
    fn default() -> Self {
        "basic"
            .parse()
            .expect("invariant: the tests parse every format that has a name")
    }
}

impl FromStr for SessionFormat {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Ok(SessionFormat {
            form: Form::read(text, &[("basic", BASIC)], Hole::named)?,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for SessionFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl SessionFormat {
    /// Appends the line with its line break.
    pub fn write(&self, line: &SessionLine<'_>, out: &mut Vec<u8>) {
        self.form
            .write(out, |out| object(line, out), |hole, out| hole.fill(line, out));
    }
}

/// Something that a line can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    Address,
    Port,
    TimeLocal,
    TimeIso,
    TimeUnix,
    Protocol,
    Status,
    Sent,
    Received,
    Seconds,
    Ms,
    ServerAddress,
    ServerPort,
    Connection,
    Name,
    Peer,
    ConnectSeconds,
    Route,
    Service,
}

/// Every name that stands for one thing. What went to the client came from the peer, and the other way round.
const NAMES: [(&str, Hole); 22] = [
    ("remote_addr", Hole::Address),
    ("remote_port", Hole::Port),
    ("time_local", Hole::TimeLocal),
    ("time_iso8601", Hole::TimeIso),
    ("msec", Hole::TimeUnix),
    ("protocol", Hole::Protocol),
    ("status", Hole::Status),
    ("bytes_sent", Hole::Sent),
    ("upstream_bytes_received", Hole::Sent),
    ("bytes_received", Hole::Received),
    ("upstream_bytes_sent", Hole::Received),
    ("session_time", Hole::Seconds),
    ("session_ms", Hole::Ms),
    ("server_addr", Hole::ServerAddress),
    ("server_port", Hole::ServerPort),
    ("connection", Hole::Connection),
    ("ssl_server_name", Hole::Name),
    ("ssl_preread_server_name", Hole::Name),
    ("upstream_addr", Hole::Peer),
    ("upstream_connect_time", Hole::ConnectSeconds),
    ("route", Hole::Route),
    ("service", Hole::Service),
];

impl Hole {
    fn named(name: &str) -> Result<Self, FormatError> {
        let found = NAMES.iter().find(|(own, _)| *own == name);
        found
            .map(|(_, hole)| *hole)
            .ok_or_else(|| FormatError::Unknown(name.to_owned()))
    }

    fn fill(self, line: &SessionLine<'_>, out: &mut Vec<u8>) {
        match self {
            Hole::Address => plain(out, format_args!("{}", line.remote)),
            Hole::Port => plain(out, format_args!("{}", line.remote_port)),
            Hole::TimeLocal => calendar::write_moment(line.at_ms, out),
            Hole::TimeIso => calendar::write_iso(line.at_ms, out),
            Hole::TimeUnix => calendar::write_unix(line.at_ms, out),
            Hole::Protocol => text(Some(line.protocol), out),
            Hole::Status => plain(out, format_args!("{}", line.status)),
            Hole::Sent => plain(out, format_args!("{}", line.sent_bytes)),
            Hole::Received => plain(out, format_args!("{}", line.received_bytes)),
            Hole::Seconds => seconds(Some(line.session_ms), out),
            Hole::Ms => number(Some(line.session_ms), out),
            Hole::ServerAddress => plain(out, format_args!("{}", Remote::from(line.server))),
            Hole::ServerPort => plain(
                out,
                format_args!("{}", line.server.map_or(0, |server| server.port())),
            ),
            Hole::Connection => plain(out, format_args!("{}", line.connection)),
            Hole::Name => text(line.sni, out),
            Hole::Peer => match line.peer {
                Some(peer) => plain(out, format_args!("{peer}")),
                None => text(None, out),
            },
            Hole::ConnectSeconds => seconds(line.connect_ms, out),
            Hole::Route => text(line.route, out),
            Hole::Service => text(line.service, out),
        }
    }
}

/// An object, without a line break. What is not known is left out.
fn object(line: &SessionLine<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    calendar::write_iso(line.at_ms, out);
    out.push(b'"');
    put("remote_addr", &line.remote.to_string(), out);
    put("remote_port", &line.remote_port, out);
    put("protocol", line.protocol, out);
    let server = line
        .server
        .map_or_else(|| Remote::Unix.to_string(), |server| server.to_string());
    put("server", &server, out);
    put("connection", &line.connection, out);
    for (name, value) in [
        ("sni", line.sni),
        ("route", line.route),
        ("service", line.service),
    ] {
        if let Some(value) = value {
            put(name, value, out);
        }
    }
    if let Some(peer) = &line.peer {
        put("peer", peer, out);
    }
    put("status", &line.status, out);
    put("bytes_sent", &line.sent_bytes, out);
    put("bytes_received", &line.received_bytes, out);
    put("session_ms", &line.session_ms, out);
    if let Some(connect_ms) = &line.connect_ms {
        put("connect_ms", connect_ms, out);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> SessionLine<'static> {
        SessionLine {
            remote: Remote::Ip([10, 1, 2, 3].into()),
            remote_port: 40_000,
            at_ms: 1_763_778_600_042,
            protocol: "TCP",
            status: 200,
            sent_bytes: 128,
            received_bytes: 5,
            session_ms: 1_012,
            server: "10.0.0.1:9000".parse().ok(),
            connection: 7,
            sni: Some("db\".test"),
            peer: Some("10.9.9.9:5432".parse().unwrap()),
            connect_ms: Some(3),
            route: Some("r"),
            service: Some("s"),
        }
    }

    /// A caller nobody expected.
    fn bare() -> SessionLine<'static> {
        SessionLine {
            status: 500,
            sni: None,
            peer: None,
            connect_ms: None,
            route: None,
            service: None,
            ..line()
        }
    }

    #[track_caller]
    fn check(format: &str, line: SessionLine<'_>, expected: &str) {
        let mut out = Vec::new();
        format.parse::<SessionFormat>().unwrap().write(&line, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn the_usual_line_is_nginxs_for_streams() {
        let usual = "10.1.2.3 [22/Nov/2025:02:30:00 +0000] TCP 200 128 5 1.012";
        check("basic", line(), usual);
        check(&SessionFormat::default().to_string(), line(), usual);
    }

    #[test]
    fn a_pattern_of_ones_own_is_filled_hole_by_hole_and_a_name_cannot_forge_a_line() {
        check(
            "$remote_addr:$remote_port $server_addr:$server_port \"$ssl_server_name\" $upstream_addr \
             $upstream_bytes_sent/$upstream_bytes_received $upstream_connect_time $route $service $msec",
            line(),
            "10.1.2.3:40000 10.0.0.1:9000 \"db\\x22.test\" 10.9.9.9:5432 5/128 0.003 r s 1763778600.042",
        );
        check("$status ${upstream_addr} $route $connection", bare(), "500 - - 7");
    }

    #[test]
    fn an_object_leaves_out_what_is_not_known() {
        check(
            "json",
            bare(),
            "{\"time\":\"2025-11-22T02:30:00.042+00:00\",\"remote_addr\":\"10.1.2.3\",\"remote_port\":40000,\
             \"protocol\":\"TCP\",\"server\":\"10.0.0.1:9000\",\"connection\":7,\"status\":500,\"bytes_sent\":128,\
             \"bytes_received\":5,\"session_ms\":1012}",
        );
        let mut out = Vec::new();
        SessionFormat::from_str("json").unwrap().write(&line(), &mut out);
        let object: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(object["sni"], "db\".test");
        assert_eq!(
            (&object["peer"], &object["connect_ms"]),
            (&"10.9.9.9:5432".into(), &3.into())
        );
    }

    #[test]
    fn what_only_requests_have_is_no_variable_of_a_session() {
        let refused = |text: &str| text.parse::<SessionFormat>().unwrap_err();
        assert_eq!(refused("$request"), FormatError::Unknown("request".into()));
        assert_eq!(refused("standard"), FormatError::NoPattern("basic, json".into()));
    }
}
