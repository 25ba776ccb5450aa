//! One request on its way through a node, and what both sides see of it.

use serde_json::{Value, json};
use troop_tests::{
    node::Node,
    origin::{Origin, echoed},
    wire::Request,
};

/// A node with one service and the routes given.
fn node_with(origin: &Origin, service: &Value, routes: &[Value]) -> Node {
    let node = Node::alone(&[]);
    let mut body = json!({
        "name": "s", "host": origin.address().ip().to_string(), "port": origin.address().port(),
    });
    for (name, value) in service.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    node.admin().post("/services", &body).expecting(201);
    for route in routes {
        node.admin().post("/services/s/routes", route).expecting(201);
    }
    node
}

#[test]
fn paths_are_stripped_or_kept_as_the_route_says() {
    let origin = Origin::start("origin");
    let routes = [
        json!({"paths": ["/strip"]}),
        json!({"paths": ["/keep"], "strip_path": false}),
        json!({"paths": ["~/r/(?<n>\\d+)$"], "strip_path": false}),
        json!({"paths": ["~/cut/\\d+"]}),
    ];
    let node = node_with(&origin, &json!({"path": "/base"}), &routes);
    for (target, expected) in [
        ("/strip", "/base"),
        ("/strip/", "/base/"),
        ("/strip/a/b?q=1&q=%20", "/base/a/b?q=1&q=%20"),
        ("/stripped", "/base/ped"),
        ("/keep/a", "/base/keep/a"),
        ("/keep/../keep/./a", "/base/keep/a"),
        ("/r/42", "/base/r/42"),
        ("/cut/42/rest", "/base/rest"),
    ] {
        let seen = node.fetch(target).expecting(200).json();
        assert_eq!(seen["target"], expected, "{target}");
    }
    for target in ["/r/x", "/", "/strap"] {
        node.fetch(target).expecting(404);
    }
}

#[test]
fn routes_match_by_host_method_and_header_and_the_most_specific_wins() {
    let origin = Origin::start("origin");
    let kinds = [
        ("plain", json!({"paths": ["/a"]})),
        ("long", json!({"paths": ["/a/long"]})),
        ("regex", json!({"paths": ["~/a/\\w+/x$"]})),
        ("host", json!({"paths": ["/a"], "hosts": ["h.test"]})),
        ("wildcard", json!({"paths": ["/a"], "hosts": ["*.w.test"]})),
        ("method", json!({"paths": ["/a"], "methods": ["DELETE"]})),
        (
            "header",
            json!({"paths": ["/a"], "headers": {"X-Version": ["2"]}}),
        ),
    ];
    let node = Node::alone(&[]);
    // Each kind has a service whose path says which it was.
    for (kind, route) in &kinds {
        let service = json!({"name": kind, "url": format!("http://{}/{kind}", origin.address())});
        node.admin().post("/services", &service).expecting(201);
        node.admin()
            .post(&format!("/services/{kind}/routes"), route)
            .expecting(201);
    }
    for (request, expected) in [
        (Request::get("/a"), "plain"),
        (Request::get("/a/long/x1"), "long"),
        (Request::get("/a/long/x"), "regex"),
        (Request::get("/a").header("Host", "h.test"), "host"),
        (Request::get("/a").header("Host", "h.test:8080"), "host"),
        (Request::get("/a").header("Host", "x.w.test"), "wildcard"),
        (Request::new("DELETE", "/a"), "method"),
        (Request::get("/a").header("x-version", "2"), "header"),
        (Request::get("/a").header("x-version", "3"), "plain"),
    ] {
        let seen = node.proxy(&request).expecting(200).json();
        let kind = seen["target"]
            .as_str()
            .and_then(|target| target.split('/').nth(1))
            .unwrap_or_default();
        assert_eq!(kind, expected, "{request:?}");
    }
}

#[test]
fn the_origin_sees_its_own_host_or_the_clients() {
    let origin = Origin::start("origin");
    let routes = [
        json!({"paths": ["/own"]}),
        json!({"paths": ["/clients"], "preserve_host": true}),
    ];
    let node = node_with(&origin, &json!({}), &routes);
    for (target, expected) in [
        ("/own", origin.address().to_string()),
        ("/clients", "Shop.Test:99".to_owned()),
    ] {
        let seen = node
            .proxy(&Request::get(target).header("Host", "Shop.Test:99"))
            .expecting(200)
            .json();
        assert_eq!(echoed(&seen, "Host"), [expected.as_str()], "{target}");
    }
}

