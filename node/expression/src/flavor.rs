//! In which language the routes of a node are written.
//!
//! The catch: it is a setting of each node, not part of the configuration. Nodes of one cluster that differ in it answer requests
//! differently and refuse each other's routes; they are meant to be set alike, and the program says so when they are not.

/// The setting `router_flavor`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavor {
    /// Routes are forms: hosts, paths, methods, headers, server names.
    #[default]
    TraditionalCompatible,
    /// Routes are forms, in the order and with the small print of Kong before 3.0.
    Traditional,
    /// Routes are forms or expressions.
    Expressions,
}

impl Flavor {
    /// As it is written in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Flavor::TraditionalCompatible => "traditional_compatible",
            Flavor::Traditional => "traditional",
            Flavor::Expressions => "expressions",
        }
    }
}
