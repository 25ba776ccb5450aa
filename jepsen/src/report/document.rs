//! The report for programs, and what a replay reads of it.

use super::{Report, Setting, percentile_ms};
use crate::{
    args::{RunArgs, Wires},
    fault::log::{Accident, tally},
    workload::Judgement,
};
use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use std::{fs, path::Path};

/// The document.
pub fn write(report: &Report) -> Value {
    let counts = report.counts();
    let judgements: Map<String, Value> = report
        .judgements
        .iter()
        .map(|(name, judgement)| ((*name).to_owned(), workload(judgement)))
        .collect();
    let tally: Map<String, Value> = tally(&report.accidents)
        .into_iter()
        .map(|(kind, times)| (kind.name().to_owned(), json!(times)))
        .collect();
    let violations = report.violations().into_iter().map(|violation| {
        json!({"checker": violation.checker, "subject": violation.subject, "at_s": seconds(violation.at), "text": violation.text})
    });
    let unknowns = report
        .unknowns()
        .into_iter()
        .map(|unknown| json!({"checker": unknown.checker, "subject": unknown.subject, "text": unknown.text}));
    json!({
        "outcome": report.outcome().word(),
        "setting": setting(&report.setting),
        "elapsed_s": report.elapsed.as_secs_f64(),
        "operations": {"ok": counts.ok, "fail": counts.fail, "info": counts.info},
        "faults": tally,
        "violations": violations.collect::<Vec<_>>(),
        "unknowns": unknowns.collect::<Vec<_>>(),
        "invalid": report.invalid,
        "workloads": judgements,
        "accidents": report.accidents.iter().map(|accident| entry(report, accident)).collect::<Vec<_>>(),
        "log_lines": report.log_lines,
    })
}

fn setting(setting: &Setting) -> Value {
    json!({
        "nodes": setting.nodes,
        "minutes": setting.minutes,
        "seed": setting.seed,
        "faults": setting.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "workloads": setting.workloads,
        "network": setting.with_network,
        "pace_ms": setting.pace_ms,
        "snapshot_every": setting.snapshot_every,
        "log_keep": setting.log_keep,
        "version": setting.version,
    })
}

fn workload(judgement: &Judgement) -> Value {
    let (reads, writes) = (
        || judgement.samples.iter().filter(|sample| !sample.is_write),
        || judgement.samples.iter().filter(|sample| sample.is_write),
    );
    json!({
        "checked": judgement.findings.checked,
        "operations": {"ok": judgement.counts.ok, "fail": judgement.counts.fail, "info": judgement.counts.info},
        "write_ms": {"p50": percentile_ms(writes(), 50), "p99": percentile_ms(writes(), 99)},
        "read_ms": {"p50": percentile_ms(reads(), 50), "p99": percentile_ms(reads(), 99)},
        "remarks": judgement.remarks,
    })
}

fn entry(report: &Report, accident: &Accident) -> Value {
    let (happened, proof) = match &accident.proof {
        Ok(proof) => (true, proof),
        Err(reason) => (false, reason),
    };
    json!({
        "kind": accident.kind.name(),
        "nodes": accident.nodes,
        "began_s": seconds(accident.began),
        "ended_s": seconds(accident.ended),
        "whole_s": seconds(accident.whole),
        "leader": accident.leader.map(|(number, _)| number),
        "term": accident.leader.map(|(_, term)| term),
        "happened": happened,
        "proof": proof,
        "silence_ms": report.silence(accident).map(|silence| silence.as_millis()),
    })
}

fn seconds(at: u64) -> f64 {
    at as f64 / 1e9
}

/// What a report says was run.
///
/// # Errors
/// There is no report, or it lacks something.
pub fn read_setting(directory: &Path, args: RunArgs) -> Result<RunArgs> {
    let path = directory.join("report.json");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let document: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    restore(&document["setting"], args)
        .with_context(|| format!("{} lacks part of its setting", path.display()))
}

/// An empty list would mean all.
fn named_or_none(names: Vec<String>) -> Vec<String> {
    if names.is_empty() {
        vec!["none".to_owned()]
    } else {
        names
    }
}

fn restore(setting: &Value, args: RunArgs) -> Option<RunArgs> {
    let names = |field: &str| -> Option<Vec<String>> {
        setting[field]
            .as_array()?
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect()
    };
    Some(RunArgs {
        nodes: u8::try_from(setting["nodes"].as_u64()?).ok()?,
        minutes: setting["minutes"].as_f64()?,
        seed: setting["seed"].as_u64(),
        faults: named_or_none(names("faults")?),
        workloads: names("workloads")?,
        network: if setting["network"].as_bool()? {
            Wires::On
        } else {
            Wires::Off
        },
        pace_ms: setting["pace_ms"].as_u64()?,
        snapshot_every: setting["snapshot_every"].as_u64()?,
        log_keep: setting["log_keep"].as_u64()?,
        ..args
    })
}
