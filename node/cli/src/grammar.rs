//! What may be said on the command line.
//!
//! Only words and their shapes. Every command that talks to a node shares [`Target`], so `--admin`,
//! `--output` and `--timeout` mean the same everywhere.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::dial::{AdminAddress, Papers};
use crate::import::Source;
use crate::start::StartArgs;

/// An API gateway cluster that is its own database.
#[derive(Debug, Parser)]
#[command(name = "troop", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 refused or failed, 2 wrong command line or settings, 3 no node answers.
`config diff` also ends with 2 when there is a difference.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a node in the foreground: a new cluster on an empty data directory, or a member with --join.
    Start(StartArgs),
    /// Tell a node to finish open requests and end, and wait until it has.
    Stop(Target),
    /// Show a node's place in the cluster and how far every member is.
    Status(Target),
    /// Ask whether a node is well; exit code 1 when it is not.
    Health(Target),
    /// Print the version.
    Version {
        /// How to print it.
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Tokens with which new nodes join.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Members of the cluster.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Questions about routes.
    #[command(subcommand)]
    Route(RouteCommand),
    /// Copy a running Kong into the cluster: ids, credentials and certificates included.
    Import(ImportArgs),
    /// The configuration as a file: check it, compare it, make it so, write it down.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the settings a start with the same flags would use, and where each was written.
    Settings(SettingsArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print the command with which a node joins.
    Create {
        /// What the new node becomes.
        #[arg(long, value_enum, default_value_t)]
        role: Role,
        /// How long the token is valid: seconds, or a number with s, m, h or d.
        #[arg(long, default_value = "1h", value_parser = troop_stdx::parse_duration)]
        ttl: Duration,
        /// How many nodes may join with it.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        #[command(flatten)]
        target: Target,
    },
    /// List tokens that can still be used.
    List(Target),
    /// Make a token useless.
    Revoke {
        /// Its id, as `token list` prints it.
        #[arg(value_parser = id)]
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List the members: who leads, who lags, who serves which revision.
    List(Target),
    /// Hand leadership to another node, for instance before work on the machine that leads.
    TransferLeader {
        /// Its id, as `node list` prints it; unset: the fittest.
        #[arg(value_parser = id)]
        id: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Remove a member for good; also the leader, also the node that is asked.
    Remove {
        /// Its id, as `node list` prints it.
        #[arg(value_parser = id)]
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// Say which route a request would find, and what speaks against the others.
    Explain {
        /// The request's method.
        method: String,
        /// Its URL with scheme and host, as a client would send it.
        url: String,
        /// A field of the request; may be repeated.
        #[arg(long = "header", short = 'H', value_name = "NAME:VALUE", value_parser = header)]
        headers: Vec<(String, String)>,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a file without a node; exit code 1 when anything in it is wrong.
    Validate {
        #[command(flatten)]
        file: DocumentArgs,
        /// How to print the answer.
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Show what applying a file would change; exit code 0 when that is nothing and 2 when it is something.
    Diff {
        #[command(flatten)]
        file: DocumentArgs,
        #[command(flatten)]
        target: Target,
    },
    /// Make a file the configuration of the cluster: all of it at one revision, or nothing.
    Apply {
        #[command(flatten)]
        file: DocumentArgs,
        /// Show what would change and change nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Write the configuration of the cluster as a file that `apply` and decK read. Secrets are in it.
    Export {
        /// Only records that carry this tag; several times for several tags.
        #[arg(long = "select-tag", value_name = "TAG")]
        select_tags: Vec<String>,
        /// Where to write it; standard output if not given.
        #[arg(long, short = 'o', value_name = "FILE")]
        file: Option<PathBuf>,
        /// In which format.
        #[arg(long, value_enum, default_value_t)]
        format: TextFormat,
        #[command(flatten)]
        target: Target,
    },
}

/// A declarative file and how to read it.
#[derive(Debug, Clone, Args)]
pub(crate) struct DocumentArgs {
    /// The file, in Kong's or decK's format, YAML or JSON; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
    /// Speak only for records that carry this tag, and give it to all in the file; several times for several tags.
    #[arg(long = "select-tag", value_name = "TAG")]
    pub(crate) select_tags: Vec<String>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum TextFormat {
    /// For people.
    #[default]
    Yaml,
    /// For machines.
    Json,
}

/// Which node to talk to and how to print what it says.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// Admin API of the node: HOST:PORT, https://HOST:PORT, or unix:/PATH.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "TROOP_ADMIN",
        default_value = "127.0.0.1:8001"
    )]
    #[arg(value_parser = AdminAddress::parse)]
    pub(crate) admin: AdminAddress,
    #[command(flatten)]
    pub(crate) papers: Papers,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// How long to wait for the node.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = troop_stdx::parse_duration)]
    pub(crate) timeout: Duration,
}

/// What to copy, and where to.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Admin API of the Kong to copy.
    #[arg(long, value_name = "URL", value_parser = Source::parse)]
    pub(crate) from: Source,
    /// Write nothing; say what would be written, and what would be refused.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Copy only what wears this tag; given several times, what wears all of them.
    #[arg(long, value_name = "TAG")]
    pub(crate) select_tag: Vec<String>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// Print the reference of all settings instead, as Markdown.
    #[arg(long)]
    pub(crate) reference: bool,
    /// How to print them.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// What a joining node becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Role {
    /// Counts for the quorum once it has caught up.
    #[default]
    Voter,
    /// Follows, serves, and never votes.
    Learner,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Role::Voter => "voter",
            Role::Learner => "learner",
        }
    }
}

/// Ids go into a path as they are, so they may hold nothing a path would read differently.
fn id(text: &str) -> Result<String, String> {
    let plain = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if plain {
        Ok(text.to_owned())
    } else {
        Err("an id has letters, digits, - and _ only".to_owned())
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME:VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_has_no_contradiction() {
        Cli::command().debug_assert();
    }
}
