//! `troop config …` against a node with prepared answers.

use super::*;
use std::path::PathBuf;

/// A file that goes when the test ends.
struct Draft(PathBuf);

impl Draft {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("troop-cli-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Draft(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const ONE_SERVICE: &str = "_format_version: '3.0'\nservices:\n- name: s\n  host: h\n";
const EMPTY: &str = "{\"revision\":7}\n";

/// A command about a file, and what it asked a node with these answers.
fn run(command: &[&str], answers: Vec<(u16, &'static str)>) -> (Told, Vec<String>) {
    let (address, node) = node(answers);
    let told = tell(&[&["config"], command, &["--admin", &address]].concat());
    (told, node.join().unwrap())
}

#[test]
fn a_file_is_judged_without_a_node() {
    let good = Draft::new("good.yaml", ONE_SERVICE);
    let told = tell(&["config", "validate", good.path()]);
    assert_eq!(
        (told.code, told.output.as_str()),
        (0, "valid: 1 records\n"),
        "{}",
        told.errors
    );
    let bad = Draft::new(
        "bad.yaml",
        "_format_version: '3.0'\nservices:\n- host: 5\n- host: h\n  port: x\n",
    );
    let told = tell(&["config", "validate", bad.path()]);
    assert_eq!(told.code, 1);
    assert!(
        told.errors.contains("2 fault(s)") && told.errors.contains("line 3"),
        "{}",
        told.errors
    );
    let told = tell(&["config", "validate", "/nowhere.yaml"]);
    assert_eq!(told.code, 1);
    assert!(told.errors.contains("/nowhere.yaml"), "{}", told.errors);
}

#[test]
fn what_is_odd_is_a_warning_and_no_error() {
    let twice = Draft::new(
        "twice.yaml",
        "_format_version: '3.0'\nservices:\n- host: a\n  host: b\n",
    );
    let told = tell(&["config", "validate", twice.path()]);
    assert_eq!(told.code, 0);
    assert!(
        told.errors.contains("warning") && told.errors.contains("line"),
        "{}",
        told.errors
    );
}

#[test]
fn a_difference_is_shown_and_ends_with_two_and_none_with_zero() {
    let file = Draft::new("diff.yaml", ONE_SERVICE);
    let (told, asked) = run(&["diff", file.path()], vec![(200, EMPTY)]);
    assert_eq!(asked, ["GET /troop/records"]);
    assert_eq!(told.code, 2);
    assert!(told.output.starts_with("+ services s ("), "{}", told.output);
    assert!(
        told.output.ends_with("1 to create, 0 to update, 0 to delete\n"),
        "{}",
        told.output
    );
    let nothing = Draft::new("nothing.yaml", "_format_version: '3.0'\n");
    let (told, _) = run(&["diff", nothing.path()], vec![(200, EMPTY)]);
    assert_eq!(
        (told.code, told.output.as_str()),
        (0, "0 to create, 0 to update, 0 to delete\n")
    );
    let (told, _) = run(&["diff", file.path(), "--output", "json"], vec![(200, EMPTY)]);
    let document: serde_json::Value = serde_json::from_str(&told.output).unwrap();
    assert_eq!((told.code, &document["create"]), (2, &1.into()));
}

#[test]
fn a_dry_run_asks_and_changes_nothing() {
    let file = Draft::new("dry.yaml", ONE_SERVICE);
    let (told, asked) = run(&["apply", file.path(), "--dry-run"], vec![(200, EMPTY)]);
    assert_eq!(asked, ["GET /troop/records"]);
    assert_eq!(told.code, 0, "{}", told.errors);
    assert!(told.output.contains("1 to create"), "{}", told.output);
}

const OPENED: (u16, &str) = (201, "{\"id\":\"a1\"}");
const ADDED: (u16, &str) = (200, "{\"changes\":1}");

#[test]
fn a_file_is_applied_for_the_revision_that_it_was_compared_with() {
    let file = Draft::new("apply.yaml", ONE_SERVICE);
    let answers = vec![
        (200, EMPTY),
        OPENED,
        ADDED,
        (200, "{\"revision\":9,\"changes\":1}"),
    ];
    let (told, asked) = run(&["apply", file.path()], answers);
    assert_eq!(
        told.output, "1 created, 0 updated, 0 deleted, at revision 9\n",
        "{}",
        told.errors
    );
    assert_eq!(told.code, 0);
    assert_eq!(asked[1], "POST /troop/changes {\"revision\":7}");
    assert!(
        asked[2].starts_with("POST /troop/changes/a1 {\"changes\":[{\"after\":{"),
        "{}",
        asked[2]
    );
    assert_eq!(asked[3], "POST /troop/changes/a1/commit {}");
}

#[test]
fn a_file_is_compared_again_when_others_changed_the_configuration() {
    let file = Draft::new("again.yaml", ONE_SERVICE);
    let refused = (409, "{\"message\":\"others changed the configuration\"}");
    let made = (200, "{\"revision\":9}");
    let answers = vec![
        (200, EMPTY),
        OPENED,
        ADDED,
        refused,
        (200, EMPTY),
        OPENED,
        ADDED,
        made,
    ];
    let (told, asked) = run(&["apply", file.path()], answers);
    assert_eq!((told.code, asked.len()), (0, 8), "{}", told.errors);
}

#[test]
fn a_change_set_that_is_refused_is_given_up() {
    let file = Draft::new("refused.yaml", ONE_SERVICE);
    let refused = (400, "{\"message\":\"operation 0: schema violation\"}");
    let (told, asked) = run(
        &["apply", file.path()],
        vec![(200, EMPTY), OPENED, refused, (204, "")],
    );
    assert_eq!((told.code, asked[3].as_str()), (1, "DELETE /troop/changes/a1"));
    assert!(
        told.errors.contains("operation 0: schema violation"),
        "{}",
        told.errors
    );
}

#[test]
fn an_export_is_a_file_that_means_the_same() {
    const ONE: &str = concat!(
        "{\"revision\":7}\n",
        "[\"consumers\",{\"id\":\"00000001-1111-4111-8111-111111111111\",\"username\":\"c\",\"custom_id\":null,",
        "\"tags\":null,\"created_at\":1,\"updated_at\":1}]\n"
    );
    let (told, _) = run(&["export"], vec![(200, ONE)]);
    assert_eq!(told.code, 0, "{}", told.errors);
    assert!(told.output.contains("username: c"), "{}", told.output);
    let file = Draft::new("export.yaml", &told.output);
    let (told, _) = run(&["diff", file.path()], vec![(200, ONE)]);
    assert_eq!(told.code, 0, "{}{}", told.output, told.errors);
}
