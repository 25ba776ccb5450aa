//! The phases of an exchange as a set of flags.
//!
//! A handler says once which phases it takes part in; the gateway sorts handlers by flag when it compiles a chain, so that a phase
//! nobody uses is an empty list and not a round of calls that do nothing.

use std::ops::BitOr;

/// A set of phases.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Phases(u8);

impl Phases {
    /// No phase.
    pub const NONE: Phases = Phases(0);
    /// While the TLS handshake picks a certificate.
    pub const CERTIFICATE: Phases = Phases(1);
    /// Before routing; only global instances take part.
    pub const REWRITE: Phases = Phases(1 << 1);
    /// After routing, before a peer is picked: may answer the request.
    pub const ACCESS: Phases = Phases(1 << 2);
    /// When the head of the response is known.
    pub const HEADER_FILTER: Phases = Phases(1 << 3);
    /// For each chunk of the response's body.
    pub const BODY_FILTER: Phases = Phases(1 << 4);
    /// When the exchange is over.
    pub const LOG: Phases = Phases(1 << 5);
    /// Before a peer is picked for a connection or datagrams that are passed on as they are: may end them.
    pub const PREREAD: Phases = Phases(1 << 6);
    /// When such a session is over.
    pub const SESSION_LOG: Phases = Phases(1 << 7);

    /// Whether all phases of `other` are in here.
    pub const fn has(self, other: Phases) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together, in constants.
    #[must_use]
    pub const fn and(self, other: Phases) -> Phases {
        Phases(self.0 | other.0)
    }
}

impl BitOr for Phases {
    type Output = Phases;

    fn bitor(self, other: Phases) -> Phases {
        self.and(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let set = Phases::ACCESS | Phases::LOG;
        assert!(set.has(Phases::ACCESS) && set.has(Phases::LOG) && set.has(Phases::NONE));
        assert!(!set.has(Phases::HEADER_FILTER) && !set.has(Phases::ACCESS | Phases::REWRITE));
    }
}
