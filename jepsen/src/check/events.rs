//! The history of the cluster, heard at every node, is one history, and it never passes through a forbidden state.
//!
//! Several stenographers wrote down one play. Laid side by side, the scripts must be equal line by line; and somebody who plays the
//! script with puppets must at no line hold a route without its service, two services of one name, or a puppet that was
//! created twice. So even a state that no client happened to look at is judged.
//!
//! The catch: nodes forget. Who asks late is told the story from a later line on; whoever listened from the beginning lends the lines before.

use super::Findings;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const NAME: &str = "events";

/// One line of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The revision that did it.
    pub revision: u64,
    /// Its place within the revision.
    pub ordinal: u64,
    /// Kind of record.
    pub schema: String,
    /// `create`, `update` or `delete`.
    pub operation: String,
    /// Id of the record.
    pub id: String,
    /// The record's unique name, if it has one.
    pub name: Option<String>,
    /// Kind and id of the record it belongs to, if it does.
    pub parent: Option<(String, String)>,
    /// The record after the event, as text.
    pub entity: String,
    /// The record before it, as text.
    pub old_entity: String,
}

/// What one node told, from some line on without a gap.
#[derive(Clone, Debug)]
pub struct Script {
    /// Number of the node.
    pub node: usize,
    /// What it told.
    pub lines: Vec<Line>,
}

/// Compares the scripts, and plays what they are together.
pub fn check(scripts: &[Script]) -> Findings {
    let mut findings = Findings::default();
    let Some(whole) = whole(scripts) else {
        return findings;
    };
    for script in scripts {
        findings.checked += script.lines.len() as u64;
        if script.node != whole.node {
            compare(&whole, script, &mut findings);
        }
    }
    Play::default().perform(&whole, &mut findings);
    findings
}

/// The script that begins first, and what others tell after its end.
fn whole(scripts: &[Script]) -> Option<Script> {
    let begins = |script: &Script| script.lines.first().map(Line::place);
    let ends = |script: &Script| script.lines.last().map(Line::place);
    let told = || scripts.iter().filter(|script| !script.lines.is_empty());
    let mut whole = told()
        .min_by_key(|script| (begins(script), std::cmp::Reverse(script.lines.len())))?
        .clone();
    let end = ends(&whole);
    let longer = told()
        .filter(|script| begins(script) <= end)
        .max_by_key(|script| ends(script));
    if let Some(longer) = longer {
        let rest = longer.lines.iter().filter(|line| Some(line.place()) > end);
        whole.lines.extend(rest.cloned());
    }
    Some(whole)
}

/// From the line on with which the other begins, as far as both go, they must be equal.
fn compare(whole: &Script, other: &Script, findings: &mut Findings) {
    let Some(first) = other.lines.first() else { return };
    let from = whole.lines.partition_point(|line| line.place() < first.place());
    if from == whole.lines.len() {
        let text = format!("it begins at {:?}, where nobody else has come", first.place());
        findings.undecided(NAME, format!("node {}", other.node), text);
        return;
    }
    let differ = whole.lines[from..]
        .iter()
        .zip(&other.lines)
        .find(|(one, other)| one != other);
    if let Some((left, right)) = differ {
        let text = format!(
            "node {} tells {left:?}, node {} tells {right:?}",
            whole.node, other.node
        );
        findings.violated(NAME, format!("node {}", other.node), 0, text);
    }
}

/// Kind and id of a record.
type Key = (String, String);

/// A puppet.
#[derive(Clone)]
struct Held {
    entity: String,
    name: Option<String>,
    parent: Option<Key>,
}

/// The puppets on stage.
#[derive(Default)]
struct Play {
    records: HashMap<Key, Held>,
    /// Unique names: kind and name, with who has it.
    names: HashMap<Key, String>,
    children: HashMap<Key, BTreeSet<Key>>,
    last: Option<(u64, u64)>,
}

