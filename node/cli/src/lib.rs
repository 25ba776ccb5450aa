//! The command line: its grammar, and the commands that talk to a running node.
//!
//! A reception desk. It understands what the visitor wants, handles by itself whatever can be handled
//! with a phone call to a node's Admin API, and passes exactly one kind of visitor on: whoever wants to
//! *be* a node. `start` is only read here; the program that has all the parts runs it.
//!
//! The flags of `start` are not written down in this crate. They come from the table of settings, so that
//! a new setting is a flag at once.
//!
//! Exit codes (see [`exit`]) are part of the contract: scripts wait on them.

mod client;
mod columns;
mod command;
mod dial;
pub mod exit;
mod failure;
mod grammar;
mod http;
mod import;
mod start;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use troop_schema::Registry;

pub use dial::AdminAddress;
pub use failure::Failure;
pub use start::{SettingsProblem, StartArgs, environment};

use grammar::{Cli, Command};

/// What is left to do after the command line was read.
#[derive(Debug)]
pub enum Begin {
    /// Run a node with these arguments.
    Start(StartArgs),
    /// Nothing: end with this exit code.
    Done(u8),
}

/// Gives the tables of entities and plugins; only commands about files of configuration ask for them.
pub type Tables<'t> = &'t dyn Fn() -> Registry;

/// Reads the arguments (program name first) and runs every command but `start`.
pub fn begin(args: impl IntoIterator<Item = OsString>, tables: Tables<'_>) -> Begin {
    let mut output = std::io::stdout().lock();
    let mut errors = std::io::stderr().lock();
    begin_with(args, tables, &mut output, &mut errors)
}

fn begin_with(
    args: impl IntoIterator<Item = OsString>,
    tables: Tables<'_>,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> Begin {
    let command = match Cli::try_parse_from(args) {
        Ok(Cli {
            command: Command::Start(args),
        }) => return Begin::Start(args),
        Ok(Cli { command }) => command,
        Err(usage) => return Begin::Done(tell_usage(&usage, output, errors)),
    };
    match command::run(command, tables, output, errors) {
        Ok(code) => Begin::Done(code),
        Err(failure) => {
            // Where standard error is gone there is nobody left to tell.
            let _ = writeln!(errors, "troop: {failure}");
            Begin::Done(failure.exit_code())
        }
    }
}

/// Help and version are answers and go to standard output; everything else is an error.
fn tell_usage(usage: &clap::Error, output: &mut dyn Write, errors: &mut dyn Write) -> u8 {
    let (told, code) = if usage.use_stderr() {
        (write!(errors, "{}", usage.render()), exit::USAGE)
    } else {
        (write!(output, "{}", usage.render()), exit::OK)
    };
    // Where the stream is gone there is nobody left to tell.
    drop(told);
    code
}

#[cfg(test)]
mod tests;
