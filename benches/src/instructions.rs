//! Instructions per proxied request in user space: the figure that a busy machine does not change.
//!
//! N requests, then 2N: the difference belongs to N requests and to nothing that happens once. (What the kernel does is not in it;
//! troop and nginx make the same four or five system calls per request.)

use crate::{
    InstructionsArgs,
    callgrind::{Callgrind, Dump},
    figure::Report,
    hot::Hot,
    load::{self, Amount, RequestHead},
    machine,
    node::{Node, Setup},
    origin,
    program::Place,
    rival::{Front, Rival},
};
use anyhow::{Context, Result};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Connections: enough to keep a worker busy, few enough that each is warm.
const CONNECTIONS: usize = 16;
/// Requests before counting.
const WARM_REQUESTS: usize = 1_000;

/// Counts troop, and nginx unless told otherwise.
///
/// # Errors
/// When valgrind is missing, or a proxy fails under it.
pub fn measure(troop: &Path, args: &InstructionsArgs, report: &mut Report) -> Result<()> {
    let origin = origin::start(machine::cores())?;
    let (troop, keyed) = of_troop(troop, origin, args)?;
    let note = format!("{:.0} more in other threads", troop.elsewhere);
    report.count(
        "user instructions per request",
        troop.worker,
        "",
        "instructions_per_request",
        note,
    );
    report.count("the same, 11 headers", troop.browser, "", "", "");
    report.count(
        "the same, key-auth and rate-limiting",
        keyed,
        "",
        "instructions_per_keyed_request",
        "",
    );
    if !args.without_nginx {
        let nginx = of_nginx(origin, args)?;
        report.count(
            "user instructions per request over nginx",
            troop.worker / nginx.worker,
            "x",
            "",
            format!("nginx {:.0}", nginx.worker),
        );
        report.count(
            "the same, 11 headers",
            troop.browser / nginx.browser,
            "x",
            "",
            format!("nginx {:.0}", nginx.browser),
        );
    }
    Ok(())
}

/// Instructions per request.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Of the worker, with the lean request head.
    worker: f64,
    /// Of the worker, with a browser's.
    browser: f64,
    /// Of all other threads meanwhile.
    elsewhere: f64,
}

/// The second figure is that of the worker on a route that asks for a key and counts.
fn of_troop(troop: &Path, origin: SocketAddr, args: &InstructionsArgs) -> Result<(Cost, f64)> {
    let dir = tempfile::tempdir()?;
    let files = Files::of("troop", dir.path(), args)?;
    let mut callgrind = Callgrind::new(&files.0);
    let setup = Setup {
        troop: troop.to_owned(),
        prefix: callgrind.prefix(),
        place: Place::ProxyCore,
    };
    let node = Node::found(&setup, dir.path())?;
    node.route_to(origin)?;
    let (pid, proxy) = (node.program.pid(), node.proxy);
    let plain = count(&mut callgrind, pid, proxy, args.requests)?;
    // Only now, so that plain requests are counted on a node that has nothing else.
    node.guard("bench", load::KEY)?;
    let keyed = count_keyed(&mut callgrind, pid, proxy, args.requests)?;
    Ok((plain, keyed))
}

fn of_nginx(origin: SocketAddr, args: &InstructionsArgs) -> Result<Cost> {
    let dir = tempfile::tempdir()?;
    let files = Files::of("nginx", dir.path(), args)?;
    let mut callgrind = Callgrind::new(&files.0);
    let nginx = Rival::Nginx.start(origin, dir.path(), &callgrind.prefix(), Front::Plain)?;
    count(&mut callgrind, nginx.program.pid(), nginx.proxy, args.requests)
}

fn count(callgrind: &mut Callgrind, pid: u32, proxy: SocketAddr, requests: usize) -> Result<Cost> {
    let (one, two) = once_and_twice(callgrind, pid, proxy, RequestHead::Lean, requests)?;
    tell_where(&two, 2 * requests, "hot.md")?;
    let (browser_one, browser_two) = once_and_twice(callgrind, pid, proxy, RequestHead::Browser, requests)?;
    let per_request = |one: u64, two: u64| (two as f64 - one as f64) / requests as f64;
    let worker = per_request(one.busiest().1, two.busiest().1);
    Ok(Cost {
        worker,
        browser: per_request(browser_one.busiest().1, browser_two.busiest().1),
        elsewhere: per_request(one.total(), two.total()) - worker,
    })
}

fn count_keyed(callgrind: &mut Callgrind, pid: u32, proxy: SocketAddr, requests: usize) -> Result<f64> {
    let (one, two) = once_and_twice(callgrind, pid, proxy, RequestHead::Keyed, requests)?;
    tell_where(&two, 2 * requests, "hot-keyed.md")?;
    Ok((two.busiest().1 as f64 - one.busiest().1 as f64) / requests as f64)
}

/// Tables beside the dump: they last as long as it does.
fn tell_where(dump: &Dump, requests: usize, file_name: &str) -> Result<()> {
    let (file, _) = dump.busiest();
    let hot = Hot::of(&fs::read_to_string(file)?);
    fs::write(file.with_file_name(file_name), hot.tables(requests))?;
    Ok(())
}

fn once_and_twice(
    callgrind: &mut Callgrind,
    pid: u32,
    proxy: SocketAddr,
    head: RequestHead,
    requests: usize,
) -> Result<(Dump, Dump)> {
    load::put(proxy, head, CONNECTIONS, Amount::Requests(WARM_REQUESTS))?;
    callgrind.zero(pid)?;
    load::put(proxy, head, CONNECTIONS, Amount::Requests(requests))?;
    let one = callgrind.dump(pid)?;
    load::put(proxy, head, CONNECTIONS, Amount::Requests(2 * requests))?;
    Ok((one, callgrind.dump(pid)?))
}

/// Where callgrind writes: beside the program's data, or where the files are to be kept.
struct Files(PathBuf);

impl Files {
    fn of(name: &str, dir: &Path, args: &InstructionsArgs) -> Result<Self> {
        let path = args
            .keep
            .as_deref()
            .unwrap_or(dir)
            .join(format!("callgrind-{name}"));
        fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        // Absolute, because the program that writes may have gone elsewhere.
        Ok(Files(path.canonicalize()?))
    }
}
