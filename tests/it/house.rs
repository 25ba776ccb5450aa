//! The house keeps its own rules: imports go down the floors, files stay readable, names stay honest.
//!
//! A building inspector who reads the plans (the root manifest, where each member stands under the
//! comment that names its floor) and then walks through the rooms. He reads plain text and needs no
//! parser: our manifests are written by hand in one style, and a line he cannot read is itself a finding.
//!
//! What it does not do: judge code. That is clippy's and the reader's work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines in one file before we look for its second subject.
const FILE_MAX_LINES: usize = 500;

/// Files that may be longer, each with its reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = [
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "mod",
];

#[test]
fn imports_go_strictly_down_the_floors() {
    let house = House::read();
    for member in &house.members {
        for import in member.ours(&["dependencies", "build-dependencies"]) {
            let below = house.floor_of(&import);
            assert!(
                below < member.floor,
                "{} (floor {}) imports {import} (floor {below}); what two neighbours share moves down a floor",
                member.name,
                member.floor
            );
        }
    }
}

/// The fuzz targets: a workspace of their own, on no floor.
const FUZZ: &str = "tests/fuzz";

/// Who may name the replicated store instead of holding its port: whoever makes it, changes its members, or proves it.
const STORE_NEIGHBOURS: [&str; 4] = ["troop-cluster", "troop", "troop-tests", "troop-benches"];

#[test]
fn the_parts_hold_the_store_port_and_never_name_the_store() {
    for member in &House::read().members {
        let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
        let names_it = member
            .ours(&sections)
            .iter()
            .any(|import| import == "troop-raft-store");
        assert!(
            !names_it || STORE_NEIGHBOURS.contains(&member.name.as_str()),
            "{}",
            member.name
        );
    }
}

#[test]
fn every_manifest_is_a_member_and_stands_on_a_floor() {
    let house = House::read();
    let mut found = Vec::new();
    walk(&root(), &mut |path| {
        if path.file_name().is_some_and(|name| name == "Cargo.toml") {
            found.push(inside(path.parent().expect("a file has a directory")));
        }
    });
    found.retain(|path| !path.is_empty() && path != FUZZ);
    found.sort();
    let mut listed: Vec<_> = house.members.iter().map(|member| member.path.clone()).collect();
    listed.sort();
    assert_eq!(found, listed);
}

#[test]
fn every_member_takes_the_lints_of_the_house_and_has_no_features() {
    for member in House::read().members {
        let lints = member.sections.get("lints").cloned().unwrap_or_default();
        assert!(
            lints.contains(&"workspace = true".to_owned()),
            "{}: no [lints] workspace = true",
            member.name
        );
        assert!(
            !member.sections.contains_key("features"),
            "{}: cargo features among our crates",
            member.name
        );
    }
}

#[test]
fn every_dependency_is_named_once_in_the_root_manifest() {
    for member in House::read().members {
        for (section, lines) in &member.sections {
            if !section.ends_with("dependencies") {
                continue;
            }
            for line in lines {
                let shared = line.contains(".workspace = true") || line.contains("workspace = true,");
                assert!(shared, "{} [{section}]: {line}", member.name);
            }
        }
    }
}

#[test]
fn every_source_file_opens_with_its_subject() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{path} does not start with //!");
    }
}

#[test]
fn no_source_file_is_long_without_a_reason() {
    for (path, text) in sources() {
        let excused = LONG_FILES
            .iter()
            .any(|(name, reason)| *name == path && !reason.is_empty());
        let lines = text.lines().count();
        assert!(
            excused || lines <= FILE_MAX_LINES,
            "{path} has {lines} lines; is there a second subject inside?"
        );
    }
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    for (path, _) in sources() {
        let stem = Path::new(&path)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        assert!(!EMPTY_NAMES.contains(&stem), "{path}: name it after its subject");
    }
}

#[test]
fn every_test_that_the_guarantees_name_exists() {
    let page = read(&root().join("docs/src/guarantees.md"));
    let promised = page
        .lines()
        .filter_map(|line| line.strip_prefix("* `")?.strip_suffix('`'));
    let sources = sources();
    for name in promised {
        let definition = format!("fn {name}(");
        assert!(
            sources.iter().any(|(_, text)| text.contains(&definition)),
            "no test is called {name}"
        );
    }
}

/// The root manifest and all it lists.
struct House {
    members: Vec<Member>,
}

/// One crate of ours.
struct Member {
    path: String,
    name: String,
    floor: u32,
    sections: BTreeMap<String, Vec<String>>,
}

impl House {
    fn read() -> House {
        let manifest = read(&root().join("Cargo.toml"));
        let mut members = Vec::new();
        let mut floor = None;
        for line in manifest
            .lines()
            .map(str::trim)
            .skip_while(|line| *line != "members = [")
            .skip(1)
        {
            if line == "]" {
                break;
            }
            if let Some(comment) = line.strip_prefix("# floor ") {
                floor = comment
                    .split(':')
                    .next()
                    .and_then(|number| number.trim().parse().ok());
            } else if let Some(path) = line.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                let floor = floor.unwrap_or_else(|| panic!("{path} stands under no floor comment"));
                members.push(Member::read(path, floor));
            }
        }
        assert!(!members.is_empty(), "the root manifest lists no members");
        House { members }
    }

    fn floor_of(&self, name: &str) -> u32 {
        let member = self.members.iter().find(|member| member.name == name);
        member.unwrap_or_else(|| panic!("{name} is no member")).floor
    }
}

impl Member {
    fn read(path: &str, floor: u32) -> Member {
        let manifest = read(&root().join(path).join("Cargo.toml"));
        let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut section = String::new();
        for line in manifest
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(name) => section = name.trim_matches(['[', ']']).to_owned(),
                None => sections.entry(section.clone()).or_default().push(line.to_owned()),
            }
        }
        let package = sections.get("package").cloned().unwrap_or_default();
        let name = package
            .iter()
            .find_map(|line| line.strip_prefix("name = "))
            .expect("a package has a name");
        Member {
            path: path.to_owned(),
            name: name.trim_matches('"').to_owned(),
            floor,
            sections,
        }
    }

    /// Our crates among the imports of these sections.
    fn ours(&self, sections: &[&str]) -> Vec<String> {
        let lines = sections
            .iter()
            .filter_map(|section| self.sections.get(*section))
            .flatten();
        let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
        names
            .filter(|name| *name == "troop" || name.starts_with("troop-"))
            .map(str::to_owned)
            .collect()
    }
}

/// Every Rust file of ours with its text, by its path below the root.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root(), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((inside(path), read(path)));
        }
    });
    assert!(!found.is_empty(), "no sources found");
    found
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && name != "target" && !name.starts_with("troop-data") {
            walk(&path, visit);
        } else if path.is_file() {
            visit(&path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the root")
        .to_owned()
}

/// A path as seen from the root.
fn inside(path: &Path) -> String {
    path.strip_prefix(root())
        .expect("a path of ours")
        .display()
        .to_string()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
