//! What stands on the plates of hand-built doors, door by door.

use http::Method;

/// What a door answers with.
#[derive(Clone, Copy)]
pub(super) enum Gives {
    /// A JSON object.
    Object,
    /// `{"message": …}`.
    Message,
    /// A page of rows that no table describes.
    Page,
    /// Text of this type.
    Text(&'static str),
    /// Nothing.
    Nothing,
}

/// A plate: path, method, what it does, status and form of a good answer.
pub(super) type Plate = (&'static str, Method, &'static str, u16, Gives);

/// Below one target.
macro_rules! target {
    ($rest:literal) => {
        concat!("/upstreams/{upstreams}/targets/{targets}", $rest)
    };
}

/// Kong has the doors and refuses at them.
const TAGS: &str = "Refused: tags are written with the records that wear them";

pub(super) const PLATES: &[Plate] = &[
    (
        "/",
        Method::GET,
        "Who this node is: version, plugins, settings",
        200,
        Gives::Object,
    ),
    ("/openapi.json", Method::GET, "This document", 200, Gives::Object),
    ("/endpoints", Method::GET, "Every path", 200, Gives::Object),
    (
        "/robots.txt",
        Method::GET,
        "Keeps search engines out",
        200,
        Gives::Text("text/plain"),
    ),
    (
        "/metrics",
        Method::GET,
        "What proxy and plugins have counted, in Prometheus's text format",
        200,
        Gives::Text("text/plain"),
    ),
    (
        "/status",
        Method::GET,
        "Memory, connections, whether the store is reachable",
        200,
        Gives::Object,
    ),
    (
        "/status/dns",
        Method::GET,
        "Not there, as in Kong with its usual DNS client",
        200,
        Gives::Object,
    ),
    (
        "/timers",
        Method::GET,
        "Kong's counters of timers, empty",
        200,
        Gives::Object,
    ),
    (
        "/events",
        Method::GET,
        "The cluster's changes as they happen",
        200,
        Gives::Text("text/event-stream"),
    ),
    (
        "/tags",
        Method::GET,
        "Which record wears which tag",
        200,
        Gives::Page,
    ),
    (
        "/tags/{tags}",
        Method::GET,
        "Which records wear this tag",
        200,
        Gives::Page,
    ),
    ("/tags", Method::POST, TAGS, 400, Gives::Object),
    ("/tags/{tags}", Method::PUT, TAGS, 400, Gives::Object),
    ("/tags/{tags}", Method::PATCH, TAGS, 400, Gives::Object),
    ("/tags/{tags}", Method::DELETE, TAGS, 400, Gives::Object),
    (
        "/plugins/enabled",
        Method::GET,
        "Names of the plugins of this build",
        200,
        Gives::Object,
    ),
    (
        "/plugins/schema/{name}",
        Method::GET,
        "The form of a plugin's configuration",
        200,
        Gives::Object,
    ),
    (
        "/schemas/{name}",
        Method::GET,
        "The form of an entity",
        200,
        Gives::Object,
    ),
    (
        "/schemas/plugins/{name}",
        Method::GET,
        "The form of a plugin",
        200,
        Gives::Object,
    ),
    (
        "/schemas/vaults/{name}",
        Method::GET,
        "The form of a vault",
        200,
        Gives::Object,
    ),
    (
        "/schemas/filters/{name}",
        Method::GET,
        "The form of a filter; there are none",
        200,
        Gives::Object,
    ),
    (
        "/schemas/{name}/validate",
        Method::POST,
        "Judge a record without storing it",
        200,
        Gives::Message,
    ),
    (
        "/schemas/plugins/validate",
        Method::POST,
        "Judge a plugin without storing it",
        200,
        Gives::Message,
    ),
    (
        "/schemas/vaults/validate",
        Method::POST,
        "Judge a vault without storing it",
        200,
        Gives::Message,
    ),
    (
        "/config",
        Method::GET,
        "The whole configuration as a declarative document",
        200,
        Gives::Object,
    ),
    (
        "/config",
        Method::POST,
        "Replace the whole configuration by a declarative document",
        201,
        Gives::Object,
    ),
    (
        "/clustering/status",
        Method::GET,
        "Refused, as by a Kong that is no control plane",
        200,
        Gives::Object,
    ),
    (
        "/clustering/data-planes",
        Method::GET,
        "Refused, as by a Kong that is no control plane",
        200,
        Gives::Object,
    ),
    (
        "/cache",
        Method::DELETE,
        "Nothing: what is served is never stale",
        204,
        Gives::Nothing,
    ),
    (
        "/cache/{key}",
        Method::GET,
        "Not found: nothing is cached under keys",
        200,
        Gives::Object,
    ),
    (
        "/cache/{key}",
        Method::DELETE,
        "Nothing: what is served is never stale",
        204,
        Gives::Nothing,
    ),
    (
        "/debug/node/log-level",
        Method::GET,
        "The level of this node's log",
        200,
        Gives::Message,
    ),
    (
        "/debug/node/log-level/{log_level}",
        Method::PUT,
        "Change it for a while",
        200,
        Gives::Message,
    ),
    (
        "/debug/cluster/log-level/{log_level}",
        Method::PUT,
        "Change it at every node for a while",
        200,
        Gives::Message,
    ),
    (
        "/upstreams/{upstreams}/health",
        Method::GET,
        "What this node's balancer thinks of the targets",
        200,
        Gives::Object,
    ),
    (
        "/upstreams/{upstreams}/targets/all",
        Method::GET,
        "The targets in the order of their ids",
        200,
        Gives::Page,
    ),
    (
        target!("/healthy"),
        Method::PUT,
        "Mark a target healthy on every node",
        204,
        Gives::Nothing,
    ),
    (
        target!("/unhealthy"),
        Method::PUT,
        "Mark a target unhealthy on every node",
        204,
        Gives::Nothing,
    ),
    (
        target!("/{address}/healthy"),
        Method::PUT,
        "Mark one address healthy on every node",
        204,
        Gives::Nothing,
    ),
    (
        target!("/{address}/unhealthy"),
        Method::PUT,
        "Mark one address unhealthy on every node",
        204,
        Gives::Nothing,
    ),
    (
        "/troop/batch",
        Method::POST,
        "Make several writes at one revision, or none",
        200,
        Gives::Object,
    ),
    (
        "/troop/records",
        Method::GET,
        "Every record as it is stored, at one revision",
        200,
        Gives::Text("application/x-ndjson"),
    ),
    (
        "/troop/changes",
        Method::POST,
        "Open a change set",
        201,
        Gives::Object,
    ),
    (
        "/troop/changes/{id}",
        Method::POST,
        "Add records to a change set",
        200,
        Gives::Object,
    ),
    (
        "/troop/changes/{id}",
        Method::DELETE,
        "Give a change set up",
        204,
        Gives::Nothing,
    ),
    (
        "/troop/changes/{id}/commit",
        Method::POST,
        "Make a change set, at one revision, or nothing of it",
        200,
        Gives::Object,
    ),
    (
        "/troop/status",
        Method::GET,
        "Leader, term, indexes, members",
        200,
        Gives::Object,
    ),
    (
        "/troop/digest",
        Method::GET,
        "Revision and digests of this node's state",
        200,
        Gives::Object,
    ),
    (
        "/troop/health",
        Method::GET,
        "Whether this node is well",
        200,
        Gives::Object,
    ),
    (
        "/troop/explain",
        Method::POST,
        "Which route a request would find, and what speaks against the others",
        200,
        Gives::Object,
    ),
    ("/troop/nodes", Method::GET, "The members", 200, Gives::Object),
    ("/troop/nodes/{id}", Method::GET, "One member", 200, Gives::Object),
    (
        "/troop/nodes/{id}",
        Method::DELETE,
        "Remove a member",
        204,
        Gives::Nothing,
    ),
    (
        "/troop/leader",
        Method::POST,
        "Hand leadership to another node",
        200,
        Gives::Object,
    ),
    (
        "/troop/tokens",
        Method::GET,
        "Join tokens that can be used",
        200,
        Gives::Object,
    ),
    (
        "/troop/tokens",
        Method::POST,
        "Make a join token",
        201,
        Gives::Object,
    ),
    (
        "/troop/tokens/{id}",
        Method::DELETE,
        "End a join token",
        204,
        Gives::Nothing,
    ),
    (
        "/troop/stop",
        Method::POST,
        "Drain this node and end it",
        202,
        Gives::Message,
    ),
];
