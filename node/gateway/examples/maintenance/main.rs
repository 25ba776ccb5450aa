//! A gateway with one more plugin, over a configuration in memory: for trying a plugin out by hand.
//!
//! `cargo run -p troop-gateway --example maintenance -- 127.0.0.1:8000 http://127.0.0.1:9000` proxies everything to the second
//! address; writes are refused.

mod plugin;

use serde_json::{Value, json};
use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};
use troop_catalog::Catalog;
use troop_gateway::{Gateway, GatewayOptions, ListenOptions};
use troop_plugin_api::Plugin;
use troop_schema::{Registry, Stamp};
use troop_txn::{MemoryStore, RequestId, Store, read};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let listen: SocketAddr = words.next().unwrap_or("127.0.0.1:8000".into()).parse()?;
    let origin = words.next().unwrap_or("http://127.0.0.1:9000".into());

    let plugins: Vec<Arc<dyn Plugin>> = vec![Arc::new(plugin::Maintenance)];
    let schemas = plugins.iter().map(|plugin| plugin.schema()).collect();
    let registry = Arc::new(Registry::new(schemas)?);
    let store = Arc::new(MemoryStore::new());
    let catalog = Catalog::new(Arc::clone(&registry));
    const SERVICE: &str = "5e0c1a4e-0000-4000-8000-000000000001";
    for (number, (schema, body)) in (1..).zip([
        ("services", json!({"id": SERVICE, "url": origin})),
        ("routes", json!({"paths": ["/"], "service": {"id": SERVICE}})),
        ("plugins", json!({"name": "maintenance"})),
    ]) {
        insert(&*store, &catalog, schema, &body, number).await?;
    }
    let options = GatewayOptions {
        listeners: vec![ListenOptions::plain(listen)],
        ..GatewayOptions::default()
    };
    let gateway = Gateway::start(options, store, registry, plugins).await?;
    tokio::signal::ctrl_c().await?;
    gateway.join(Duration::from_secs(10)).await;
    Ok(())
}

/// As the Admin API would: judged by the tables, then written in one transaction.
async fn insert(
    store: &dyn Store,
    catalog: &Catalog,
    schema: &str,
    body: &Value,
    number: u64,
) -> Result<(), Box<dyn Error>> {
    let body = body.as_object().cloned().unwrap_or_default();
    let mut random = || u128::from(number).to_be_bytes();
    let mut stamp = Stamp::new(1, &mut random);
    let planned = read(store, |view| catalog.insert(view, schema, body, &mut stamp));
    let planned = planned.map_err(|problem| problem.message())?;
    let request = RequestId {
        client: 1,
        sequence: number,
    };
    let txn = planned.into_txn(request, 1, "example");
    store.propose(txn, Duration::from_secs(1)).await?;
    Ok(())
}
