//! Starts that must not succeed: each says what is wrong and the way out, ends with a code, and touches nothing.

use serde_json::{Value, json};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use troop_tests::{
    cluster::token,
    node::{Node, inventory},
    ports,
    program::{self, Finished},
};

/// The start is refused with all these words, and the data directory is as it was.
fn check(node: &mut Node, words: &[&str]) -> Finished {
    let before = inventory(&node.data_dir());
    let refused = node.start_refused();
    for word in words {
        assert!(refused.stderr.contains(word), "no {word:?} in {}", refused.stderr);
    }
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    assert_eq!(inventory(&node.data_dir()), before, "something was touched");
    refused
}

/// A node that has run and ended, and its identity file.
fn had_a_life() -> (Node, PathBuf) {
    let mut node = Node::alone(&[]);
    let service = json!({"name": "a", "host": "a.test"});
    node.admin().post("/services", &service).expecting(201);
    assert_eq!(node.stop(), Some(0));
    let file = node.data_dir().join("identity").join("node.json");
    (node, file)
}

#[test]
fn a_second_process_on_one_data_directory_is_refused() {
    let node = Node::alone(&[]);
    let mut second = Node::new("second", &[]);
    second.set_data_dir(&node.data_dir());
    let refused = second.start_refused();
    let directory = node.data_dir().display().to_string();
    for word in [
        "in use by process",
        directory.as_str(),
        "troop stop",
        "--data-dir",
    ] {
        assert!(refused.stderr.contains(word), "no {word:?} in {}", refused.stderr);
    }
    let service = json!({"name": "a", "host": "a.test"});
    node.admin().post("/services", &service).expecting(201);
}

#[test]
fn a_data_directory_of_another_cluster_is_refused() {
    let (mut node, _) = had_a_life();
    let other = Node::alone(&[]);
    node.set_join(&other.addresses().peer.to_string(), &token(&other, &json!({})));
    check(&mut node, &["belongs to", "--data-dir"]);
    let members = other.admin().status().expect("it answers")["members"].clone();
    assert_eq!(members.as_array().map(Vec::len), Some(1), "{members}");
}

#[test]
fn a_data_directory_of_a_newer_program_is_refused() {
    let (mut node, file) = had_a_life();
    let mut document = read_json(&file);
    document["format"] = json!(99);
    document["what_is_to_come"] = json!({"nobody": "knows"});
    fs::write(&file, document.to_string()).expect("a file of ours");
    check(&mut node, &["newer version of troop", "format 99", "node.json"]);
}

#[test]
fn a_damaged_identity_is_refused() {
    let (mut node, file) = had_a_life();
    let text = fs::read_to_string(&file).expect("a file of ours");
    fs::write(&file, &text[..text.len() / 2]).expect("a file of ours");
    check(
        &mut node,
        &["is damaged", "node.json", "restore it from a backup"],
    );
}

#[test]
fn an_identity_that_everybody_can_read_is_refused() {
    let (mut node, file) = had_a_life();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a file of ours");
    check(&mut node, &["open to every user", "chmod 600"]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a file of ours");
    node.start();
    node.wait_healthy();
    node.admin().get("/services/a").expecting(200);
}

#[test]
fn a_state_that_points_nowhere_is_refused() {
    let (mut node, _) = had_a_life();
    fs::write(node.data_dir().join("STATE"), "state-77").expect("a file of ours");
    check(
        &mut node,
        &[
            "is damaged",
            "state-77",
            "Nothing was changed",
            "troop node remove",
        ],
    );
}

/// Leaves an empty directory where the node's state was.
fn lose_the_state(node: &Node) {
    let state = fs::read_to_string(node.data_dir().join("STATE")).expect("a node has a state");
    let state = node.data_dir().join(state.trim());
    fs::remove_dir_all(&state).expect("a directory of ours");
    fs::create_dir(&state).expect("a directory of ours");
}

#[test]
fn a_state_that_was_lost_is_made_again_from_the_whole_log() {
    let (mut node, _) = had_a_life();
    lose_the_state(&node);
    node.start();
    node.wait_healthy();
    node.admin().get("/services/a").expecting(200);
}

#[test]
fn a_state_that_was_lost_is_refused_when_the_log_no_longer_begins_at_the_beginning() {
    let mut node = Node::alone(&[("raft_snapshot_every", "20"), ("raft_log_keep", "5")]);
    for i in 0..100 {
        let service = json!({"name": format!("s{i}"), "host": "a.test"});
        node.admin().post("/services", &service).expecting(201);
    }
    assert_eq!(node.stop(), Some(0));
    lose_the_state(&node);
    let refused = node.start_refused();
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    assert!(refused.stderr.contains("damaged"), "{}", refused.stderr);
}

#[test]
fn a_data_directory_that_is_a_file_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut node = Node::new("lost", &[]);
    node.set_data_dir(file.path());
    let refused = node.start_refused();
    let path = file.path().display().to_string();
    assert!(refused.stderr.contains(&path), "{}", refused.stderr);
}

