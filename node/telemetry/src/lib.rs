//! troop-telemetry.
