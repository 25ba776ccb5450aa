//! `troop settings`: what a start with the same flags, file and environment would use, and why.

use std::io::Write;

use serde_json::{Value, json};
use troop_settings::Loaded;

use super::print;
use crate::failure::Failure;
use crate::grammar::SettingsArgs;
use crate::start;

pub(super) fn run(args: &SettingsArgs, output: &mut dyn Write) -> Result<(), Failure> {
    if args.reference {
        output.write_all(troop_settings::reference().as_bytes())?;
        return Ok(output.flush()?);
    }
    let loaded = args.start.load(&start::environment())?;
    print(args.output, &document(&loaded), |_| text(&loaded), output)
}

fn document(loaded: &Loaded) -> Value {
    let setting = |effective: &troop_settings::Effective| {
        let place = effective.place.to_string();
        json!({"name": effective.name, "value": effective.value, "from": place})
    };
    let settings: Vec<_> = loaded.effective.iter().map(setting).collect();
    json!({"settings": settings, "warnings": loaded.warnings})
}

/// In the file's own syntax: what is printed can be pasted into `troop.conf`.
fn text(loaded: &Loaded) -> String {
    let setting = |effective: &troop_settings::Effective| {
        let value = effective.value.replace('#', "\\#");
        format!("{:<31} = {value}  # {}\n", effective.name, effective.place)
    };
    let warnings = loaded
        .warnings
        .iter()
        .map(|warning| format!("# warning: {warning}\n"));
    loaded.effective.iter().map(setting).chain(warnings).collect()
}
