//! What a data directory lets in and what it keeps out.

use super::*;
use crate::testing::{cluster, node_of};
use tempfile::TempDir;

fn fresh() -> (TempDir, DataDir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path().join("data")).unwrap();
    (temp, dir)
}

fn identity_file(dir: &DataDir) -> PathBuf {
    dir.path().join("identity/node.json")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_fresh_directory_has_no_tenant() {
    let (_temp, dir) = fresh();
    assert!(dir.load_identity().unwrap().is_none());
    assert!(dir.removal().unwrap().is_none());
}

#[test]
fn who_moved_in_is_there_after_a_restart() {
    let (_temp, dir) = fresh();
    let node = node_of(&cluster(1), 7);
    dir.save_identity(&node).unwrap();
    let path = dir.path().to_owned();
    drop(dir);
    let found = DataDir::open(path).unwrap().load_identity().unwrap().unwrap();
    assert_eq!(found.peer_identity(), node.peer_identity());
}

#[test]
fn what_is_written_is_closed_to_everybody_else() {
    let (_temp, dir) = fresh();
    dir.save_identity(&node_of(&cluster(1), 7)).unwrap();
    assert_eq!(mode(dir.path()), 0o700);
    assert_eq!(mode(&dir.path().join("identity")), 0o700);
    assert_eq!(mode(&identity_file(&dir)), 0o600);
    assert_eq!(mode(&dir.path().join("node.lock")), 0o600);
}

#[test]
fn a_second_holder_is_refused_and_told_who_is_the_first() {
    let (_temp, dir) = fresh();
    let error = DataDir::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains(&dir.path().display().to_string()), "{error}");
    assert!(error.contains(&format!("process {}", process::id())), "{error}");
    assert!(error.contains("--data-dir"), "{error}");
}

#[test]
fn a_lock_ends_with_its_holder() {
    let (_temp, dir) = fresh();
    let path = dir.path().to_owned();
    drop(dir);
    DataDir::open(path).unwrap();
}

#[test]
fn a_lock_file_left_by_a_crash_locks_nobody_out() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("node.lock"), "4294967295\n and more").unwrap();
    let dir = DataDir::open(temp.path()).unwrap();
    let pid = fs::read_to_string(dir.path().join("node.lock")).unwrap();
    assert_eq!(pid, format!("{}\n", process::id()));
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    let error = DataDir::open(file.join("data")).unwrap_err();
    assert!(matches!(error, DataDirError::Io { action: "create", .. }));
    assert!(error.to_string().contains("file/data"));
}

#[test]
fn an_identity_of_a_newer_program_is_refused_and_left_alone() {
    let (_temp, dir) = fresh();
    dir.save_identity(&node_of(&cluster(1), 7)).unwrap();
    let newer = r#"{"format": 2}"#;
    fs::write(identity_file(&dir), newer).unwrap();
    for error in [
        dir.load_identity().unwrap_err(),
        dir.save_identity(&node_of(&cluster(1), 7)).unwrap_err(),
    ] {
        assert!(matches!(error, DataDirError::NewerFormat { found: 2, .. }));
        assert!(error.to_string().contains("identity/node.json"));
    }
    assert_eq!(fs::read_to_string(identity_file(&dir)).unwrap(), newer);
}

#[test]
fn a_damaged_identity_is_refused_by_path() {
    let (_temp, dir) = fresh();
    dir.save_identity(&node_of(&cluster(1), 7)).unwrap();
    fs::write(identity_file(&dir), "{").unwrap();
    let error = dir.load_identity().unwrap_err();
    assert!(matches!(error, DataDirError::Damaged { .. }));
    assert!(error.to_string().contains("identity/node.json"));
}

#[test]
fn a_key_that_everybody_can_read_is_refused_and_one_for_the_group_is_not() {
    let (_temp, dir) = fresh();
    dir.save_identity(&node_of(&cluster(1), 7)).unwrap();
    let set = |mode| fs::set_permissions(identity_file(&dir), fs::Permissions::from_mode(mode)).unwrap();
    set(0o644);
    let error = dir.load_identity().unwrap_err();
    assert!(matches!(error, DataDirError::OpenToOthers { mode: 0o644, .. }));
    assert!(error.to_string().contains("644"), "{error}");
    set(0o660);
    assert!(dir.load_identity().unwrap().is_some());
}

#[test]
fn nobody_moves_in_on_another_cluster_or_node() {
    let (_temp, dir) = fresh();
    let home = cluster(1);
    dir.save_identity(&node_of(&home, 7)).unwrap();
    for stranger in [node_of(&home, 8), node_of(&cluster(2), 7)] {
        let error = dir.save_identity(&stranger).unwrap_err();
        assert!(matches!(error, DataDirError::OtherOwner { .. }));
    }
    assert_eq!(dir.load_identity().unwrap().unwrap().node_id(), 7);
    dir.save_identity(&node_of(&home, 7)).unwrap();
}

#[test]
fn a_token_of_another_cluster_does_not_open_the_directory() {
    let (_temp, dir) = fresh();
    let home = cluster(1);
    assert!(dir.load_identity_of(home.fingerprint()).unwrap().is_none());
    dir.save_identity(&node_of(&home, 7)).unwrap();
    assert!(dir.load_identity_of(home.fingerprint()).unwrap().is_some());
    let error = dir.load_identity_of(cluster(2).fingerprint()).unwrap_err();
    assert!(
        error.to_string().contains("the cluster of the join token"),
        "{error}"
    );
}

#[test]
fn a_removed_node_does_not_start_again() {
    let (_temp, dir) = fresh();
    let node = node_of(&cluster(1), 7);
    dir.save_identity(&node).unwrap();
    let removal = Removal {
        cluster_id: node.cluster_id(),
        node_id: 7,
        removed_at_ms: 5,
    };
    dir.mark_removed(removal).unwrap();
    assert_eq!(dir.removal().unwrap(), Some(removal));
    for error in [
        dir.load_identity().unwrap_err(),
        dir.save_identity(&node).unwrap_err(),
    ] {
        assert!(matches!(error, DataDirError::Removed { .. }));
        assert!(error.to_string().contains("node/7"), "{error}");
    }
}
