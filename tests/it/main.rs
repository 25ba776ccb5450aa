//! Facts about real processes.
