//! The stage for tests over real processes and real sockets.
//!
//! A theatre's workshop: it builds the actors ([`node`], [`cluster`], [`origin`]), the telephone lines to them ([`wire`],
//! [`admin`], [`program`]) and the crowd that keeps coming while the scenery falls ([`load`]). The plays are in `it/`.
//!
//! The catch of such tests is time. On a busy machine a second is long or short as it likes, so nothing here sleeps and
//! hopes: whoever waits, waits for a condition and up to a deadline ([`patience`]), and only so many processes
//! run at once ([`places`]).
//!
//! Everything is blocking and the standard library: a test reads from top to bottom, and the harness shares no code with what
//! it judges, not even an HTTP parser. What is broken is said by a panic with the facts in it; a test wants nothing else.

pub mod admin;
pub mod answer;
pub mod cluster;
pub mod collector;
pub mod kong;
pub mod load;
pub mod node;
pub mod origin;
pub mod patience;
pub mod places;
pub mod ports;
pub mod program;
pub mod wire;
