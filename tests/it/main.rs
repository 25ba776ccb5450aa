//! Facts about real processes.

mod house;
