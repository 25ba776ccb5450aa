//! Facts about whole commands, against a node that is one thread with prepared answers.

mod config;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;

/// What a command did: exit code, standard output, standard error.
struct Told {
    code: u8,
    output: String,
    errors: String,
}

fn tables() -> Registry {
    Registry::new(Vec::new()).unwrap()
}

fn tell(args: &[&str]) -> Told {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let args = ["troop"].iter().chain(args).map(OsString::from);
    let code = match begin_with(args, &tables, &mut output, &mut errors) {
        Begin::Done(code) => code,
        Begin::Start(args) => panic!("{args:?}"),
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Told {
        code,
        output: text(output),
        errors: text(errors),
    }
}

/// Answers one question per prepared (status, body), then closes the door; returns what was asked.
fn node(answers: Vec<(u16, &'static str)>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for (status, body) in answers {
            let (mut line, _) = listener.accept().unwrap();
            asked.push(question(&mut line));
            write!(
                line,
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
        asked
    });
    (address, thread)
}

/// First line and body of a request.
fn question(line: &mut std::net::TcpStream) -> String {
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(b"\r\n\r\n") {
        line.read_exact(&mut byte).unwrap();
        heard.push(byte[0]);
    }
    let head = String::from_utf8(heard).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    line.read_exact(&mut body).unwrap();
    let first = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
    format!("{first} {}", String::from_utf8(body).unwrap())
        .trim_end()
        .to_owned()
}

#[track_caller]
fn check(args: &[&str], answer: (u16, &'static str), asked: &str, code: u8, output: &str) {
    let (address, node) = node(vec![answer]);
    let told = tell(&[args, &["--admin", &address]].concat());
    assert_eq!(node.join().unwrap(), [asked]);
    assert_eq!(
        (told.code, told.output.as_str()),
        (code, output),
        "{}",
        told.errors
    );
}

const STATUS: &str = r#"{"id":1,"name":"blue","role":"voter","leader":1,"term":3,"last_log_index":12,
"applied_index":12,"served_revision":11,"members":[
{"id":1,"name":"blue","address":"10.0.0.1:7443","role":"voter","served_revision":11,"lag":0}]}"#;

#[test]
fn status_is_a_summary_and_a_table_of_members() {
    let text = "node      blue (id 1), voter\nterm      3, led by this node\n\
                revision  serves 11, applied 12, log ends at 12\n\n\
                ID  NAME  ADDRESS        ROLE   SERVES  LAG\n \
                1  blue  10.0.0.1:7443  voter      11    0\n";
    check(&["status"], (200, STATUS), "GET /troop/status", exit::OK, text);
}

#[test]
fn status_ends_with_what_somebody_should_look_into() {
    let status = r#"{"members":[{"id":1,"name":"blue"}],"warnings":["nodes differ"]}"#;
    let (address, node) = node(vec![(200, status)]);
    let told = tell(&["status", "--admin", &address]);
    node.join().unwrap();
    let end = "\n\nwarning: nodes differ\n";
    assert!(told.output.ends_with(end), "{}", told.output);
}

#[test]
fn json_output_is_the_nodes_own_document() {
    let (address, node) = node(vec![(200, STATUS)]);
    let told = tell(&["status", "--output", "json", "--admin", &address]);
    node.join().unwrap();
    let printed: serde_json::Value = serde_json::from_str(&told.output).unwrap();
    assert_eq!(
        printed,
        serde_json::from_str::<serde_json::Value>(STATUS).unwrap()
    );
}

#[test]
fn a_created_token_is_printed_as_the_command_to_run() {
    let answer = r#"{"token":"T","join":"troop start --join a:1 --token T","id":"t1","role":"learner",
                     "expires_at":1763784000,"uses":2}"#;
    let text = "On the new machine run:\n\n    troop start --join a:1 --token T\n\n\
                Token t1 admits 2 node(s) as learner within 2h.\n";
    check(
        &[
            "token", "create", "--role", "learner", "--ttl", "2h", "--uses", "2",
        ],
        (201, answer),
        r#"POST /troop/tokens {"role":"learner","ttl_seconds":7200,"uses":2}"#,
        exit::OK,
        text,
    );
}

#[test]
fn tokens_are_listed_and_revoked_by_id() {
    let answer = r#"{"tokens":[{"id":"t1","role":"voter","uses":1,"expires_at":0}]}"#;
    let text = "ID  ROLE   USES LEFT  VALID FOR\nt1  voter          1  0s\n";
    check(
        &["token", "list"],
        (200, answer),
        "GET /troop/tokens",
        exit::OK,
        text,
    );
    check(
        &["token", "revoke", "t1"],
        (204, ""),
        "DELETE /troop/tokens/t1",
        exit::OK,
        "revoked t1\n",
    );
}