impl Play {
    fn perform(mut self, script: &Script, findings: &mut Findings) {
        let mut moments: BTreeMap<u64, Vec<&Line>> = BTreeMap::new();
        for line in &script.lines {
            let place = line.place();
            if let Some(last) = self.last.filter(|last| *last >= place) {
                let text = format!("event {}.{} comes after {}.{}", place.0, place.1, last.0, last.1);
                findings.violated(NAME, format!("node {}", script.node), 0, text);
            }
            self.last = Some(place);
            moments.entry(line.revision).or_default().push(line);
        }
        // A revision is one moment: what holds at all times is asked between revisions, not within.
        for (revision, lines) in moments {
            let mut faults: Vec<String> = lines.iter().filter_map(|line| self.play(line)).collect();
            faults.extend(lines.iter().filter_map(|line| self.orphan(line)));
            for fault in faults {
                findings.violated(NAME, format!("revision {revision}"), 0, fault);
            }
        }
    }

    fn play(&mut self, line: &Line) -> Option<String> {
        let key = line.key();
        let before = self.leave(&key);
        let fault = match (line.operation.as_str(), before) {
            ("create", Some(_)) => Some(format!("{} {} is created twice", line.schema, line.id)),
            ("update" | "delete", None) => Some(format!("{} {} was not there", line.schema, line.id)),
            ("update" | "delete", Some(before)) if before.entity != line.old_entity => Some(format!(
                "{} {} was {}, the event says {}",
                line.schema, line.id, before.entity, line.old_entity
            )),
            ("create" | "update" | "delete", _) => None,
            (operation, _) => Some(format!("unknown operation {operation}")),
        };
        let theft = if line.operation == "delete" {
            None
        } else {
            self.enter(key, line)
        };
        fault.or(theft)
    }

    fn enter(&mut self, key: Key, line: &Line) -> Option<String> {
        let held = Held {
            entity: line.entity.clone(),
            name: line.name.clone(),
            parent: line.parent.clone(),
        };
        if let Some(parent) = &held.parent {
            self.children
                .entry(parent.clone())
                .or_default()
                .insert(key.clone());
        }
        self.records.insert(key.clone(), held);
        let name = line.name.clone()?;
        let other = self.names.insert((key.0, name.clone()), key.1)?;
        Some(format!(
            "{} {} takes the name {name} of {other}",
            line.schema, line.id
        ))
    }

    fn leave(&mut self, key: &Key) -> Option<Held> {
        let held = self.records.remove(key)?;
        if let Some(name) = &held.name {
            let name = (key.0.clone(), name.clone());
            if self.names.get(&name) == Some(&key.1) {
                self.names.remove(&name);
            }
        }
        if let Some(children) = held
            .parent
            .as_ref()
            .and_then(|parent| self.children.get_mut(parent))
        {
            children.remove(key);
        }
        Some(held)
    }

    /// After a revision: a record without its parent, or a parent that left children.
    fn orphan(&self, line: &Line) -> Option<String> {
        let key = line.key();
        let is_there = self.records.contains_key(&key);
        match &line.parent {
            Some(parent) if is_there && !self.records.contains_key(parent) => {
                return Some(format!(
                    "{} {} belongs to {} {}, which is not there",
                    key.0, key.1, parent.0, parent.1
                ));
            }
            _ => {}
        }
        let orphans = self
            .children
            .get(&key)
            .filter(|children| !is_there && !children.is_empty())?;
        Some(format!("{} {} is gone and leaves {orphans:?}", key.0, key.1))
    }
}

impl Line {
    fn place(&self) -> (u64, u64) {
        (self.revision, self.ordinal)
    }

