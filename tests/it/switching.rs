//! Connections that are passed on as they come, and what is told of them: by plugins, by metrics and by the access log.

use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{Arc, Mutex},
    thread,
};
use troop_tests::{
    node::Node,
    patience::{PATIENCE, eventually, lines},
    ports,
    wire::{self, Request},
};

/// Everything that arrived somewhere, as one text.
type Arrived = Arc<Mutex<String>>;

/// Answers every piece with `answer`, and keeps what came.
fn listener(answer: &'static [u8]) -> (SocketAddr, Arrived) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let arrived = Arrived::default();
    let kept = Arc::clone(&arrived);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut piece) {
                    let text = String::from_utf8_lossy(&piece[..count]).into_owned();
                    kept.lock().expect("a text").push_str(&text);
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, arrived)
}

fn mailbox() -> (SocketAddr, Arrived) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address");
    let arrived = Arrived::default();
    let kept = Arc::clone(&arrived);
    thread::spawn(move || {
        let mut piece = [0; 65_535];
        while let Ok(count) = socket.recv(&mut piece) {
            let text = String::from_utf8_lossy(&piece[..count]).into_owned();
            kept.lock().expect("a text").push_str(&text);
        }
    });
    (address, arrived)
}

/// What comes back for these words; empty when the gateway hangs up.
fn said(address: SocketAddr, words: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // Whoever is hung up on may not get to say anything.
    let _ = stream.write_all(words);
    let mut heard = [0; 64];
    let count = stream.read(&mut heard).unwrap_or(0);
    String::from_utf8_lossy(&heard[..count]).into_owned()
}

/// The first record in a text, once there is one: what stands from the first brace to the end of its object.
fn record(what: &str, text: impl Fn() -> String) -> Value {
    eventually(PATIENCE, what, || {
        let text = text();
        let start = text.find('{').ok_or_else(|| text.clone())?;
        let mut objects = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match objects.next() {
            Some(Ok(record)) => Ok(record),
            _ => Err(text.clone()),
        }
    })
}

