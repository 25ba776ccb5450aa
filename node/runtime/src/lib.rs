//! What ties a process to the real world: its clock, its tasks, and being told to stop.
//!
//! The pure cores below take time as an argument; somebody has to look at the wall clock and pass it in,
//! and this is where that somebody lives. The crate stands above the cores on purpose, so that none of
//! them can reach for the clock.
//!
//! * [`SystemClock`] reads the machine's clocks.
//! * [`TaskSet`] knows every spawned task by name and waits for all of them.
//! * [`Shutdown`] tells everybody, once, to drain and then to stop.
//! * [`Listener`] takes connections, over TCP or by a file ([`SocketFile`]); each is a [`Line`].
//! * [`is_http_2`] tells what a caller speaks.
//! * [`system_roots`] are the authorities that the machine trusts.
//! * [`Unproven`] speaks TLS with whoever is there, for all parts that dial out.
//!
//! It starts no runtime: which threads exist is the program's decision.

mod clock;
mod line;
mod listener;
mod preface;
mod roots;
mod shutdown;
mod signals;
mod task_set;
mod unix_socket;
mod unproven;

pub use clock::SystemClock;
pub use line::Line;
pub use listener::{Bound, Listener};
pub use preface::is_http_2;
pub use roots::system_roots;
pub use shutdown::Shutdown;
pub use signals::{SignalError, listen_for_rotation, listen_to_signals};
pub use task_set::TaskSet;
pub use unix_socket::{SocketFile, UnixSocketError, bind_unix};
pub use unproven::Unproven;
