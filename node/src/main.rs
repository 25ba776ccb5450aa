//! The program `troop`.
fn main() {}
