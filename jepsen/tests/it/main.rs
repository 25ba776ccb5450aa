//! Checkers against an independent one, and against histories that are known to be good or bad.

mod second_opinion;