#[test]
fn an_occupied_port_is_named_with_its_setting() {
    for setting in ["proxy_listen", "admin_listen", "status_listen", "peer_listen"] {
        let squatter = TcpListener::bind(ports::free()).expect("a free port");
        let address = squatter.local_addr().expect("a bound socket").to_string();
        let mut node = Node::new("late", &[(setting, &address)]);
        let refused = node.start_refused();
        for word in [setting, address.as_str()] {
            assert!(refused.stderr.contains(word), "no {word:?} in {}", refused.stderr);
        }
        assert!(
            inventory(&node.data_dir()).is_empty(),
            "{setting}: a start that failed left something"
        );
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_with_code_2() {
    for (setting, value, words) in [
        (
            "proxy_lisen",
            "127.0.0.1:1",
            &["proxy_lisen", "troop.conf line"][..],
        ),
        ("proxy_listen", "nowhere", &["proxy_listen", "nowhere"]),
        (
            "proxy_listen",
            "127.0.0.1:99999",
            &["proxy_listen", "127.0.0.1:99999"],
        ),
        ("proxy_listen", "127.0.0.1:8000 sll", &["proxy_listen", "sll"]),
        ("status_listen", "127.0.0.1:8007 ssll", &["status_listen", "ssll"]),
        (
            "admin_listen",
            "0.0.0.0:8444 ssl",
            &["admin_listen", "admin_ssl_client_ca", "insecure_admin"],
        ),
        (
            "admin_listen",
            "0.0.0.0:8001",
            &["admin_listen", "reachable from other machines", "insecure_admin"],
        ),
        ("peer_listen", "off", &["peer_listen"]),
        ("log_level", "loud", &["log_level", "loud"]),
        ("workers", "none", &["workers", "none"]),
        ("drain_timeout", "-1", &["drain_timeout", "-1"]),
        ("client_max_body_size", "big", &["client_max_body_size", "big"]),
        ("trusted_ips", "10.0.0.0/99", &["trusted_ips", "10.0.0.0/99"]),
        ("token", "t", &["token", "join"]),
    ] {
        let mut node = Node::new("odd", &[(setting, value)]);
        let refused = check(&mut node, words);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(!node.data_dir().exists(), "{setting}: a data directory was made");
    }
}

#[test]
fn all_wrong_settings_are_told_at_once() {
    let mut node = Node::new(
        "odd",
        &[("log_level", "loud"), ("workers", "none"), ("nonsense", "1")],
    );
    check(&mut node, &["loud", "none", "nonsense"]);
}

#[test]
fn an_unknown_variable_of_ours_is_refused_and_one_of_kongs_is_not() {
    let node = Node::new("odd", &[]);
    let mut command = node.command();
    command
        .env("TROOP_PROXY_LISEN", "127.0.0.1:1")
        .env("KONG_NO_SUCH_THING", "1");
    let refused = program::finish(command).expecting(2);
    assert!(refused.stderr.contains("TROOP_PROXY_LISEN"), "{refused:?}");
    assert!(!refused.stderr.contains("KONG_NO_SUCH_THING ("), "{refused:?}");
    assert!(!node.data_dir().exists());
}

#[test]
fn an_unknown_flag_is_refused() {
    let refused = program::run(&["start", "--no-such-flag", "x"]).expecting(2);
    assert!(refused.stderr.contains("--no-such-flag"), "{refused:?}");
    let refused = program::run(&["strat"]).expecting(2);
    assert!(refused.stderr.contains("start"), "no suggestion: {refused:?}");
}

#[test]
fn a_settings_file_that_is_not_there_is_refused() {
    let refused = program::run(&["start", "--conf", "/no/such/troop.conf"]).expecting(2);
    assert!(refused.stderr.contains("/no/such/troop.conf"), "{refused:?}");
}

fn read_json(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a file of ours");
    serde_json::from_str(&text).expect("JSON of ours")
}
