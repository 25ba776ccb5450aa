//! The program `troop`: composes the parts and nothing else.
//!
//! [`run`] starts them in order and stops them in reverse; [`wiring`] turns settings into the options of parts; [`control`] and
//! [`facts`] are the two telephones through which the Admin API reaches the cluster and the node.

mod address;
mod agreement;
mod answers;
mod control;
mod desk;
mod error_pages;
mod expiry;
mod facts;
mod log_level;
mod meters;
mod numbers;
mod observation;
mod open_files;
mod own_tls;
mod run;
mod tally;
mod wiring;

use std::process::ExitCode;
use troop_cli::{Begin, begin};
use troop_schema::Registry;
use troop_settings::{Sources, load};

/// A gateway allocates many small short-lived things: 6 % of a request with two plugins, and twice that with other allocators.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match begin(std::env::args_os(), &tables) {
        Begin::Start(args) => run::start(&args),
        Begin::Done(code) => ExitCode::from(code),
    }
}

/// The entities, their routes as the environment says they are written, and every plugin of this build.
fn tables() -> Registry {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let sources = Sources {
        environment: &environment,
        ..Sources::default()
    };
    // What else is wrong with the environment is for `troop start` to say.
    let flavor = load(&sources).map_or_else(|_| Default::default(), |loaded| loaded.settings.router_flavor);
    let plugins = troop_plugins::bundled();
    let schemas = plugins.iter().map(|plugin| plugin.schema()).collect();
    Registry::of_flavor(flavor, schemas).expect("invariant: the tables of the bundled plugins fit together")
}
