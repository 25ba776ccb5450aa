//! What became of every record, for people and for machines.

use crate::{columns, grammar::ImportArgs};
use serde_json::{Value, json};
use troop_schema::Record;

/// Refusals printed one by one to people; a script reads all of them with `--output json`.
const SHOWN_MAX: usize = 50;

/// The end of one record's journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Became {
    /// It was not there and is.
    Created,
    /// It was there otherwise.
    Changed,
    /// It was there exactly so.
    Unchanged,
    /// It was not taken, for this reason.
    Refused(String),
}

/// One entity's count.
#[derive(Debug)]
pub(super) struct Tally {
    entity: &'static str,
    found: usize,
    created: usize,
    changed: usize,
    unchanged: usize,
    refused: Vec<Value>,
}

impl Tally {
    /// Notes what became of a record.
    pub(super) fn note(&mut self, record: &Record, became: Became) {
        self.found += 1;
        match became {
            Became::Created => self.created += 1,
            Became::Changed => self.changed += 1,
            Became::Unchanged => self.unchanged += 1,
            Became::Refused(reason) => self.refused.push(json!({
                "entity": self.entity,
                "id": record.get("id"),
                "name": name(record),
                "reason": reason,
            })),
        }
    }

    fn row(&self) -> Value {
        json!({
            "entity": self.entity,
            "found": self.found,
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "refused": self.refused.len(),
        })
    }
}

/// By what a person knows a record. Never a key or a secret.
fn name(record: &Record) -> Option<&str> {
    ["name", "username", "custom_id", "target", "prefix", "group"]
        .into_iter()
        .find_map(|field| record.get(field)?.as_str())
}

/// The whole journey.
#[derive(Debug)]
pub(crate) struct Report {
    from: String,
    version: String,
    dry_run: bool,
    tallies: Vec<Tally>,
    left_behind: Vec<(String, usize)>,
}

impl Report {
    pub(super) fn new(args: &ImportArgs, version: String) -> Self {
        Report {
            from: args.from.url.clone(),
            version,
            dry_run: args.dry_run,
            tallies: Vec::new(),
            left_behind: Vec::new(),
        }
    }

    pub(super) fn entity(&mut self, entity: &'static str) -> &mut Tally {
        self.tallies.push(Tally {
            entity,
            found: 0,
            created: 0,
            changed: 0,
            unchanged: 0,
            refused: Vec::new(),
        });
        self.tallies.last_mut().expect("invariant: one was pushed")
    }

    pub(super) fn leave_behind(&mut self, rooms: Vec<(String, usize)>) {
        self.left_behind = rooms;
    }

    /// Records that were not taken.
    pub(crate) fn not_taken(&self) -> usize {
        let refused: usize = self.tallies.iter().map(|tally| tally.refused.len()).sum();
        let left: usize = self.left_behind.iter().map(|(_, count)| count).sum();
        refused + left
    }

    /// For machines.
    pub(crate) fn document(&self) -> Value {
        let left = self
            .left_behind
            .iter()
            .map(|(path, count)| json!({ "path": path, "records": count }));
        json!({
            "from": self.from,
            "version": self.version,
            "dry_run": self.dry_run,
            "entities": self.seen().map(Tally::row).collect::<Vec<_>>(),
            "refused": self.refused().collect::<Vec<_>>(),
            "not_taken": left.collect::<Vec<_>>(),
        })
    }

    /// Entities of which the Kong has any.
    fn seen(&self) -> impl Iterator<Item = &Tally> {
        self.tallies.iter().filter(|tally| tally.found > 0)
    }

    fn refused(&self) -> impl Iterator<Item = &Value> {
        self.tallies.iter().flat_map(|tally| &tally.refused)
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let verb = if self.dry_run { "would be copied" } else { "copied" };
        let mut text = format!("{verb} from Kong {} at {}\n\n", self.version, self.from);
        let rows: Vec<Value> = self.seen().map(Tally::row).collect();
        text.push_str(&columns::render(
            &[
                ("ENTITY", "entity"),
                ("FOUND", "found"),
                ("CREATED", "created"),
                ("CHANGED", "changed"),
                ("UNCHANGED", "unchanged"),
                ("REFUSED", "refused"),
            ],
            &rows,
        ));
        let refused: Vec<&Value> = self.refused().collect();
        for no in refused.iter().take(SHOWN_MAX) {
            let cell = |member| columns::cell(no.get(member));
            text.push_str(&format!(
                "\nrefused: {} {} ({})\n    {}\n",
                cell("entity"),
                cell("id"),
                cell("name"),
                cell("reason")
            ));
        }
        if refused.len() > SHOWN_MAX {
            text.push_str(&format!(
                "\n… and {} more; --output json lists all\n",
                refused.len() - SHOWN_MAX
            ));
        }
        for (path, count) in &self.left_behind {
            text.push_str(&format!(
                "\nnot taken: {count} of {path}, which troop does not have\n"
            ));
        }
        text
    }
}
