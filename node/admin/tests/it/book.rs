//! The generated pages of the book say what the program says.

use std::{fs, path::Path};
use troop_admin::{openapi, reference};
use troop_schema::Registry;

fn registry() -> Registry {
    let plugins = troop_plugins::bundled();
    Registry::new(plugins.iter().map(|plugin| plugin.schema()).collect()).unwrap()
}

/// Compares a page with its text; `WRITE_REFERENCE` writes it first.
#[track_caller]
fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/src/reference")
        .join(name);
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(page == text, "{} is out of date; run ./ci fix", path.display());
}

#[test]
fn the_page_of_the_book_about_entities_says_what_the_tables_say() {
    check("entities.md", &reference::entities(&registry()));
}

#[test]
fn the_page_of_the_book_about_plugins_says_what_the_tables_say() {
    check("plugins.md", &reference::plugins(&registry()));
}

#[test]
fn the_page_of_the_book_openapi_says_what_the_api_serves() {
    let text = serde_json::to_string_pretty(&openapi::document(&registry())).unwrap();
    check("openapi.json", &format!("{text}\n"));
}
