//! Who speaks, and to whom: checked on every call.

use tonic::{Extensions, Request, Status, metadata::MetadataMap, service::Interceptor};

const CLUSTER: &str = "troop-cluster";
const FROM: &str = "troop-from";
const TO: &str = "troop-to";

/// A node that proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its number.
    pub node_id: u64,
}

/// Tells from the connection who calls, and whether that node may.
pub trait Gate: Send + Sync + 'static {
    /// The node whose certificate the connection carries, if it is of this cluster and still a member.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a certificate, `PERMISSION_DENIED` for a node that was removed.
    fn caller(&self, connection: &Extensions) -> Result<Caller, Status>;
}

/// Writes the three names on each outgoing call.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The cluster both belong to.
    pub cluster: String,
    /// Who speaks.
    pub from: u64,
    /// Who is spoken to.
    pub to: u64,
}

impl Interceptor for Stamp {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let values = [
            (CLUSTER, self.cluster.clone()),
            (FROM, self.from.to_string()),
            (TO, self.to.to_string()),
        ];
        for (name, value) in values {
            let value = value
                .parse()
                .map_err(|_| Status::internal("cluster id is not a header value"))?;
            request.metadata_mut().insert(name, value);
        }
        Ok(request)
    }
}

/// Checks the three names of an incoming call against this node and the caller's certificate.
///
/// # Errors
/// `FAILED_PRECONDITION` naming what does not match; what [`Gate::caller`] says.
pub fn admit<T>(gate: &dyn Gate, cluster: &str, me: u64, request: &Request<T>) -> Result<Caller, Status> {
    let caller = gate.caller(request.extensions())?;
    let names = request.metadata();
    expect(names, CLUSTER, cluster)?;
    expect(names, TO, &me.to_string())?;
    expect(names, FROM, &caller.node_id.to_string())?;
    Ok(caller)
}

fn expect(names: &MetadataMap, name: &str, expected: &str) -> Result<(), Status> {
    let found = names
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    Err(Status::failed_precondition(format!(
        "{name} is {found:?}, expected {expected:?}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Node(u64);

    impl Gate for Node {
        fn caller(&self, _: &Extensions) -> Result<Caller, Status> {
            Ok(Caller { node_id: self.0 })
        }
    }

    fn check(certificate: u64, stamp: (&str, u64, u64), admitted: bool) {
        let mut stamp = Stamp {
            cluster: stamp.0.into(),
            from: stamp.1,
            to: stamp.2,
        };
        let request = stamp.call(Request::new(())).unwrap();
        assert_eq!(admit(&Node(certificate), "c1", 1, &request).is_ok(), admitted);
    }

    #[test]
    fn a_call_is_admitted_only_with_matching_cluster_sender_and_target() {
        check(2, ("c1", 2, 1), true);
        check(2, ("c2", 2, 1), false);
        check(2, ("c1", 2, 3), false);
        check(3, ("c1", 2, 1), false);
    }
}