#[test]
fn the_origin_learns_who_asked_and_how() {
    let origin = Origin::start("origin");
    let node = node_with(&origin, &json!({}), &[json!({"paths": ["/f"]})]);
    let request = Request::get("/f/a?b=c")
        .header("Host", "shop.test:99")
        .header("X-Forwarded-For", "10.1.2.3")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "evil.test")
        .header("X-Forwarded-Port", "1");
    let answer = node.proxy(&request).expecting(200);
    let seen = answer.json();
    let port = node.addresses().proxy.port().to_string();
    // Nobody is trusted, so what the client claims is replaced; only the list of addresses grows.
    for (name, expected) in [
        ("X-Forwarded-For", "10.1.2.3, 127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "shop.test"),
        ("X-Forwarded-Port", port.as_str()),
        ("X-Forwarded-Path", "/f/a"),
        ("X-Forwarded-Prefix", "/f"),
        ("Via", "1.1 kong/3.9.1"),
    ] {
        assert_eq!(echoed(&seen, name), [expected], "{name}");
    }
    let id = echoed(&seen, "X-Kong-Request-Id");
    assert_eq!(id, [answer.must("X-Kong-Request-Id")]);
    assert!(
        id[0].len() == 32 && id[0].bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id:?}"
    );
}

#[test]
fn a_trusted_proxy_in_front_is_believed() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[("trusted_ips", "127.0.0.0/8")]);
    node.admin().publish("f", origin.address(), "/f");
    let request = Request::get("/f")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "shop.test")
        .header("X-Forwarded-Port", "443");
    let seen = node.proxy(&request).expecting(200).json();
    for (name, expected) in [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.test"),
        ("X-Forwarded-Port", "443"),
    ] {
        assert_eq!(echoed(&seen, name), [expected], "{name}");
    }
}

#[test]
fn what_is_meant_for_one_connection_goes_no_further() {
    let origin = Origin::start("origin");
    let node = node_with(&origin, &json!({}), &[json!({"paths": ["/h"]})]);
    let request = Request::get("/h")
        .header("Connection", "X-Hop")
        .header("X-Hop", "secret")
        .header("Keep-Alive", "timeout=5")
        .header("Proxy-Connection", "keep-alive")
        .header("TE", "gzip")
        .header("X-Other", "stays");
    let answer = node.proxy(&request).expecting(200);
    let seen = answer.json();
    for name in ["X-Hop", "Keep-Alive", "Proxy-Connection", "TE"] {
        assert!(echoed(&seen, name).is_empty(), "{name} in {seen}");
    }
    assert_eq!(echoed(&seen, "X-Other"), ["stays"]);
    // The origin names a header of its own connection.
    assert!(answer.header("X-Private").is_none(), "{answer:?}");
    assert_eq!(answer.must("X-Origin"), "origin");
}

#[test]
fn bodies_pass_whole_in_both_directions() {
    let origin = Origin::start("origin");
    let node = node_with(&origin, &json!({}), &[json!({"paths": ["/b"]})]);
    let mut connection = node.connect();
    for size in [0, 1, 8_000, 1 << 20] {
        let body = "x".repeat(size);
        for request in [
            Request::new("POST", "/b").body(body.clone()),
            Request::new("PUT", "/b")
                .header("Transfer-Encoding", "chunked")
                .body(body.clone()),
        ] {
            if size == 0 && format!("{request:?}").contains("chunked") {
                continue;
            }
            let answer = connection.exchange(&request).expect("an answer").expecting(200);
            let seen = answer.json();
            assert_eq!(seen["body_bytes"], size, "{}", seen["method"]);
            assert_eq!(seen["body"].as_str().map(str::len), Some(size));
        }
    }
    let head = connection
        .exchange(&Request::new("HEAD", "/b"))
        .expect("an answer")
        .expecting(200);
    assert!(
        head.body.is_empty() && head.must("Content-Length") != "0",
        "{head:?}"
    );
    connection
        .exchange(&Request::get("/b"))
        .expect("the connection is still good")
        .expecting(200);
}

#[test]
fn statuses_of_the_origin_pass_as_they_are() {
    let origin = Origin::start("origin");
    let node = node_with(&origin, &json!({}), &[json!({"paths": ["/s"]})]);
    for status in ["201", "404", "500", "503"] {
        let answer = node.proxy(&Request::get("/s").header("X-Answer-Status", status));
        assert_eq!(answer.status.to_string(), status);
        assert_eq!(answer.must("X-Origin"), "origin");
    }
}

