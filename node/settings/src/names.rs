//! From a name somebody wrote to the setting it means, or to the one it may have meant.
//!
//! A receptionist with the list of tenants: an exact name is sent up, a near miss is asked "did you mean
//! …?", and deliveries for another house (variables that Kubernetes injects for a service called
//! `troop`) are left at the door without fuss.

use crate::table::{Setting, table};

/// Variables of ours that are not settings: read by the command line and by the `ci` script.
const NOT_SETTINGS: [&str; 6] = [
    "TROOP_CONF",
    "TROOP_ADMIN",
    "TROOP_ADMIN_CA",
    "TROOP_ADMIN_CERT",
    "TROOP_ADMIN_KEY",
    "TROOP_CACHE",
];

/// What a `TROOP_*` variable is.
#[derive(Debug, PartialEq)]
pub(crate) enum Variable {
    /// The setting at this index of the table.
    Setting(usize),
    /// Not ours to judge.
    Elsewhere,
    /// A misspelling of this variable.
    Misspelt(String),
    /// Nothing we know, and nothing like what we know: other programs name variables after us, too.
    Unknown,
}

/// Index of the setting of this name; the file may also use Kong's name.
pub(crate) fn in_file(name: &str) -> Option<usize> {
    position(|setting| setting.name == name).or_else(|| position(|setting| setting.kong == Some(name)))
}

/// Index of the setting that a `KONG_*` variable sets.
pub(crate) fn of_kong_variable(variable: &str) -> Option<usize> {
    position(|setting| setting.kong_variable().as_deref() == Some(variable))
}

/// What a `TROOP_*` variable is.
pub(crate) fn of_variable(variable: &str) -> Variable {
    match position(|setting| setting.variable() == variable) {
        Some(index) => Variable::Setting(index),
        None if NOT_SETTINGS.contains(&variable) || is_service_link(variable) => Variable::Elsewhere,
        None => misspelt(variable).map_or(Variable::Unknown, Variable::Misspelt),
    }
}

/// The variable of ours that this one is a slip away from: a quarter of its own letters at most, the common prefix apart.
fn misspelt(variable: &str) -> Option<String> {
    let own = |name: &str| name.trim_start_matches("TROOP_").to_owned();
    let allowed = (own(variable).len() / 4).max(1);
    let candidates = table().iter().map(Setting::variable);
    let ranked = candidates.map(|candidate| (distance(&own(variable), &own(&candidate)), candidate));
    let near = ranked.filter(|(distance, _)| *distance <= allowed);
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The setting whose name looks most like this one.
pub(crate) fn nearest_setting(name: &str) -> Option<String> {
    nearest(name, table().iter().map(|setting| setting.name.to_owned()))
}

fn position(matches: impl Fn(&Setting) -> bool) -> Option<usize> {
    table().iter().position(matches)
}

/// Kubernetes tells every pod about every service through variables such as `TROOP_SERVICE_HOST`,
/// `TROOP_ADMIN_PORT` and `TROOP_PORT_8000_TCP_ADDR`. No setting ends like these.
fn is_service_link(variable: &str) -> bool {
    let ends = [
        "_SERVICE_HOST",
        "_SERVICE_PORT",
        "_PORT",
        "_TCP",
        "_UDP",
        "_ADDR",
        "_PROTO",
    ];
    ends.iter().any(|end| variable.ends_with(end)) || variable.contains("_SERVICE_PORT_")
}

fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    // A third of the letters wrong is the most that still looks like a typo rather than another word.
    let allowed = (name.len() / 3).max(1);
    let ranked = candidates.map(|candidate| (distance(name, &candidate), candidate));
    ranked
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Levenshtein distance: letters added, dropped or changed between two words.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_suggests_the_setting() {
        assert_eq!(nearest_setting("proxy_lisen").as_deref(), Some("proxy_listen"));
        assert_eq!(nearest_setting("loglevel").as_deref(), Some("log_level"));
        assert_eq!(nearest_setting("pg_host"), None);
    }

    #[test]
    fn the_file_takes_kongs_names_too() {
        assert_eq!(in_file("nginx_worker_processes"), in_file("workers"));
        assert!(in_file("workers").is_some());
        assert_eq!(in_file("pg_host"), None);
    }

    #[test]
    fn a_variable_is_a_setting_or_somebody_elses_or_a_mistake() {
        assert_eq!(
            of_variable("TROOP_WORKERS"),
            Variable::Setting(in_file("workers").unwrap())
        );
        for variable in [
            "TROOP_CONF",
            "TROOP_SERVICE_HOST",
            "TROOP_PORT",
            "TROOP_PORT_8000_TCP_ADDR",
        ] {
            assert_eq!(of_variable(variable), Variable::Elsewhere, "{variable}");
        }
        assert_eq!(
            of_variable("TROOP_WORKER"),
            Variable::Misspelt("TROOP_WORKERS".to_owned())
        );
        assert_eq!(of_variable("TROOP_BIN"), Variable::Unknown);
    }

    #[test]
    fn no_setting_looks_like_a_service_link() {
        for setting in table() {
            assert!(!is_service_link(&setting.variable()), "{}", setting.name);
        }
    }

    #[test]
    fn distance_counts_edits() {
        for (left, right, expected) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "axc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }
}
