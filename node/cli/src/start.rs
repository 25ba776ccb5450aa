//! The arguments of `start`: one flag per setting, and the file they lie on top of.
//!
//! clap is handed the table of settings as if somebody had typed it in. What a flag means is not judged
//! here; its text goes to `troop-settings` together with the file's text and the environment, so an error
//! reads the same wherever the value was written.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Args, FromArgMatches, value_parser};
use thiserror::Error;
use troop_settings::{ConfFile, Loaded, Rejected, Setting, Sources, table};

/// Read when neither `--conf` nor `TROOP_CONF` names a file, and only if it exists.
const USUAL_FILE: &str = "/etc/troop/troop.conf";

/// What `troop start` was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StartArgs {
    /// The settings file.
    pub conf: Option<PathBuf>,
    /// Flags given: name of the setting and text.
    pub given: Vec<(&'static str, String)>,
}

/// The settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsProblem {
    /// The file cannot be read.
    #[error("cannot read the settings file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was read is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl StartArgs {
    /// Reads the file and lays file, environment and flags on each other.
    ///
    /// # Errors
    /// The file cannot be read, or something in any place is wrong.
    pub fn load(&self, environment: &[(String, String)]) -> Result<Loaded, SettingsProblem> {
        let file = self.read_file(environment)?;
        let file = file.as_ref().map(|(path, text)| ConfFile { path, text });
        Ok(troop_settings::load(&Sources {
            file,
            environment,
            flags: &self.given,
        })?)
    }

    fn read_file(
        &self,
        environment: &[(String, String)],
    ) -> Result<Option<(String, String)>, SettingsProblem> {
        let named = environment
            .iter()
            .find(|(name, value)| name == "TROOP_CONF" && !value.is_empty());
        let named = self
            .conf
            .clone()
            .or_else(|| named.map(|(_, path)| PathBuf::from(path)));
        match named {
            Some(path) => read(&path).map(Some),
            None if Path::new(USUAL_FILE).exists() => read(Path::new(USUAL_FILE)).map(Some),
            None => Ok(None),
        }
    }
}

/// The process's environment; a variable that is no text cannot be a setting and is passed over.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn read(path: &Path) -> Result<(String, String), SettingsProblem> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| SettingsProblem::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok((path.display().to_string(), text))
}

impl Args for StartArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let conf = Arg::new("conf")
            .long("conf")
            .short('c')
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf));
        let conf = conf.help("Settings file: lines of `name = value`");
        command.arg(conf).args(table().iter().map(flag))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

fn flag(setting: &'static Setting) -> Arg {
    let default = match setting.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let arg = Arg::new(setting.name)
        .long(setting.flag())
        .help(setting.description() + &default);
    let arg = arg.value_name("VALUE").help_heading(setting.section.title());
    match setting.name {
        "node_name" => arg.alias("name"),
        _ if setting.is_switch() => arg.num_args(0..=1).default_missing_value("on"),
        _ => arg,
    }
}

impl FromArgMatches for StartArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = StartArgs::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.conf = matches.get_one::<PathBuf>("conf").cloned();
        let given =
            |setting: &Setting| Some((setting.name, matches.get_one::<String>(setting.name)?.clone()));
        self.given = table().iter().filter_map(given).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        start: StartArgs,
    }

    fn parse(args: &[&str]) -> StartArgs {
        Only::try_parse_from(["troop"].iter().chain(args)).unwrap().start
    }

    #[test]
    fn every_setting_is_a_flag() {
        for setting in table() {
            let args = parse(&[&format!("--{}", setting.flag()), "x"]);
            assert_eq!(args.given, [(setting.name, "x".to_owned())]);
        }
    }

    #[test]
    fn a_switch_needs_no_value_and_the_name_has_a_short_form() {
        let args = parse(&["--insecure-admin", "--name", "blue"]);
        assert_eq!(
            args.given,
            [
                ("insecure_admin", "on".to_owned()),
                ("node_name", "blue".to_owned())
            ]
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let args = parse(&["--conf", "/no/such/troop.conf"]);
        let problem = args.load(&[]).unwrap_err();
        assert!(
            problem
                .to_string()
                .starts_with("cannot read the settings file /no/such/troop.conf")
        );
    }

    #[test]
    fn the_environment_may_name_the_file_and_the_flag_wins() {
        let environment = [("TROOP_CONF".to_owned(), "/no/such/a.conf".to_owned())];
        assert!(
            parse(&[])
                .load(&environment)
                .unwrap_err()
                .to_string()
                .contains("a.conf")
        );
        let problem = parse(&["-c", "/no/such/b.conf"]).load(&environment).unwrap_err();
        assert!(problem.to_string().contains("b.conf"));
    }
}
