//! A file read, filled in, and judged.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use troop_declarative::{Dialect, Document, Format, LoadError, Loader, environment, limits};
use troop_schema::{Registry, Stamp};

use crate::failure::Failure;
use crate::grammar::DocumentArgs;

/// Reads the file. What is odd about it is told on `errors`.
pub(super) fn load(
    file: &DocumentArgs,
    registry: &Registry,
    errors: &mut dyn Write,
) -> Result<Document, Failure> {
    let path = &file.path;
    let text = text(path).map_err(|error| unusable(path, &error.to_string()))?;
    let lookup = |name: &str| std::env::var(name).ok();
    let text = environment::fill(&text, &lookup).map_err(|error| unusable(path, &error.to_string()))?;
    let loader = Loader::new(registry)
        .dialect(Dialect::Deck)
        .select_tags(&file.select_tags);
    let document = stamped(|stamp| loader.load_text(&text, Format::Either, stamp));
    let document = document.map_err(|error| unusable(path, &faults(&error)))?;
    for warning in document.warnings() {
        writeln!(errors, "troop: {}: warning: {warning}", path.display())?;
    }
    Ok(document)
}

/// One byte more than is allowed is read, so that the loader can say that it is too many.
fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let limit = limits::DOCUMENT_MAX_BYTES as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_string(&mut text)?;
    } else {
        fs::File::open(path)?.take(limit).read_to_string(&mut text)?;
    }
    Ok(text)
}

fn faults(error: &LoadError) -> String {
    match error {
        LoadError::Unreadable(error) => error.to_string(),
        LoadError::Invalid(_) => {
            let lines = error.lines();
            format!("{} fault(s)\n  {}", lines.len(), lines.join("\n  "))
        }
    }
}

pub(super) fn unusable(path: &Path, problem: &str) -> Failure {
    Failure::File {
        path: path.display().to_string(),
        problem: problem.to_owned(),
    }
}

/// Runs `work` with the time and randomness of this moment.
pub(super) fn stamped<R>(work: impl FnOnce(&mut Stamp<'_>) -> R) -> R {
    let mut random = rand::random::<[u8; 16]>;
    work(&mut Stamp::new(now_ms(), &mut random))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
