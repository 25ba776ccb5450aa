//! Listening by a file: clients, the Admin API and the commands over unix sockets.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
};
use troop_tests::{node::Node, program};

/// A request without more, and everything that comes back.
fn ask(path: &Path, target: &str) -> String {
    let mut line = UnixStream::connect(path).expect("somebody listens");
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    line.write_all(request.as_bytes()).expect("taken");
    let mut answer = String::new();
    line.read_to_string(&mut answer).expect("an answer");
    answer
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// A node that is reached by files besides its usual addresses. What a killed process left is there already.
fn node(home: &Path) -> (Node, [PathBuf; 3]) {
    let paths = ["proxy", "admin", "status"].map(|name| home.join(format!("{name}.sock")));
    drop(std::os::unix::net::UnixListener::bind(&paths[0]).expect("a socket"));
    let at = |path: &PathBuf| format!("unix:{}", path.display());
    let mut node = Node::new("alone", &[]);
    let addresses = node.addresses();
    node.set("proxy_listen", &format!("{}, {}", addresses.proxy, at(&paths[0])));
    node.set("admin_listen", &format!("{}, {}", addresses.admin, at(&paths[1])));
    node.set("status_listen", &format!("{} mode=0660", at(&paths[2])));
    (node, paths)
}

#[test]
fn a_node_is_reached_by_files_that_go_when_it_stops() {
    let home = tempfile::tempdir().expect("a directory");
    let (mut node, [proxy, admin, status]) = node(home.path());
    node.start();
    node.wait_healthy();
    assert!(ask(&proxy, "/").contains("no Route matched"), "the proxy answers");
    assert!(
        ask(&admin, "/services").contains("\"data\":[]"),
        "the Admin API answers"
    );
    assert!(
        ask(&status, "/status/ready").contains("ready"),
        "the status API answers"
    );
    // Who may use the Admin API rules the cluster: the owner alone.
    assert_eq!(
        [&proxy, &admin, &status].map(|path| mode(path)),
        [0o666, 0o600, 0o660]
    );

    let mut rival = Node::new("rival", &[]);
    rival.set("proxy_listen", &format!("unix:{}", proxy.display()));
    let refused = rival.start_refused();
    assert!(
        refused.stderr.contains("another process listens there"),
        "{refused:?}"
    );
    assert!(
        ask(&proxy, "/").contains("no Route matched"),
        "the first one still answers"
    );

    let by_file = format!("unix:{}", admin.display());
    let told = program::run(&["health", "--admin", &by_file]).expecting(0);
    assert_eq!(told.stdout, "healthy\n");
    program::run(&["stop", "--admin", &by_file]).expecting(0);
    node.wait_ended();
    for path in [proxy, admin, status] {
        assert!(!path.exists(), "{} is left", path.display());
    }
}
