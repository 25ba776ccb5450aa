//! The reference page of all settings, written from the table.
//!
//! The page in the book is a photograph of the table: a test compares the two, and
//! `WRITE_REFERENCE=1 cargo test -p troop-settings` takes a new one (`./ci fix` does that).

use std::fmt::Write;

use crate::table::{Section, Setting, table};

const HEAD: &str = "# Settings

How one process runs. Every setting can be given in five places; a later one wins:

1. the default,
2. the settings file (`--conf FILE`, else the file named by `TROOP_CONF`, else `/etc/troop/troop.conf` when it exists):
   lines of `name = value`, with `#` before comments and `\\#` for the sign itself,
3. a `KONG_*` environment variable, for settings that Kong has too,
4. a `TROOP_*` environment variable: the name in capitals (`TROOP_PROXY_LISTEN`),
5. a flag of `troop start`: the name with dashes (`--proxy-listen`).

An empty value, or `NONE`, leaves the default. A name that is no setting is an error in the file; a variable that
misspells one of ours is an error, too, and other unknown variables are reported and ignored. `troop settings` prints what holds and where each value
was written.
";

/// The whole page as Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for section in Section::ALL {
        write!(page, "\n## {}\n", section.title()).expect("invariant: writing to a String cannot fail");
        for setting in table().iter().filter(|setting| setting.section == section) {
            page.push_str(&entry(setting));
        }
    }
    page
}

fn entry(setting: &Setting) -> String {
    let default = match setting.default {
        "" => "unset".to_owned(),
        default => format!("`{default}`"),
    };
    let kong = match setting.kong {
        Some(kong) if kong == setting.name => "\n* Kong: the same name".to_owned(),
        Some(kong) => format!("\n* Kong: `{kong}`"),
        None => String::new(),
    };
    format!(
        "\n### `{}`\n\n{}\n\n* Value: {}\n* Default: {default}{kong}\n",
        setting.name,
        setting.description(),
        setting.form
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_book_says_what_the_table_says() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/src/reference/settings.md"
        );
        if std::env::var_os("WRITE_REFERENCE").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == reference(), "{path} is out of date; run ./ci fix");
    }

    #[test]
    fn every_setting_stands_on_the_page() {
        let page = reference();
        for setting in table() {
            assert!(
                page.contains(&format!("### `{}`", setting.name)),
                "{}",
                setting.name
            );
        }
    }
}
