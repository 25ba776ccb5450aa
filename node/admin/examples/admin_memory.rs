//! The Admin API of one process whose memory is its database: for trying it out, and for replaying
//! conversations against it.
//!
//! `cargo run -p troop-admin --example admin_memory -- 127.0.0.1:8001 [127.0.0.1:8007]`

#[path = "../tests/support/lone.rs"]
mod lone;

use std::{error::Error, sync::Arc};
use tokio::net::TcpListener;
use troop_admin::{Admin, AdminParts, Options, PluginFacts, Reception, StatusApi, StatusParts, serve};
use troop_catalog::Catalog;
use troop_plugin_api::Plugin;
use troop_runtime::Shutdown;
use troop_schema::Registry;
use troop_txn::{MemoryStore, Store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut addresses = std::env::args().skip(1);
    let admin_at = addresses.next().unwrap_or_else(|| "127.0.0.1:8001".to_owned());
    let status_at = addresses.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());

    let plugins = troop_plugins::bundled();
    let registry = Registry::new(plugins.iter().map(|plugin| plugin.schema()).collect())?;
    let catalog = Arc::new(Catalog::new(Arc::new(registry)));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let node = lone::Lone::new(
        Arc::clone(&store),
        plugins.iter().map(|plugin| facts(&**plugin)).collect(),
    );
    let options = Options::default();

    let status = StatusApi::new(StatusParts {
        store: Arc::clone(&store),
        serving: node.clone(),
        cluster: node.clone(),
        facts: node.clone(),
        options: options.clone(),
    });
    let admin = Admin::new(AdminParts {
        store,
        catalog,
        serving: node.clone(),
        cluster: node.clone(),
        facts: node,
        options,
    });
    let shutdown = Shutdown::new();
    let admin = serve(
        admin,
        TcpListener::bind(admin_at).await?.into(),
        Reception::default(),
        shutdown.clone(),
    );
    let status = serve(
        status,
        TcpListener::bind(status_at).await?.into(),
        Reception::default(),
        shutdown,
    );
    tokio::join!(admin, status);
    Ok(())
}

fn facts(plugin: &dyn Plugin) -> PluginFacts {
    PluginFacts {
        name: plugin.name().to_owned(),
        version: plugin.version().to_owned(),
        priority: i64::from(plugin.priority()),
    }
}
