//! Kong's fields for a Redis server, under their new names and their old ones.
//!
//! They are accepted, kept and shown so that a configuration can move between the two gateways; this one does not speak Redis.

use serde_json::{Value, json};
use troop_schema::{Check, Field, Match, PluginSchema, Record, Shorthand, typedef};

/// The record.
pub(crate) fn field() -> Field {
    Field::record(vec![
        ("host", typedef::host()),
        ("port", typedef::port().default(6379)),
        ("timeout", typedef::timeout().default(2000)),
        ("username", Field::string().referenceable()),
        ("password", Field::string().referenceable().secret().len_min(0)),
        ("database", Field::integer().default(0)),
        ("ssl", Field::boolean().default(false)),
        ("ssl_verify", Field::boolean().default(false)),
        ("server_name", typedef::sni()),
    ])
}

/// Old names and what a server must have to be used.
pub(crate) fn with_redis(schema: PluginSchema) -> PluginSchema {
    let needs = |field| Check::conditional("config.policy", Match::eq("redis"), field, Match::required());
    let schema = schema
        .check(needs("config.redis.host"))
        .check(needs("config.redis.port"))
        .check(needs("config.redis.timeout"));
    old_names().into_iter().fold(schema, PluginSchema::shorthand)
}

fn old_names() -> [Shorthand; 9] {
    [
        Shorthand::new("redis_host", Field::string(), |v| redis("host", v)).echo("redis.host"),
        Shorthand::new("redis_port", Field::integer(), |v| redis("port", v)).echo("redis.port"),
        Shorthand::new("redis_password", Field::string().len_min(0), |v| {
            redis("password", v)
        })
        .echo("redis.password"),
        Shorthand::new("redis_username", Field::string(), |v| redis("username", v)).echo("redis.username"),
        Shorthand::new("redis_ssl", Field::boolean(), |v| redis("ssl", v)).echo("redis.ssl"),
        Shorthand::new("redis_ssl_verify", Field::boolean(), |v| redis("ssl_verify", v))
            .echo("redis.ssl_verify"),
        Shorthand::new("redis_server_name", Field::string(), |v| redis("server_name", v))
            .echo("redis.server_name"),
        Shorthand::new("redis_timeout", Field::integer(), |v| redis("timeout", v)).echo("redis.timeout"),
        Shorthand::new("redis_database", Field::integer(), |v| redis("database", v)).echo("redis.database"),
    ]
}

fn redis(member: &str, value: &Value) -> Record {
    [("redis".to_owned(), json!({ member: value }))]
        .into_iter()
        .collect()
}