#[test]
fn every_plugin_that_takes_part_in_a_session_hears_of_it_and_the_access_log_too() {
    let at = ports::free();
    let listen = at.to_string();
    let node = Node::alone(&[
        ("stream_listen", &listen),
        ("proxy_stream_access_log", "streams.log"),
        (
            "proxy_stream_access_log_format",
            "$protocol $status $bytes_sent $bytes_received $route $upstream_addr",
        ),
        // One writes in the order in which they end.
        ("workers", "1"),
    ]);
    let (peer, _) = listener(b"pong");
    let (tcp, by_tcp) = listener(b"");
    let (http, by_http) = listener(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let (udp, by_udp) = mailbox();
    let file = node.data_dir().join("sessions.json");
    let admin = node.admin();
    let service = json!({"name": "s", "protocol": "tcp", "host": "127.0.0.1", "port": peer.port()});
    admin.post("/services", &service).expecting(201);
    let route = json!({"name": "r", "protocols": ["tcp"], "destinations": [{"port": at.port()}]});
    admin.post("/services/s/routes", &route).expecting(201);
    let plug = |name: &str, config: Value| {
        let plugin = json!({"name": name, "protocols": ["tcp"], "config": config});
        let made = admin.post("/routes/r/plugins?wait=all", &plugin).expecting(201);
        made.json()["id"].as_str().expect("an id").to_owned()
    };
    plug("file-log", json!({"path": file}));
    plug("tcp-log", json!({"host": "127.0.0.1", "port": tcp.port()}));
    plug("udp-log", json!({"host": "127.0.0.1", "port": udp.port()}));
    plug(
        "http-log",
        json!({"http_endpoint": format!("http://{http}/logs")}),
    );
    let switches = ["status_code_metrics", "latency_metrics", "bandwidth_metrics"];
    plug("prometheus", switches.iter().map(|name| (*name, true)).collect());
    let door = plug("ip-restriction", json!({"allow": ["127.0.0.1"]}));

    assert_eq!(said(at, b"ping!"), "pong");
    for (what, record) in [
        (
            "file-log",
            record("a line", || fs::read_to_string(&file).unwrap_or_default()),
        ),
        (
            "tcp-log",
            record("a line by TCP", || by_tcp.lock().expect("a text").clone()),
        ),
        (
            "udp-log",
            record("a datagram", || by_udp.lock().expect("a text").clone()),
        ),
        (
            "http-log",
            record("a request", || by_http.lock().expect("a text").clone()),
        ),
    ] {
        let session = &record["session"];
        assert_eq!(session["received"], 5, "{what}: {record}");
        assert_eq!(
            (&session["sent"], &session["status"]),
            (&json!(4), &json!(200)),
            "{what}"
        );
        assert_eq!(record["tries"][0]["port"], peer.port(), "{what}");
        assert_eq!(
            (&record["route"]["name"], &record["service"]["name"]),
            (&json!("r"), &json!("s")),
            "{what}"
        );
    }

    let shut = json!({"config": {"allow": null, "deny": ["127.0.0.0/8"]}});
    admin
        .patch(&format!("/plugins/{door}?wait=all"), &shut)
        .expecting(200);
    assert_eq!(said(at, b"ping!"), "", "whoever is not let in is hung up on");
    let log = node.data_dir().join("streams.log");
    assert_eq!(
        lines(&log, 2),
        [format!("TCP 200 4 5 r {peer}"), "TCP 403 0 0 r -".to_owned()]
    );
    let labels = "service=\"s\",route=\"r\"";
    eventually(PATIENCE, "both are counted", || {
        let answer = wire::ask(node.addresses().status, &Request::get("/metrics")).expect("an answer");
        let text = answer.text();
        let wanted = [
            format!(
                "kong_stream_sessions_total{{{labels},code=\"200\",source=\"service\",workspace=\"default\"}} 1"
            ),
            format!(
                "kong_stream_sessions_total{{{labels},code=\"403\",source=\"kong\",workspace=\"default\"}} 1"
            ),
            format!("kong_bandwidth_bytes{{{labels},direction=\"ingress\",workspace=\"default\"}} 5"),
            format!("kong_session_duration_ms_count{{{labels},workspace=\"default\"}} 2"),
        ];
        match wanted.iter().find(|line| !text.contains(*line)) {
            None => Ok(()),
            Some(line) => Err(format!("{line} in {text}")),
        }
    });
}

#[test]
fn a_plugin_for_requests_only_hears_of_no_session_and_both_logs_may_be_one_file() {
    let at = ports::free();
    let listen = at.to_string();
    let node = Node::alone(&[
        ("stream_listen", &listen),
        ("proxy_stream_access_log", "access.log basic"),
        ("workers", "1"),
    ]);
    let (peer, _) = listener(b"pong");
    let admin = node.admin();
    let file = node.data_dir().join("requests.json");
    admin
        .post("/plugins", &json!({"name": "file-log", "config": {"path": file}}))
        .expecting(201);
    let service = json!({"name": "s", "protocol": "tcp", "host": "127.0.0.1", "port": peer.port()});
    admin.post("/services", &service).expecting(201);
    assert_eq!(said(at, b"too early"), "");
    let route = json!({"protocols": ["tcp"], "destinations": [{"port": at.port()}]});
    admin.post("/services/s/routes?wait=all", &route).expecting(201);
    assert_eq!(said(at, b"ping!"), "pong");
    node.fetch("/nowhere").expecting(404);
    let log = node.data_dir().join("access.log");
    let mut written = lines(&log, 3);
    written.sort_by_key(|line| line.contains("GET /nowhere"));
    assert!(written[0].contains("] TCP 500 0 0 0."), "{written:?}");
    assert!(written[1].contains("] TCP 200 4 5 0."), "{written:?}");
    // Records stand in the order of what they tell: one of a session would stand before.
    assert!(lines(&file, 1)[0].contains("/nowhere"), "only of the request");
}
