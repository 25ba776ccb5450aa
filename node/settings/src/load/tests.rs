//! Facts about precedence, about what is refused and about what the refusal says.

use super::*;
use crate::{AccessLog, LogLevel, Workers};

fn load_from(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Loaded, Rejected> {
    let environment: Vec<_> = environment
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let flags: Vec<_> = flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
    let file = Some(ConfFile {
        path: "troop.conf",
        text: file,
    });
    load(&Sources {
        file,
        environment: &environment,
        flags: &flags,
    })
}

#[track_caller]
fn refused(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)], expected: &[&str]) {
    let message = load_from(file, environment, flags)
        .expect_err("must be refused")
        .to_string();
    for part in expected {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

fn workers(loaded: &Loaded) -> u16 {
    match loaded.settings.workers {
        Workers::Count(count) => count.get(),
        Workers::Auto => 0,
    }
}

#[test]
fn without_any_source_the_defaults_hold() {
    let loaded = load(&Sources::default()).unwrap();
    assert_eq!(loaded.settings, Settings::defaults());
    assert!(
        loaded
            .effective
            .iter()
            .all(|effective| effective.place == Place::Default)
    );
    assert_eq!(loaded.settings.proxy_listen.len(), 2);
    assert_eq!(loaded.settings.peer_listen.port(), 7443);
}

#[test]
fn each_place_overrides_the_one_below() {
    let kong = ("KONG_NGINX_WORKER_PROCESSES", "2");
    let troop = ("TROOP_WORKERS", "3");
    assert_eq!(workers(&load_from("workers = 1", &[], &[]).unwrap()), 1);
    assert_eq!(workers(&load_from("workers = 1", &[kong], &[]).unwrap()), 2);
    assert_eq!(
        workers(&load_from("workers = 1", &[troop, kong], &[]).unwrap()),
        3
    );
    assert_eq!(
        workers(&load_from("workers = 1", &[troop, kong], &[("workers", "4")]).unwrap()),
        4
    );
}

#[test]
fn an_empty_value_or_none_covers_what_lies_below_and_leaves_the_default() {
    let loaded = load_from(
        "log_level = warn\nnode_name = NONE",
        &[("TROOP_LOG_LEVEL", "")],
        &[],
    )
    .unwrap();
    assert_eq!(loaded.settings.log_level, LogLevel::Notice);
    assert_eq!(loaded.settings.node_name, None);
}

#[test]
fn kongs_names_work_in_the_file_and_the_last_line_counts() {
    let loaded = load_from("workers = 1\nnginx_worker_processes = 2", &[], &[]).unwrap();
    assert_eq!(workers(&loaded), 2);
    assert_eq!(
        loaded.warnings,
        ["troop.conf line 2 sets nginx_worker_processes again; this line counts"]
    );
}

#[test]
fn a_kong_variable_without_meaning_here_is_a_warning() {
    let loaded = load_from(
        "",
        &[("KONG_PG_HOST", "db"), ("KONG_PROXY_ACCESS_LOG", "off")],
        &[],
    )
    .unwrap();
    assert_eq!(loaded.settings.proxy_access_log, AccessLog::Off);
    assert_eq!(
        loaded.warnings,
        ["KONG_PG_HOST has no meaning here and is ignored"]
    );
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_one() {
    refused(
        "proxy_lisen = x",
        &[],
        &[],
        &[
            "'proxy_lisen' (troop.conf line 1)",
            "did you mean 'proxy_listen'?",
        ],
    );
    refused(
        "",
        &[("TROOP_DATADIR", "x")],
        &[],
        &["variable TROOP_DATADIR", "did you mean 'TROOP_DATA_DIR'?"],
    );
    refused(
        "pg_host = x",
        &[],
        &[],
        &["'pg_host'", "is not a setting; `troop settings --reference`"],
    );
}

#[test]
fn a_refused_value_names_setting_value_place_and_way_out() {
    refused(
        "\nworkers = many",
        &[],
        &[],
        &["workers = 'many' (troop.conf line 2)", "auto"],
    );
    refused(
        "",
        &[("KONG_LOG_LEVEL", "x")],
        &[],
        &["log_level = 'x' (environment variable KONG_LOG_LEVEL)", "crit"],
    );
    refused(
        "",
        &[],
        &[("data_dir", ""), ("proxy_listen", "8000")],
        &["(flag --proxy-listen)", "0.0.0.0:8000"],
    );
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let rejected = load_from("workers = 0\nfoo = 1\nbar", &[("TROOP_HEADERS", "x")], &[]).unwrap_err();
    assert_eq!(rejected.errors.len(), 4, "{rejected}");
}

#[test]
fn a_value_that_is_overridden_cannot_be_in_the_way() {
    assert_eq!(
        workers(&load_from("workers = many", &[], &[("workers", "4")]).unwrap()),
        4
    );
}

#[test]
fn the_token_is_never_shown() {
    let loaded = load_from("join = a:1\ntoken = sesame", &[], &[]).unwrap();
    assert_eq!(loaded.settings.token.as_ref().unwrap().expose(), "sesame");
    assert!(!format!("{loaded:?}").contains("sesame"));
    refused("token = sesame", &[], &[], &["token = '******'"]);
}

#[test]
fn the_effective_list_names_the_place_of_each_value() {
    let loaded = load_from("workers = 2", &[], &[]).unwrap();
    let effective = loaded
        .effective
        .iter()
        .find(|effective| effective.name == "workers")
        .unwrap();
    assert_eq!(
        (effective.value.as_str(), effective.place.to_string().as_str()),
        ("2", "troop.conf line 1")
    );
}
