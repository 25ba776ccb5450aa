//! One file per command; this one only sends each to its place.

mod config;
mod import;
mod node;
mod route;
mod settings;
mod status;
mod stop;
mod token;
mod version;

use std::io::Write;

use serde_json::Value;

use crate::failure::Failure;
use crate::grammar::{Command, Output};
use crate::{Tables, exit};

/// Runs a command, writes its answer, and says with which code to end.
pub(crate) fn run(
    command: Command,
    tables: Tables<'_>,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> Result<u8, Failure> {
    match command {
        Command::Start(_) => unreachable!("invariant: the caller keeps start for the program"),
        Command::Config(command) => return config::run(command, &tables(), output, errors),
        Command::Stop(target) => stop::run(&target, output),
        Command::Status(target) => status::run(&target, output),
        Command::Health(target) => status::health(&target, output),
        Command::Version { output: form } => version::run(form, output),
        Command::Token(command) => token::run(command, output),
        Command::Node(command) => node::run(command, output),
        Command::Route(command) => route::run(command, output),
        Command::Import(args) => import::run(&args, output),
        Command::Settings(args) => settings::run(&args, output),
    }?;
    Ok(exit::OK)
}

/// Writes a document as it is, or the text made of it.
fn print(
    form: Output,
    document: &Value,
    text: impl FnOnce(&Value) -> String,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    match form {
        Output::Json => writeln!(output, "{document}")?,
        Output::Text => output.write_all(text(document).as_bytes())?,
    }
    Ok(output.flush()?)
}