    fn key(&self) -> Key {
        (self.schema.clone(), self.id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(revision: u64, operation: &str, schema: &str, id: &str, parent: Option<&str>) -> Line {
        let text = |present: bool| if present { id.to_owned() } else { String::new() };
        Line {
            revision,
            ordinal: 0,
            schema: schema.into(),
            operation: operation.into(),
            id: id.into(),
            name: Some(format!("name-of-{id}")),
            parent: parent.map(|parent| ("services".into(), parent.into())),
            entity: text(operation != "delete"),
            old_entity: text(operation != "create"),
        }
    }

    #[track_caller]
    fn finds(scripts: Vec<Vec<Line>>, expected: &[&str]) {
        let scripts: Vec<_> = scripts
            .into_iter()
            .enumerate()
            .map(|(at, lines)| Script { node: at + 1, lines })
            .collect();
        let findings = check(&scripts);
        let texts: Vec<_> = findings
            .violations
            .iter()
            .map(|violation| violation.text.clone())
            .collect();
        assert_eq!(texts.len(), expected.len(), "{texts:?}");
        for (text, words) in texts.iter().zip(expected) {
            assert!(text.contains(words), "{text} does not say {words}");
        }
    }

    #[test]
    fn a_life_in_order_is_fine() {
        let life = vec![
            line(1, "create", "services", "s", None),
            line(2, "create", "routes", "r", Some("s")),
            line(3, "update", "routes", "r", Some("s")),
            line(4, "delete", "routes", "r", Some("s")),
            line(5, "delete", "services", "s", None),
        ];
        finds(vec![life.clone(), life[..3].to_vec(), life], &[]);
    }

    #[test]
    fn scripts_must_be_equal_line_by_line() {
        let one = vec![
            line(1, "create", "services", "s", None),
            line(2, "delete", "services", "s", None),
        ];
        let other = vec![line(1, "create", "services", "t", None)];
        finds(vec![one, other], &["node 2 tells"]);
    }

    #[test]
    fn a_node_that_forgot_the_beginning_is_compared_from_its_first_line_on() {
        let life = vec![
            line(1, "create", "services", "s", None),
            line(2, "update", "services", "s", None),
            line(3, "delete", "services", "s", None),
        ];
        finds(
            vec![life[..2].to_vec(), life[1..].to_vec(), life[2..].to_vec()],
            &[],
        );
        let mut false_end = life[1..].to_vec();
        false_end[1].operation = "update".into();
        finds(vec![life, false_end], &["node 2 tells"]);
    }

    #[test]
    fn what_one_node_tells_after_the_others_end_is_played_too() {
        let orphan = vec![
            line(2, "create", "services", "t", None),
            line(3, "create", "routes", "r", Some("s")),
        ];
        finds(
            vec![
                vec![
                    line(1, "create", "services", "q", None),
                    line(2, "create", "services", "t", None),
                ],
                orphan,
            ],
            &["which is not there"],
        );
    }

    #[test]
    fn scripts_that_do_not_touch_decide_nothing() {
        let scripts: Vec<Script> = [1, 5]
            .map(|at| Script {
                node: at,
                lines: vec![line(at as u64, "create", "services", "s", None)],
            })
            .into();
        let findings = check(&scripts);
        assert!(findings.violations.is_empty());
        assert_eq!(findings.unknowns.len(), 1);
    }

    #[test]
    fn a_route_without_its_service_is_an_orphan() {
        finds(
            vec![vec![line(1, "create", "routes", "r", Some("s"))]],
            &["which is not there"],
        );
        let left = vec![
            line(1, "create", "services", "s", None),
            line(2, "create", "routes", "r", Some("s")),
            line(3, "delete", "services", "s", None),
        ];
        finds(vec![left], &["is gone and leaves"]);
    }

    #[test]
    fn within_a_revision_the_order_does_not_matter() {
        let mut route = line(1, "create", "routes", "r", Some("s"));
        route.ordinal = 0;
        let mut service = line(1, "create", "services", "s", None);
        service.ordinal = 1;
        finds(vec![vec![route, service]], &[]);
    }

    #[test]
    fn events_out_of_order_and_records_from_nowhere_are_told() {
        let create = |revision| line(revision, "create", "services", "s", None);
        finds(vec![vec![create(1), create(2)]], &["is created twice"]);
        finds(
            vec![vec![line(2, "delete", "services", "s", None)]],
            &["was not there"],
        );
        let backwards = vec![create(2), line(1, "create", "services", "t", None)];
        finds(vec![backwards], &["event 1.0 comes after"]);
    }

    #[test]
    fn a_name_has_one_owner() {
        let mut thief = line(2, "create", "services", "t", None);
        thief.name = Some("name-of-s".into());
        finds(
            vec![vec![line(1, "create", "services", "s", None), thief]],
            &["takes the name"],
        );
    }
}