#[test]
fn answers_say_how_long_each_side_took() {
    let origin = Origin::start("origin");
    let node = node_with(&origin, &json!({}), &[json!({"paths": ["/l"]})]);
    let is_number = |text: &str| text.parse::<u64>().is_ok();
    let proxied = node.fetch("/l").expecting(200);
    assert!(
        is_number(proxied.must("X-Kong-Upstream-Latency")) && is_number(proxied.must("X-Kong-Proxy-Latency"))
    );
    assert!(proxied.header("X-Kong-Response-Latency").is_none());
    assert_eq!(proxied.must("Via"), "1.1 kong/3.9.1");
    let own = node.fetch("/none").expecting(404);
    assert!(is_number(own.must("X-Kong-Response-Latency")));
    assert_eq!(own.must("Server"), "kong/3.9.1");
    assert!(
        own.header("X-Kong-Upstream-Latency").is_none() && own.header("Via").is_none(),
        "{own:?}"
    );
}

#[test]
fn a_request_without_a_route_is_told_so_in_the_clients_format() {
    let node = Node::alone(&[]);
    for (accept, content_type, text) in [
        (
            None,
            "application/json; charset=utf-8",
            "\"message\":\"no Route matched with those values\"",
        ),
        (
            Some("text/plain"),
            "text/plain; charset=utf-8",
            "no Route matched with those values\nrequest_id: ",
        ),
        (
            Some("text/html;q=0.9,application/xml"),
            "application/xml; charset=utf-8",
            "<message>no Route",
        ),
        (
            Some("text/html"),
            "text/html; charset=utf-8",
            "<p>no Route matched with those values.</p>",
        ),
    ] {
        let request = accept.map_or(Request::get("/"), |accept| {
            Request::get("/").header("Accept", accept)
        });
        let answer = node.proxy(&request).expecting(404);
        assert_eq!(answer.must("Content-Type"), content_type);
        assert!(answer.text().contains(text), "{}", answer.text());
        assert!(
            answer.text().contains(answer.must("X-Kong-Request-Id")),
            "{}",
            answer.text()
        );
    }
}

#[test]
fn a_route_without_a_service_and_one_for_tls_only_say_so() {
    let node = Node::alone(&[]);
    node.admin()
        .post("/routes", &json!({"paths": ["/none"]}))
        .expecting(201);
    node.admin()
        .post("/routes", &json!({"paths": ["/tls"], "protocols": ["https"]}))
        .expecting(201);
    let none = node.fetch("/none").expecting(503);
    assert_eq!(none.json()["message"], "no Service found with those values");
    let tls = node.fetch("/tls").expecting(426);
    assert_eq!(tls.json()["message"], "Please use HTTPS protocol");
    assert_eq!(tls.must("Upgrade"), "TLS/1.2, HTTP/1.1");
}

#[test]
fn a_websocket_passes_in_both_directions_after_the_upgrade() {
    let origin = Origin::start("origin");
    let node = node_with(&origin, &json!({}), &[json!({"paths": ["/ws"]})]);
    let mut connection = node.connect();
    let upgrade = Request::get("/ws")
        .header("Connection", "keep-alive, Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    let switched = connection.exchange(&upgrade).expect("an answer").expecting(101);
    assert_eq!(
        switched.must("Sec-WebSocket-Accept"),
        "s3pPLBMiTxaQ9kYGzzhZRbK+xOo="
    );
    assert!(switched.must("Upgrade").eq_ignore_ascii_case("websocket"));
    // The masked and the plain "Hello" of RFC 6455, section 5.7.
    for _ in 0..3 {
        connection
            .write(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
            .expect("the tunnel is open");
        assert_eq!(connection.read(7).expect("an echo"), b"\x81\x05Hello");
    }
    origin.hang_up();
    assert!(connection.is_closed(), "the end on one side ends the other");
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let origin = Origin::start("origin");
    let node = node_with(&origin, &json!({}), &[json!({"paths": ["/k"]})]);
    let mut connection = node.connect();
    for n in 0..20 {
        let answer = connection
            .exchange(&Request::get(&format!("/k/{n}")))
            .expect("an answer")
            .expecting(200);
        assert_eq!(answer.json()["target"], format!("/{n}"));
        let missing = connection.exchange(&Request::get("/none")).expect("an answer");
        assert_eq!(missing.status, 404);
    }
    let last = Request::get("/k").header("Connection", "close");
    connection.exchange(&last).expect("an answer").expecting(200);
    assert!(connection.is_closed());
}
