//! Proof under fire: real clusters, real faults, and a judge who was not there.
//!
//! A crash-test hall. A cluster of real processes is put on the track, clients drive it, a schedule drawn from a seed cuts wires,
//! kills drivers and swaps seats, and all that the clients saw goes into a record. Afterwards checkers ask of the record alone
//! whether every promise was kept.
//!
//! The catch: a test that breaks nothing proves nothing. So each fault must show that it happened (a process that was there is gone, a
//! frame was dropped), and a run in which a promised fault did not happen is *invalid*, not good.
//!
//! What it does not do: look into the program. It knows the command line, the Admin API and the proxy, as users do.

pub mod args;
pub mod check;
pub mod cluster;
pub mod fault;
pub mod history;
pub mod line;
pub mod model;
pub mod network;
pub mod planted;
pub mod report;
pub mod run;
pub mod shim;
pub mod workload;
