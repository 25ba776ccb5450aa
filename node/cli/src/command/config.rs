//! `troop config validate | diff | apply | export`: the configuration as a file.
//!
//! An architect with a drawing. He checks it at his desk, walks through the house and notes what differs, has it changed, or draws
//! what he finds. All thinking is done here: the node hands out an inventory and takes a list of changes, so that a drawing of any
//! size costs the house little.
//!
//! The catch: others live in the house. The list is made for the inventory that was taken, and the node takes it only if nothing
//! changed since; then the walk is done again.

mod file;
mod inventory;
mod send;

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::json;
use troop_declarative::{ChangeSet, Export};
use troop_schema::Registry;

use self::inventory::Inventory;
use super::print;
use crate::exit;
use crate::failure::Failure;
use crate::grammar::{ConfigCommand, DocumentArgs, Output, Target, TextFormat};

/// How often an inventory is taken anew when others change the configuration meanwhile.
const ATTEMPTS_MAX: u32 = 5;

pub(super) fn run(
    command: ConfigCommand,
    registry: &Registry,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> Result<u8, Failure> {
    match command {
        ConfigCommand::Validate { file, output: form } => {
            let document = file::load(&file, registry, errors)?;
            let count = document.records().len();
            let report = json!({"valid": true, "records": count});
            print(form, &report, |_| format!("valid: {count} records\n"), output)?;
            Ok(exit::OK)
        }
        ConfigCommand::Diff { file, target } => {
            let (_, changes) = compare(&file, registry, &target, errors)?;
            show(&changes, registry, target.output, output)?;
            Ok(if changes.is_empty() {
                exit::OK
            } else {
                exit::DIFFERS
            })
        }
        ConfigCommand::Apply {
            file,
            dry_run,
            target,
        } => {
            apply(&file, registry, dry_run, &target, output, errors)?;
            Ok(exit::OK)
        }
        ConfigCommand::Export {
            select_tags,
            file,
            format,
            target,
        } => {
            let inventory = Inventory::take(&target, registry)?;
            let records = inventory.records.tagged(&select_tags);
            let export = Export::nested(registry, &records);
            let text = match format {
                TextFormat::Yaml => export.to_yaml(),
                TextFormat::Json => format!("{:#}\n", export.to_value()),
            };
            put(&text, file.as_deref(), output)?;
            Ok(exit::OK)
        }
    }
}

fn put(text: &str, file: Option<&Path>, output: &mut dyn Write) -> Result<(), Failure> {
    match file {
        Some(path) => fs::write(path, text).map_err(|error| file::unusable(path, &error.to_string())),
        None => Ok(output.write_all(text.as_bytes())?),
    }
}

fn compare(
    file: &DocumentArgs,
    registry: &Registry,
    target: &Target,
    errors: &mut dyn Write,
) -> Result<(Inventory, ChangeSet), Failure> {
    let document = file::load(file, registry, errors)?;
    let inventory = Inventory::take(target, registry)?;
    let changes = file::stamped(|stamp| document.changes(registry, &inventory.records, stamp));
    let changes = changes.map_err(|error| Failure::Inapplicable(error.to_string()))?;
    Ok((inventory, changes))
}

fn show(
    changes: &ChangeSet,
    registry: &Registry,
    form: Output,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    match form {
        Output::Json => writeln!(output, "{}", changes.to_json(registry))?,
        Output::Text => output.write_all(changes.rendered(registry).as_bytes())?,
    }
    Ok(output.flush()?)
}

fn apply(
    file: &DocumentArgs,
    registry: &Registry,
    dry_run: bool,
    target: &Target,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> Result<(), Failure> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (inventory, changes) = compare(file, registry, target, errors)?;
        if dry_run {
            return show(&changes, registry, target.output, output);
        }
        if changes.is_empty() {
            let report = json!({"create": 0, "update": 0, "delete": 0, "revision": inventory.revision});
            return print(
                target.output,
                &report,
                |_| "nothing to change\n".to_owned(),
                output,
            );
        }
        match send::send(target, inventory.revision, &changes, errors) {
            Ok(revision) => return report(&changes, revision, target.output, output),
            Err(Failure::Refused { status: 409, .. }) if attempts < ATTEMPTS_MAX => {}
            Err(failure) => return Err(failure),
        }
    }
}

fn report(changes: &ChangeSet, revision: u64, form: Output, output: &mut dyn Write) -> Result<(), Failure> {
    let (created, updated, deleted) = changes.counts();
    let report = json!({"create": created, "update": updated, "delete": deleted, "revision": revision});
    let text = format!("{created} created, {updated} updated, {deleted} deleted, at revision {revision}\n");
    print(form, &report, |_| text, output)
}
