//! Whether traffic notices that the configuration changes.
//!
//! Thousands of routes, a paced load, and laps in which a route changes every few milliseconds beside laps in which nothing does. A gateway that
//! builds its router anew, or makes its workers wait for it, shows it in the slowest answers; the figure is the ratio of those of a lap to those
//! of the quiet one beside it.

use crate::{
    ChurnArgs,
    admin::Connection,
    document,
    figure::Report,
    machine,
    node::{Node, Setup},
    origin,
    pace::{self, Pace},
    spread::Spread,
};
use anyhow::{Result, ensure};
use serde_json::json;
use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Enough for a steady stream, far from what a core can do: what is looked for are pauses, not queues.
const REQUESTS_PER_SECOND: u32 = 2_000;
const CONNECTIONS: u32 = 16;
/// The share of requests that the figure is about.
const PERCENTILE: f64 = 0.99;

/// Measures one node.
///
/// # Errors
/// When it does not start, or an answer is not the origin's.
pub fn measure(troop: &Path, args: ChurnArgs, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let origin = origin::start(machine::cores())?;
    let node = Node::found(&Setup::plain(troop), dir.path())?;
    let file = dir.path().join("routes.json");
    fs::write(&file, routes(args.routes, origin).to_string())?;
    document::apply(troop, &file, &node)?;
    let pace = Pace {
        connections: CONNECTIONS,
        per_second: REQUESTS_PER_SECOND,
        length: args.lap(),
    };
    pace::keep(node.proxy, pace)?;
    let mut ratios = Vec::new();
    let mut laps = Vec::new();
    let mut changes = 0;
    for _ in 0..args.laps {
        let quiet = slow(pace::keep(node.proxy, pace)?);
        let (busy, made) = while_changing(&node, args, || pace::keep(node.proxy, pace))?;
        let busy = slow(busy);
        changes += made;
        ratios.push(busy / quiet);
        laps.push((quiet, busy));
    }
    ensure!(changes > 0, "not one change was made");
    let ratio = Spread::of(ratios);
    let middle = |pick: fn(&(f64, f64)) -> f64| Spread::of(laps.iter().map(pick)).median();
    let note = format!(
        "{} laps of {} ms, {changes} changes, quartiles {}; {:.2} over {:.2} ms",
        args.laps,
        args.lap_ms,
        ratio.quartiles(),
        middle(|lap| lap.1),
        middle(|lap| lap.0),
    );
    let what = format!(
        "p99 with a change every {} ms over p99 without, {} routes",
        args.every_ms, args.routes
    );
    report.time(what, ratio.median(), "x", "churn_p99_ratio", note);
    Ok(())
}

fn slow(times: Vec<Duration>) -> f64 {
    Spread::of_millis(times).at(PERCENTILE)
}

/// Runs `load` while one route after the other changes, and tells how many changes were made.
fn while_changing<T>(node: &Node, args: ChurnArgs, load: impl FnOnce() -> Result<T>) -> Result<(T, usize)> {
    let is_over = AtomicBool::new(false);
    let mut admin = node.admin()?;
    thread::scope(|scope| {
        let changing = scope.spawn(|| change(&mut admin, args, &is_over));
        let loaded = load();
        is_over.store(true, Ordering::Relaxed);
        let made = changing
            .join()
            .map_err(|_| anyhow::anyhow!("the thread that changes routes panicked"))??;
        Ok((loaded?, made))
    })
}

fn change(admin: &mut Connection, args: ChurnArgs, is_over: &AtomicBool) -> Result<usize> {
    let mut due = Instant::now();
    let mut made = 0;
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += args.every();
        let route = made % args.routes;
        let paths = json!({ "paths": [format!("/route-{route}"), format!("/again-{made}")] });
        let answer = admin.exchange("PATCH", &format!("/routes/route-{route}"), Some(&paths))?;
        ensure!(answer.status == 200, "a change was answered {}", answer.status);
        made += 1;
    }
    Ok(made)
}

fn routes(count: usize, origin: SocketAddr) -> serde_json::Value {
    let more = (0..count).map(|n| json!({"name": format!("route-{n}"), "paths": [format!("/route-{n}")]}));
    let bench = json!({"name": "bench", "paths": ["/bench"]});
    let routes: Vec<_> = std::iter::once(bench).chain(more).collect();
    let service = json!({"name": "bench", "url": format!("http://{origin}"), "routes": routes});
    json!({ "_format_version": "3.0", "services": [service] })
}
