//! Checkers against an independent one and against histories that are known to be good or bad; the state machine in a simulated world;
//! what a run leaves behind.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod leftovers;
mod second_opinion;
mod simulation;
