//! The street map: which paths exist and who lives there.
//!
//! Most houses are built by rule: every entity has a collection, a house per member, and the same again below
//! each parent ([`derived`]). A few are built by hand and stand in [`crate::custom`]; where both claim a door
//! (a path and a method), the hand-built one wins. A new entity gets its streets from its table; nothing is
//! written here.
//!
//! The catch: `/plugins/enabled` is also a plugin called "enabled". A spelt-out segment beats a variable one,
//! seen from the left.

use crate::{
    call::Param,
    custom,
    generated::{Generated, Subject},
};
use http::Method;
use std::{cmp::Reverse, collections::HashMap, fmt};
use troop_schema::{Entity, Registry};

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Variable(String),
}

/// A path with variable segments, written `/services/{services}/routes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Segment>);

impl Pattern {
    /// Reads a written pattern.
    pub fn new(written: &str) -> Self {
        let segments = written.split('/').filter(|segment| !segment.is_empty());
        Pattern(segments.map(Segment::new).collect())
    }

    fn matches(&self, path: &[&str]) -> Option<Vec<Param>> {
        if self.0.len() != path.len() {
            return None;
        }
        let mut params = Vec::new();
        for (own, given) in self.0.iter().zip(path) {
            match own {
                Segment::Literal(text) if text == given => {}
                Segment::Variable(_) if !given.is_empty() => params.push(Param::new(given)),
                _ => return None,
            }
        }
        Some(params)
    }

    /// Names of its variable segments, from the left.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Variable(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// Spelt-out segments first, from the left.
    fn rank(&self) -> Vec<bool> {
        self.0
            .iter()
            .map(|segment| matches!(segment, Segment::Literal(_)))
            .collect()
    }

    /// Under which first segment it is filed; none when that is variable or missing.
    fn street(&self) -> Option<&str> {
        match self.0.first() {
            Some(Segment::Literal(text)) => Some(text),
            _ => None,
        }
    }
}

impl Segment {
    fn new(written: &str) -> Self {
        match written.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => Segment::Variable(name.to_owned()),
            None => Segment::Literal(written.to_owned()),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => write!(f, "/{text}"),
            Segment::Variable(name) => write!(f, "/{{{name}}}"),
        })
    }
}

/// Who answers at a door.
#[derive(Clone, Debug)]
pub enum Handler {
    /// By rule.
    Generated(Generated),
    /// By hand.
    Custom(custom::Handler),
}

/// One path.
#[derive(Debug)]
pub struct Endpoint {
    pattern: Pattern,
    handlers: Vec<(Method, Handler)>,
}

impl Endpoint {
    /// Who answers `method` here.
    pub fn handler(&self, method: &Method) -> Option<&Handler> {
        let mut handlers = self.handlers.iter();
        handlers
            .find(|(own, _)| own == method)
            .map(|(_, handler)| handler)
    }

    /// Whether an entity has it by rule: its methods, also those built by hand, read and write records.
    pub fn is_of_an_entity(&self) -> bool {
        let mut handlers = self.handlers.iter();
        handlers.any(|(_, handler)| matches!(handler, Handler::Generated(_)))
    }

    /// Methods that are answered here, with `HEAD` and `OPTIONS`, sorted and joined by commas.
    pub fn allow(&self) -> String {
        let mut names: Vec<&str> = self.handlers.iter().map(|(method, _)| method.as_str()).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.push("OPTIONS");
        names.sort_unstable();
        names.join(", ")
    }

    fn set(&mut self, method: Method, handler: Handler) {
        self.handlers.retain(|(own, _)| *own != method);
        self.handlers.push((method, handler));
    }
}

/// All paths.
#[derive(Debug, Default)]
pub struct Endpoints {
    all: Vec<Endpoint>,
    by_street: HashMap<String, Vec<usize>>,
}

impl Endpoints {
    /// The derived ones of `registry` and the hand-written ones.
    pub fn new(registry: &Registry) -> Self {
        let mut endpoints = Endpoints::default();
        for (pattern, generated) in derived(registry) {
            for method in generated.methods() {
                endpoints.add(&pattern, method, Handler::Generated(generated));
            }
        }
        for (pattern, method, handler) in custom::table() {
            endpoints.add(pattern, method, Handler::Custom(handler));
        }
        endpoints.file();
        endpoints
    }

    fn add(&mut self, written: &str, method: Method, handler: Handler) {
        let pattern = Pattern::new(written);
        let at = self.all.iter().position(|endpoint| endpoint.pattern == pattern);
        let at = at.unwrap_or_else(|| {
            self.all.push(Endpoint {
                pattern,
                handlers: Vec::new(),
            });
            self.all.len() - 1
        });
        self.all[at].set(method, handler);
    }

    fn file(&mut self) {
        self.all.sort_by_key(|endpoint| Reverse(endpoint.pattern.rank()));
        for (at, endpoint) in self.all.iter().enumerate() {
            let street = endpoint.pattern.street().unwrap_or_default().to_owned();
            self.by_street.entry(street).or_default().push(at);
        }
    }

