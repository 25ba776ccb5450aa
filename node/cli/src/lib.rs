//! troop-cli.
