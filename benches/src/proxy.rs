//! CPU time per proxied request, troop beside another proxy.
//!
//! Two runners on one track take turns in short laps; whoever goes first changes with every pair, so that a neighbour who
//! grows louder or a processor that grows warmer meets both. A lap's result is the ratio to the other's lap beside it, and the
//! figure is the middle of these.

use crate::{
    ProxyArgs,
    figure::Report,
    load::{self, Amount, RequestHead},
    machine,
    node::{Node, Setup},
    origin,
    program::Program,
    rival::{Front, Rival},
    spread::Spread,
};
use anyhow::{Result, ensure};
use std::{net::SocketAddr, path::Path, time::Duration};

/// Requests before a proxy is measured: pools filled, code in the caches.
const WARM_REQUESTS: usize = 2_000;

/// Measures each kind of request head against each rival.
///
/// # Errors
/// When a proxy does not start or an answer is not the origin's.
pub fn measure(troop: &Path, args: &ProxyArgs, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let origin = origin::start(machine::cores())?;
    let node = Node::found(&Setup::on_proxy_core(troop), dir.path())?;
    node.route_to(origin)?;
    node.guard("bench", load::KEY)?;
    let troop = Runner {
        program: &node.program,
        worker: "worker",
        proxy: node.proxy,
        http2: node.http2,
    };
    for rival in &args.rivals {
        let running = rival.start(origin, dir.path(), &[], Front::Plain)?;
        let beside = Runner {
            program: &running.program,
            worker: "",
            proxy: running.proxy,
            http2: running.http2,
        };
        for head in [
            RequestHead::Lean,
            RequestHead::Browser,
            RequestHead::Keyed,
            RequestHead::Http2,
        ] {
            compare(&troop, &beside, *rival, head, args, report)?;
        }
    }
    Ok(())
}

struct Runner<'a> {
    program: &'a Program,
    /// How the thread is called that serves; the others keep the node in its cluster.
    worker: &'static str,
    proxy: SocketAddr,
    http2: SocketAddr,
}

/// One lap.
#[derive(Clone, Copy, Debug)]
struct Lap {
    micros_per_request: f64,
    /// Of the worker alone.
    worker_micros: f64,
    requests_per_second: f64,
}

impl Runner<'_> {
    fn door(&self, head: RequestHead) -> SocketAddr {
        match head {
            RequestHead::Http2 => self.http2,
            _ => self.proxy,
        }
    }

    fn warm(&self, head: RequestHead, connections: usize) -> Result<()> {
        load::put(
            self.door(head),
            head,
            connections,
            Amount::Requests(WARM_REQUESTS),
        )?;
        Ok(())
    }

    /// CPU time of the process, and of its worker.
    fn used(&self) -> Result<(Duration, Duration)> {
        Ok((self.program.cpu_time()?, self.program.cpu_time_of(self.worker)?))
    }

    fn lap(&self, head: RequestHead, args: &ProxyArgs) -> Result<Lap> {
        let before = self.used()?;
        let answered = load::put(
            self.door(head),
            head,
            args.connections,
            Amount::Time(args.round()),
        )?;
        let used = self.used()?;
        ensure!(answered > 0, "not one request was answered in a round");
        let per_request = |before: Duration, used: Duration| {
            used.saturating_sub(before).as_secs_f64() * 1e6 / answered as f64
        };
        Ok(Lap {
            micros_per_request: per_request(before.0, used.0),
            worker_micros: per_request(before.1, used.1),
            requests_per_second: answered as f64 / args.round().as_secs_f64(),
        })
    }
}

fn compare(
    troop: &Runner<'_>,
    beside: &Runner<'_>,
    rival: Rival,
    head: RequestHead,
    args: &ProxyArgs,
    report: &mut Report,
) -> Result<()> {
    troop.warm(head, args.connections)?;
    beside.warm(head, args.connections)?;
    let mut pairs = Vec::with_capacity(args.rounds);
    for round in 0..args.rounds {
        pairs.push(if round % 2 == 0 {
            let first = troop.lap(head, args)?;
            (first, beside.lap(head, args)?)
        } else {
            let first = beside.lap(head, args)?;
            (troop.lap(head, args)?, first)
        });
    }
    let ratio = Spread::of(
        pairs
            .iter()
            .map(|(troop, beside)| troop.micros_per_request / beside.micros_per_request),
    );
    let worker = Spread::of(
        pairs
            .iter()
            .map(|(troop, beside)| troop.worker_micros / beside.worker_micros),
    );
    let what = format!("CPU per request over {}, {}", rival.name(), head.name());
    let note = format!(
        "quartiles {}; the worker alone {:.2}; {}",
        ratio.quartiles(),
        worker.median(),
        absolute(&pairs)
    );
    report.time(what, ratio.median(), "x", ceiling(rival, head), note);
    Ok(())
}

/// Ceilings are agreed for the lean head, as load generators send it, for a route with two plugins, and for HTTP/2.
fn ceiling(rival: Rival, head: RequestHead) -> &'static str {
    match (rival, head) {
        (Rival::Nginx, RequestHead::Lean) => "cpu_ratio_nginx",
        (Rival::Nginx, RequestHead::Keyed) => "cpu_ratio_nginx_plugins",
        (Rival::Nginx, RequestHead::Http2) => "cpu_ratio_nginx_http2",
        _ => "",
    }
}

fn absolute(pairs: &[(Lap, Lap)]) -> String {
    let middle = |pick: &dyn Fn(&(Lap, Lap)) -> f64| Spread::of(pairs.iter().map(pick)).median();
    format!(
        "{:.1} over {:.1} us, {:.0} over {:.0} requests/s",
        middle(&|pair| pair.0.micros_per_request),
        middle(&|pair| pair.1.micros_per_request),
        middle(&|pair| pair.0.requests_per_second),
        middle(&|pair| pair.1.requests_per_second),
    )
}
