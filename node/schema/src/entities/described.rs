//! Tables of other forms of Kong, for readers of `/schemas/…`.
//!
//! A museum's plaques for pieces that are elsewhere: the list of tags is derived from the records that wear them, workspaces are
//! not part of the open edition, data planes and filter chains belong to ways to run Kong that this gateway replaces or leaves
//! out. Clients read the descriptions all the same, and some stop when one is missing.
//!
//! What it does not do: give any of them records, endpoints or a place in storage.

use super::going_with;
use crate::{
    Check,
    entity::Entity,
    field::{Auto, Field},
    shape::Shape,
    typedef,
};
use serde_json::Value;

/// Kong: names of its own tables cannot be names of workspaces.
const RESERVED: [&str; 17] = [
    "workspaces",
    "consumers",
    "certificates",
    "services",
    "routes",
    "snis",
    "upstreams",
    "targets",
    "plugins",
    "tags",
    "ca_certificates",
    "clustering_data_planes",
    "parameters",
    "vaults",
    "key_sets",
    "keys",
    "filter_chains",
];

/// What Kong says of a data plane's configuration.
const SYNC_STATUS: [&str; 6] = [
    "unknown",
    "normal",
    "kong_version_incompatible",
    "plugin_set_incompatible",
    "plugin_version_incompatible",
    "filter_set_incompatible",
];

pub(super) fn tables() -> Vec<Entity> {
    vec![
        tags(),
        workspaces(),
        parameters(),
        clustering_data_planes(),
        filter_chains(),
        ratelimiting_metrics(),
    ]
}

fn tags() -> Entity {
    Entity::table(
        "tags",
        vec![
            ("tag", Field::string().required()),
            ("entity_name", Field::string().required()),
            ("entity_id", Field::string().uuid().auto(Auto::Id).required()),
        ],
    )
}

fn workspaces() -> Entity {
    Entity::table(
        "workspaces",
        vec![
            ("id", typedef::id()),
            ("name", typedef::unique_name().required().not_one_of(RESERVED)),
            ("comment", Field::string()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
            ("meta", Field::record_of(Shape::default())),
            ("config", Field::record_of(Shape::default())),
        ],
    )
}

fn parameters() -> Entity {
    Entity::table(
        "parameters",
        vec![
            ("created_at", typedef::created_at()),
            ("key", Field::string().required().unique()),
            ("value", Field::string().required()),
        ],
    )
}

fn clustering_data_planes() -> Entity {
    let expiry = vec![("expiry_timestamp", Field::number().timestamp())];
    Entity::table(
        "clustering_data_planes",
        vec![
            ("id", typedef::id().required()),
            ("last_seen", typedef::updated_at()),
            ("updated_at", typedef::updated_at()),
            ("ip", typedef::host().required()),
            ("config_hash", Field::string().len_eq(32)),
            ("hostname", typedef::host().required()),
            ("version", Field::string()),
            (
                "sync_status",
                Field::string().required().one_of(SYNC_STATUS).default("unknown"),
            ),
            ("labels", Field::map(Field::string(), Field::string())),
            ("cert_details", Field::record(expiry).nullable()),
            ("rpc_capabilities", Field::set(Field::string())),
        ],
    )
}

fn filter_chains() -> Entity {
    let filter = Field::record(vec![
        ("name", Field::string().required()),
        ("enabled", Field::boolean().required().default(true)),
        ("config", Field::string()),
    ]);
    Entity::table(
        "filter_chains",
        vec![
            ("id", typedef::id()),
            ("name", typedef::unique_name()),
            ("enabled", Field::boolean().required().default(true)),
            ("route", going_with("routes").default(Value::Null).unique()),
            ("service", going_with("services").default(Value::Null).unique()),
            ("filters", Field::array(filter).required().len_min(1)),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
            ("tags", typedef::tags()),
        ],
    )
    .check(Check::OnlyOneOf(vec!["service", "route"]))
}

fn ratelimiting_metrics() -> Entity {
    Entity::table(
        "ratelimiting_metrics",
        vec![
            ("identifier", Field::string().required().len_min(0)),
            ("period", Field::string().required()),
            ("period_date", Field::integer().timestamp().required()),
            ("service_id", typedef::uuid().required()),
            ("route_id", typedef::uuid().required()),
            ("value", Field::integer().required()),
        ],
    )
}