#[test]
fn nodes_are_listed_and_removed_by_id() {
    let answer = r#"{"nodes":[{"id":7,"name":"red","address":"b:1","role":"learner","leader":false,
                     "served_revision":null,"lag":null}]}"#;
    let text =
        "ID  NAME  ADDRESS  ROLE     LEADS  SERVES  LAG\n 7  red   b:1      learner  no     -       -\n";
    check(
        &["node", "list"],
        (200, answer),
        "GET /troop/nodes",
        exit::OK,
        text,
    );
    check(
        &["node", "remove", "7"],
        (204, ""),
        "DELETE /troop/nodes/7",
        exit::OK,
        "removed 7\n",
    );
}

#[test]
fn leadership_is_handed_to_a_node_by_id_or_to_the_fittest() {
    for (arguments, question) in [
        (
            &["node", "transfer-leader", "3"][..],
            r#"POST /troop/leader {"id":"3"}"#,
        ),
        (&["node", "transfer-leader"], "POST /troop/leader {}"),
    ] {
        check(
            arguments,
            (200, r#"{"leader":3}"#),
            question,
            exit::OK,
            "node 3 leads\n",
        );
    }
}

#[test]
fn what_the_node_refuses_is_told_in_its_words_with_exit_code_1() {
    let (address, node) = node(vec![(409, r#"{"message":"the last voter cannot go"}"#)]);
    let told = tell(&["node", "remove", "1", "--admin", &address]);
    node.join().unwrap();
    assert_eq!(told.code, exit::FAILED);
    assert_eq!(
        told.errors,
        format!("troop: the node at {address} refused with 409: the last voter cannot go\n")
    );
}

#[test]
fn health_is_one_word_and_an_exit_code() {
    check(
        &["health"],
        (200, r#"{"healthy":true}"#),
        "GET /troop/health",
        exit::OK,
        "healthy\n",
    );
    let (address, node) = node(vec![(503, r#"{"healthy":false,"reason":"no quorum"}"#)]);
    let told = tell(&["health", "--admin", &address]);
    node.join().unwrap();
    assert_eq!(told.code, exit::FAILED);
    assert!(
        told.errors.ends_with("is not healthy: no quorum\n"),
        "{}",
        told.errors
    );
}

#[test]
fn stop_waits_until_nobody_answers() {
    let (address, node) = node(vec![(202, "{}"), (200, r#"{"healthy":true}"#), (503, "{}")]);
    let told = tell(&["stop", "--admin", &address]);
    assert_eq!(
        node.join().unwrap(),
        ["POST /troop/stop {}", "GET /troop/health", "GET /troop/health"]
    );
    assert_eq!(
        (told.code, told.output.as_str()),
        (exit::OK, "stopped\n"),
        "{}",
        told.errors
    );
}

#[test]
fn a_node_that_is_not_there_is_exit_code_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let told = tell(&["status", "--admin", &address]);
    assert_eq!(told.code, exit::UNREACHABLE);
    assert!(
        told.errors
            .starts_with(&format!("troop: no node answers at {address}")),
        "{}",
        told.errors
    );
}

#[test]
fn wrong_words_are_exit_code_2_and_nothing_is_tried() {
    for args in [
        &["frobnicate"][..],
        &["start", "--proxy-lisen", "x"],
        &["token", "create", "--uses", "0"],
        &["token", "revoke", "../x"],
        &["status", "--admin", "http://localhost:8001"],
    ] {
        let told = tell(args);
        assert_eq!(told.code, exit::USAGE, "{args:?}");
        assert!(!told.errors.is_empty() && told.output.is_empty(), "{args:?}");
    }
}

#[test]
fn help_and_version_are_answers() {
    let told = tell(&["start", "--help"]);
    assert_eq!(told.code, exit::OK);
    assert!(told.output.contains("--proxy-listen"), "{}", told.output);
    assert!(tell(&["version"]).output.starts_with("troop "));
    assert!(tell(&["--version"]).output.starts_with("troop "));
}

#[test]
fn settings_are_printed_with_their_place() {
    let told = tell(&["settings", "--workers", "3"]);
    assert_eq!(told.code, exit::OK, "{}", told.errors);
    assert!(
        told.output
            .lines()
            .any(|line| line.contains("= 3  # flag --workers")),
        "{}",
        told.output
    );
    assert_eq!(tell(&["settings", "--workers", "many"]).code, exit::USAGE);
    assert!(
        tell(&["settings", "--reference"])
            .output
            .starts_with("# Settings")
    );
}

#[test]
fn start_is_handed_to_the_program() {
    let args = ["troop", "start", "--data-dir", "/d"].map(OsString::from);
    match begin_with(args, &tables, &mut Vec::new(), &mut Vec::new()) {
        Begin::Start(args) => assert_eq!(args.given, [("data_dir", "/d".to_owned())]),
        Begin::Done(code) => panic!("{code}"),
    }
}
