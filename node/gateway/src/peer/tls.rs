//! TLS towards peers without terms of a service: proven by the machine's roots, or not proven at all.

use super::trust::{Authorities, Proof, Trust};
use crate::badge::Badge;
use rustls::crypto::aws_lc_rs;
use std::sync::Arc;

/// Chains of probes may be as long as their roots allow.
const ANY_DEPTH: usize = usize::MAX;

/// The two ways of connecting.
pub(crate) struct PeerTls {
    proven: Trust,
    unproven: Trust,
}

impl PeerTls {
    /// Reads the machine's roots. A machine without any proves nobody.
    /// Shows `badge` to peers that ask where nobody names another.
    pub fn load(badge: Option<Arc<Badge>>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = Proof::Chain {
            authorities: Authorities::System,
            depth: ANY_DEPTH,
        };
        Ok(PeerTls {
            proven: Trust::new(chain, None, badge.clone(), &provider)?,
            unproven: Trust::new(Proof::None, None, badge, &provider)?,
        })
    }

    /// How to connect.
    pub fn trust(&self, verify: bool) -> &Trust {
        if verify { &self.proven } else { &self.unproven }
    }
}
