//! One side of the copy: an Admin API, seen as rooms full of records.
//!
//! Kong lists in pages and a page can be large; rooms below a parent (targets) are visited parent by parent.

use crate::{
    client::message_of,
    dial::{AdminAddress, Papers},
    failure::Failure,
    grammar::Target,
    http::{Answer, Question, Silence, ask},
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use troop_schema::{Entity, Record, Registry};
use troop_settings::HostPort;

/// Rows of a page: Kong gives up to 1,000; half of it keeps pages of certificates below the largest answer taken.
const PAGE_SIZE: usize = 500;

/// Collections of other editions, for a Kong that does not list its paths.
const FOREIGN_ROOMS: [&str; 12] = [
    "/consumer_groups",
    "/rbac/users",
    "/rbac/roles",
    "/workspaces",
    "/licenses",
    "/event-hooks",
    "/partials",
    "/mtls-auths",
    "/groups",
    "/developers",
    "/applications",
    "/files",
];

/// The Kong to copy: `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// As it was written.
    pub(crate) url: String,
    address: HostPort,
}

impl Source {
    /// Reads a URL without path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let url = text.trim_end_matches('/');
        let rest = url
            .strip_prefix("http://")
            .ok_or("is not http://HOST:PORT (an https Admin API: import from the machine itself)")?;
        let address = HostPort::parse(rest).or_else(|problem| {
            // Kong's own port, when none is named.
            HostPort::parse(&format!("{rest}:8001")).map_err(|_| problem)
        })?;
        Ok(Source {
            url: url.to_owned(),
            address,
        })
    }
}

/// Whether any list shows its records.
pub(super) fn has_room(entity: &Entity) -> bool {
    entity.has_endpoints()
}

/// Whether a record wears all of these tags.
pub(super) fn wears(record: &Record, tags: &[String]) -> bool {
    let own = record.get("tags").and_then(Value::as_array);
    tags.iter()
        .all(|tag| own.is_some_and(|own| own.iter().any(|has| has == tag)))
}

/// Which of the two sides: what is said when nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Target,
}

/// One Admin API.
#[derive(Debug)]
pub(super) struct House {
    address: AdminAddress,
    papers: Papers,
    timeout: Duration,
    side: Side,
}

/// What is done with the records of a page.
type Visit<'v> = dyn FnMut(Vec<Record>) -> Result<(), Failure> + 'v;

impl House {
    /// The Kong to copy.
    pub(super) fn source(source: &Source, timeout: Duration) -> Self {
        House {
            address: AdminAddress::Plain(source.address.clone()),
            papers: Papers::default(),
            timeout,
            side: Side::Source,
        }
    }

    /// The node to write to.
    pub(super) fn target(target: &Target) -> Self {
        House {
            address: target.admin.clone(),
            papers: target.papers.clone(),
            timeout: target.timeout,
            side: Side::Target,
        }
    }

    /// What it calls its version.
    pub(super) fn version(&self) -> Result<String, Failure> {
        let root = self.document("/")?;
        let version = root.get("version").and_then(Value::as_str);
        version
            .map(str::to_owned)
            .ok_or_else(|| self.strange("GET / names no version"))
    }

    /// Visits all records of an entity, a page at a time.
    pub(super) fn each_room(
        &self,
        registry: &Registry,
        entity: &Entity,
        visit: &mut Visit<'_>,
    ) -> Result<(), Failure> {
        if entity.is_top_level() {
            return self.each_page(&format!("/{}", entity.admin_path()), visit);
        }
        let parents = entity
            .foreigns()
            .filter_map(|foreign| registry.entity(foreign.reference));
        for parent in parents.filter(|parent| parent.is_top_level()) {
            let mut ids = Vec::new();
            self.each_page(&format!("/{}", parent.admin_path()), &mut |records| {
                ids.extend(
                    records
                        .iter()
                        .filter_map(|record| Some(record.get("id")?.as_str()?.to_owned())),
                );
                Ok(())
            })?;
            for id in ids {
                self.each_page(
                    &format!("/{}/{id}/{}", parent.admin_path(), entity.nested_path()),
                    visit,
                )?;
            }
        }
        Ok(())
    }

    /// A Kong without this collection has none of its records.
    fn each_page(&self, path: &str, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let mut offset = None::<String>;
        loop {
            let start = offset
                .as_deref()
                .map(|offset| format!("&offset={}", escape(offset)));
            let path = format!("{path}?size={PAGE_SIZE}{}", start.unwrap_or_default());
            let answer = self.ask(Question {
                method: "GET",
                path: &path,
                body: None,
            })?;
            if answer.status == 404 {
                return Ok(());
            }
            let page = self.read(answer)?;
            visit(rows(&page))?;
            match page.get("offset").and_then(Value::as_str) {
                Some(next) if offset.as_deref() != Some(next) => offset = Some(next.to_owned()),
                _ => return Ok(()),
            }
        }
    }

