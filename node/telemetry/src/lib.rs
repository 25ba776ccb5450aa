//! What troop says about itself, and the words it says it with.
//!
//! A hospital writes "temperature" on every chart, never "temp" on one and "fever" on the next; otherwise
//! nobody can compare two charts. So names of log fields and metrics stand here, once, and every part
//! imports them.
//!
//! The catch: logging wants to be everywhere and must be nowhere on the request path. Above `debug`
//! nothing is logged per request except the access log, whose line is built by a pure function
//! ([`LineFormat`]) into the caller's own buffer.
//!
//! No clock, no file: time is an argument, and only [`init_logging`] touches the process (standard error).

mod access;
mod calendar;
mod exposition;
pub mod field;
mod histogram;
mod logging;
pub mod metric;
pub mod trace;

pub use access::{AccessLine, FormatError, LineFormat, SessionFormat, SessionLine};
pub use exposition::{Exposition, Kind, Labels};
pub use histogram::Histogram;
pub use logging::{LogFormat, LoggingError, Volume, init_logging};
