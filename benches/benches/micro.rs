//! Micro benches: what one step of the two rivers costs.
//!
//! A stopwatch for single moves, where the rig (`src/`) weighs the whole athlete. Times are CPU time of the thread, not of the
//! clock on the wall: a neighbour who takes the core away does not count. What he does to the caches still does.
//!
//! `cargo bench -p troop-benches --bench micro -- router` runs one part. Ceilings are not enforced here: they are agreed for the
//! figures on the page about performance, and a count of instructions is the better guard.

mod cpu_clock;
mod plan;
mod router;
mod schema;
mod txn;

use cpu_clock::CpuClock;
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .with_measurement(CpuClock::default())
        .configure_from_args();
    router::benches(&mut criterion);
    txn::benches(&mut criterion);
    schema::benches(&mut criterion);
    plan::benches(&mut criterion);
    criterion.final_summary();
}
