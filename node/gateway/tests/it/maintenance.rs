//! The plugin of the guide, at work.

use crate::{
    house::{House, options},
    origin::Origin,
    wire::{ask, get},
};
use serde_json::json;
use std::sync::Arc;

#[path = "../../examples/maintenance/plugin.rs"]
mod plugin;

#[tokio::test]
async fn the_plugin_of_the_guide_turns_writes_away_and_tells_readers() {
    let origin = Origin::start("a").await;
    let house = House::build(options(), vec![Arc::new(plugin::Maintenance)]).await;
    house.path_to("/", &origin, json!({})).await;
    let instance = house.insert("plugins", json!({"name": "maintenance"})).await;
    let post = "POST /x HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 0\r\n\r\n";

    let refused = ask(house.address(), post).await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("600"))
    );
    assert!(String::from_utf8_lossy(&refused.body).contains("being worked on"));
    assert_eq!(refused.header("x-maintenance"), Some("600"));
    let read = get(house.address(), "/x", "").await;
    assert_eq!((read.status, read.header("x-maintenance")), (200, Some("600")));
    assert_eq!(origin.hits(), 1);

    let only_deletes = json!({"config": {"methods": ["DELETE"], "retry_after_seconds": 5}});
    house.update("plugins", instance, only_deletes).await;
    let passed = ask(house.address(), post).await;
    assert_eq!((passed.status, passed.header("x-maintenance")), (200, Some("5")));

    house.delete("plugins", instance).await;
    let undisturbed = get(house.address(), "/x", "").await;
    assert_eq!(undisturbed.header("x-maintenance"), None);
    house.close().await;
}
