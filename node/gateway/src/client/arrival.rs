//! Who comes: the address a connection is from, whom it speaks for, and whether there is room for another of these.
//!
//! The doorman asks two things before anybody takes off a coat. Who sends you? (If a load balancer stands in front, its note is read.) And how
//! many of you are in already? Those he trusts are not counted: behind one load balancer stands half of the world.

use super::{crowd::Place, proxy_header};
use crate::{real_ip::RealIpSource, worker::Worker};
use std::net::{IpAddr, SocketAddr};
use troop_runtime::Line;
use troop_stdx::Remote;

/// Who came.
pub(crate) struct Arrival {
    /// The address the connection is from; none over a unix socket.
    pub address: Option<SocketAddr>,
    /// The client's address as the PROXY header told it.
    pub told: Option<IpAddr>,
    /// Its place, where places are counted.
    pub place: Option<Place>,
}

/// Learns who came; `None` when the connection is to be closed without a word.
pub(crate) async fn arrive(
    worker: &Worker,
    stream: &Line,
    address: Option<SocketAddr>,
    introduced: bool,
) -> Option<Arrival> {
    let told = if introduced {
        // On the heap: the room to read it is not carried along by connections for as long as they live.
        match Box::pin(proxy_header::take(stream, worker.options.limits.head_timeout)).await {
            Ok(told) => told.map(|told| told.ip().to_canonical()),
            Err(error) => {
                tracing::debug!(client = %Remote::from(address), %error, "a connection was not introduced");
                return None;
            }
        }
    } else {
        None
    };
    let mut arrival = Arrival {
        address,
        told,
        place: None,
    };
    if let Some(crowd) = &worker.crowd
        && let Some(counted) = counted(worker, &arrival)
    {
        arrival.place = crowd.enter(counted);
        if arrival.place.is_none() {
            worker.page.crowded.up();
            tracing::debug!(client = %counted, "one more connection than an address may have");
            return None;
        }
    }
    Some(arrival)
}

/// The address whose connections are counted: the client's own, or whom a trusted connection introduced. Over a unix socket nobody has one.
fn counted(worker: &Worker, arrival: &Arrival) -> Option<IpAddr> {
    let options = &worker.options;
    let own = Remote::from(arrival.address);
    if !options.trusts(own) {
        return own.ip();
    }
    match options.real_ip.source {
        RealIpSource::ProxyProtocol => arrival.told,
        RealIpSource::Field(_) => None,
    }
}