    /// Who lives at `path`, and the variable segments. One trailing slash means nothing.
    pub fn find(&self, path: &str) -> Option<(&Endpoint, Vec<Param>)> {
        let inner = path.strip_prefix('/')?;
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let segments: Vec<&str> = if inner.is_empty() {
            Vec::new()
        } else {
            inner.split('/').collect()
        };
        let street = self
            .by_street
            .get(segments.first().copied().unwrap_or_default())?;
        let mut houses = street.iter().map(|at| &self.all[*at]);
        houses.find_map(|endpoint| Some((endpoint, endpoint.pattern.matches(&segments)?)))
    }

    /// Every pattern, sorted.
    pub fn patterns(&self) -> Vec<String> {
        let mut written: Vec<String> = self
            .all
            .iter()
            .map(|endpoint| endpoint.pattern.to_string())
            .collect();
        written.sort_unstable();
        written
    }
}

/// The paths every entity has, by rule.
pub(crate) fn derived(registry: &Registry) -> Vec<(String, Generated)> {
    let mut out = Vec::new();
    for entity in registry.entities() {
        if entity.is_top_level() {
            top_level(registry, entity, &mut out);
        }
        nested(registry, entity, &mut out);
    }
    out
}

fn top_level(registry: &Registry, entity: &Entity, out: &mut Vec<(String, Generated)>) {
    let collection = format!("/{}", entity.admin_path());
    let member = format!("{collection}/{{{}}}", entity.name());
    for foreign in entity
        .foreigns()
        .filter(|foreign| registry.entity(foreign.reference).is_some() && entity.has_path_to(foreign.field))
    {
        let subject = Subject::Parent {
            field: foreign.field,
            parent: foreign.reference,
        };
        out.push((
            format!("{member}/{}", foreign.field),
            Generated {
                entity: entity.name(),
                subject,
            },
        ));
    }
    out.push((
        collection,
        Generated {
            entity: entity.name(),
            subject: Subject::Collection,
        },
    ));
    out.push((
        member,
        Generated {
            entity: entity.name(),
            subject: Subject::Member,
        },
    ));
}

fn nested(registry: &Registry, parent: &Entity, out: &mut Vec<(String, Generated)>) {
    for child in registry.children(parent.name()) {
        let entity = registry.entity(child.entity);
        let Some(entity) = entity.filter(|entity| entity.has_endpoints()) else {
            continue;
        };
        let (field, above) = (child.field, parent.name());
        let collection = format!("/{}/{{{}}}/{}", parent.admin_path(), above, entity.nested_path());
        let member = format!("{collection}/{{{}}}", entity.name());
        let generated = |subject| Generated {
            entity: entity.name(),
            subject,
        };
        out.push((collection, generated(Subject::Children { parent: above, field })));
        out.push((member, generated(Subject::Child { parent: above, field })));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> Endpoints {
        Endpoints::new(&Registry::new(Vec::new()).unwrap())
    }

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, &[&str])>) {
        let endpoints = endpoints();
        let found = endpoints.find(path).map(|(endpoint, params)| {
            (
                endpoint.pattern.to_string(),
                params.into_iter().map(|p| p.text).collect::<Vec<_>>(),
            )
        });
        let seen = found.as_ref().map(|(pattern, params)| {
            (
                pattern.as_str(),
                params.iter().map(String::as_str).collect::<Vec<_>>(),
            )
        });
        assert_eq!(
            seen,
            expected.map(|(pattern, params)| (pattern, params.to_vec())),
            "{path}"
        );
    }

    #[test]
    fn paths_find_their_pattern() {
        check("/", Some(("/", &[])));
        check("/services", Some(("/services", &[])));
        check("/services/", Some(("/services", &[])));
        check("/services/a%2Fb", Some(("/services/{services}", &["a/b"])));
        check(
            "/services/s/routes/r",
            Some(("/services/{services}/routes/{routes}", &["s", "r"])),
        );
        check("/routes/r/service", Some(("/routes/{routes}/service", &["r"])));
        check("/plugins/enabled", Some(("/plugins/enabled", &[])));
        check("/plugins/other", Some(("/plugins/{plugins}", &["other"])));
        check(
            "/upstreams/u/targets/all",
            Some(("/upstreams/{upstreams}/targets/all", &["u"])),
        );
        check(
            "/upstreams/u/targets/t",
            Some(("/upstreams/{upstreams}/targets/{targets}", &["u", "t"])),
        );
        for nowhere in [
            "",
            "services",
            "/targets",
            "/services//",
            "/services/s/t",
            "/services/s/routes/r/x",
        ] {
            check(nowhere, None);
        }
    }

    #[test]
    fn methods_are_listed_with_head_and_options() {
        let endpoints = endpoints();
        let allow = |path| endpoints.find(path).unwrap().0.allow();
        assert_eq!(allow("/routes"), "GET, HEAD, OPTIONS, POST");
        assert_eq!(allow("/routes/x"), "DELETE, GET, HEAD, OPTIONS, PATCH, PUT");
        assert_eq!(allow("/"), "GET, HEAD, OPTIONS");
    }
}
