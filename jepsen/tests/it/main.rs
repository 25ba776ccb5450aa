//! Checkers against an independent one and against histories that are known to be good or bad; the state machine in a simulated world.

mod second_opinion;
mod simulation;