    /// Collections with records that no table of ours knows, and how many.
    pub(super) fn strange_rooms(&self, registry: &Registry) -> Result<Vec<(String, usize)>, Failure> {
        let mut rooms = Vec::new();
        for path in self.listed_rooms()? {
            if registry.entity_by_path(path.trim_start_matches('/')).is_some() || !self.opens(&path)? {
                continue;
            }
            let mut count = 0;
            self.each_page(&path, &mut |rows| {
                let records = rows.iter().filter(|row| row.contains_key("id"));
                count += records.filter(|row| !is_default_workspace(&path, row)).count();
                Ok(())
            })?;
            if count > 0 {
                rooms.push((path, count));
            }
        }
        Ok(rooms)
    }

    /// Whether a collection can be read: those of other editions may ask for a licence first.
    fn opens(&self, path: &str) -> Result<bool, Failure> {
        let path = format!("{path}?size=1");
        let answer = self.ask(Question {
            method: "GET",
            path: &path,
            body: None,
        })?;
        Ok(answer.status == 200)
    }

    /// Collections the Kong says it has, and those it may have without saying.
    fn listed_rooms(&self) -> Result<BTreeSet<String>, Failure> {
        let answer = self.ask(Question {
            method: "GET",
            path: "/endpoints",
            body: None,
        })?;
        let listed: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let listed = listed
            .get("data")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let listed: BTreeSet<&str> = listed.iter().filter_map(Value::as_str).collect();
        // A collection is a path with members below it; others may never end (a stream of events).
        let has_members = |path: &str| {
            listed.iter().any(|other| {
                other
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.starts_with("/{"))
            })
        };
        let plain = listed
            .iter()
            .filter(|path| !path.contains('{') && path.len() > 1 && has_members(path));
        Ok(plain.copied().chain(FOREIGN_ROOMS).map(str::to_owned).collect())
    }

    /// The document at `path`.
    fn document(&self, path: &str) -> Result<Value, Failure> {
        let answer = self.ask(Question {
            method: "GET",
            path,
            body: None,
        })?;
        self.read(answer)
    }

    fn read(&self, answer: Answer) -> Result<Value, Failure> {
        if answer.status != 200 {
            return Err(Failure::Refused {
                address: self.address.clone(),
                status: answer.status,
                message: message_of(&answer.body),
            });
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.strange("its body is not JSON"))
    }

    /// An answer whatever its status.
    pub(super) fn ask(&self, question: Question<'_>) -> Result<Answer, Failure> {
        ask(&self.address, &self.papers, question, self.timeout).map_err(|silence| match silence {
            Silence::Line(source) if self.side == Side::Source => Failure::NoSource {
                address: self.address.clone(),
                source,
            },
            Silence::Line(source) => Failure::Unreachable {
                address: self.address.clone(),
                source,
            },
            Silence::Garbled(problem) => self.strange(problem),
        })
    }

    fn strange(&self, problem: &str) -> Failure {
        Failure::Strange {
            address: self.address.clone(),
            problem: problem.to_owned(),
        }
    }
}

fn rows(page: &Value) -> Vec<Record> {
    let rows = page.get("data").and_then(Value::as_array);
    rows.into_iter()
        .flatten()
        .filter_map(|row| row.as_object().cloned())
        .collect()
}

/// The one workspace that everybody has.
fn is_default_workspace(path: &str, row: &Record) -> bool {
    path == "/workspaces" && row.get("name").is_some_and(|name| name == "default")
}

/// Offsets are base64, of which a query reads three signs otherwise.
fn escape(text: &str) -> String {
    text.replace('%', "%25")
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
        .replace('&', "%26")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_source_is_a_url_without_a_path() {
        for (text, host, port) in [
            ("http://kong:8001", "kong", 8001),
            ("http://kong/", "kong", 8001),
            ("http://[::1]:9001", "::1", 9001),
        ] {
            let source = Source::parse(text).unwrap();
            assert_eq!(
                (source.address.host.as_str(), source.address.port),
                (host, port),
                "{text}"
            );
        }
        for text in [
            "kong:8001",
            "https://kong:8444",
            "http://",
            "http://kong:8001/admin",
        ] {
            assert!(Source::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_record_is_selected_if_it_wears_every_tag() {
        let record = json!({"tags": ["a", "b"]}).as_object().cloned().unwrap();
        let select = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        assert!(
            wears(&record, &[]) && wears(&record, &select(&["a"])) && wears(&record, &select(&["a", "b"]))
        );
        assert!(!wears(&record, &select(&["a", "c"])) && !wears(&Record::new(), &select(&["a"])));
    }
}
