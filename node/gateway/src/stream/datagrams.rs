//! Datagrams: each client's are a session of their own.
//!
//! Nobody hangs up in a conversation by postcards; it is over when no card has come for a while. Until then all cards of one sender go to the
//! same peer from an address of their own, and what comes back to that address goes to this sender.
//!
//! The catch: a sender's address can be made up, so sessions can be made to begin for nothing. Their number has a limit, as has what
//! waits for a peer to be found; beyond it cards are lost, which is what datagrams are allowed to be.

use super::{
    call::{Call, Fate, HungUp, Routed, Transport},
    hello::Heard,
    session::awake,
};
use crate::{
    peer::{pick::Picked, send::TryError},
    sweep::{Slot, Stage},
    worker::Worker,
};
use bytes::Bytes;
use std::{
    cell::RefCell,
    collections::HashMap,
    future::Future,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    net::UdpSocket,
    sync::mpsc::{self, Receiver, Sender},
};
use troop_router::Carriers;

/// Largest datagram there can be.
const DATAGRAM_MAX_BYTES: usize = 65_535;

/// Datagrams of one client that wait for their peer.
const WAITING_MAX: usize = 64;

/// After an error of the socket there is a pause, so that one that stays does not keep the worker busy.
const PAUSE: Duration = Duration::from_millis(50);

/// The sessions of one listening socket, by the client's address.
type Sessions = Rc<RefCell<HashMap<SocketAddr, Sender<Bytes>>>>;

/// Serves one listening socket until the worker drains.
pub(crate) async fn serve(worker: Rc<Worker>, socket: UdpSocket) {
    let Ok(destination) = socket.local_addr() else {
        tracing::error!("a listener without an address is not used");
        return;
    };
    let socket = Rc::new(socket);
    let sessions = Sessions::default();
    let mut buffer = vec![0; DATAGRAM_MAX_BYTES];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = worker.drained_or_told() => return,
        };
        match received {
            Ok((size, client)) => {
                let datagram = Bytes::copy_from_slice(&buffer[..size]);
                let begun = sessions.borrow().get(&client).cloned();
                match begun {
                    // Full: this one is lost.
                    Some(session) => _ = session.try_send(datagram),
                    None => begin(&worker, &socket, &sessions, client, destination, datagram),
                }
            }
            Err(error) => {
                tracing::debug!(%destination, %error, "no datagram could be received");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn begin(
    worker: &Rc<Worker>,
    socket: &Rc<UdpSocket>,
    sessions: &Sessions,
    client: SocketAddr,
    destination: SocketAddr,
    first: Bytes,
) {
    let most = worker.options.limits.datagram_sessions_max;
    if sessions.borrow().len() >= most {
        worker.page.crowded.up();
        return;
    }
    worker.page.accepted.up();
    let (sender, waiting) = mpsc::channel(WAITING_MAX);
    // There is room: it is new.
    let _ = sender.try_send(first);
    sessions.borrow_mut().insert(client, sender);
    let (worker, socket, sessions) = (Rc::clone(worker), Rc::clone(socket), Rc::clone(sessions));
    tokio::task::spawn_local(async move {
        let slot = worker.sweep.enter();
        slot.wait_on(Stage::Exchange);
        let call = Call {
            client: client.into(),
            source: Some(client),
            destination: Some(destination),
            transport: Transport::Udp,
            heard: Heard::default(),
            number: worker.next_connection(),
            started: Instant::now(),
            slot: Rc::clone(&slot),
            worker: Rc::clone(&worker),
        };
        awake(&slot, put_through(call, client, &socket, waiting)).await;
        sessions.borrow_mut().remove(&client);
        worker.page.closed.up();
    });
}

async fn put_through(call: Call, client: SocketAddr, socket: &UdpSocket, waiting: Receiver<Bytes>) {
    let carriers = Carriers {
        udp: true,
        ..Carriers::default()
    };
    let plan = call.worker.plan();
    let mut fate = Fate::default();
    let routed = call.route(&plan, carriers);
    let outcome = match &routed {
        Ok(routed) => talk(&call, &plan, routed, (client, socket), waiting, &mut fate).await,
        Err(_) => Err(HungUp::NoRoute),
    };
    call.ended(routed.as_ref().ok(), &fate, outcome.as_ref().err());
}

async fn talk(
    call: &Call,
    plan: &crate::plan::Plan,
    routed: &Routed,
    (client, socket): (SocketAddr, &UdpSocket),
    waiting: Receiver<Bytes>,
    fate: &mut Fate,
) -> Result<(), HungUp> {
    let service = call.admit(routed)?;
    let reach = async |picked: &Picked<'_>| reach(picked.address).await.map_err(TryError::Connect);
    let (peer, _occupied) = call.connect(plan, &service, &mut fate.trail, reach).await?;
    fate.reached = Some(Instant::now());
    let mut exchange = Exchange {
        client,
        socket,
        peer,
        waiting,
        slot: &call.slot,
        quiet: service.timeouts.read,
        fate,
    };
    exchange.run().await;
    Ok(())
}

/// A socket of one's own towards a peer.
async fn reach(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = if peer.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(peer).await?;
    Ok(socket)
}

/// Datagrams both ways until there are none for a while.
struct Exchange<'a> {
    client: SocketAddr,
    socket: &'a UdpSocket,
    peer: UdpSocket,
    waiting: Receiver<Bytes>,
    slot: &'a Slot,
    quiet: Duration,
    fate: &'a mut Fate,
}

impl Exchange<'_> {
    async fn run(&mut self) {
        let mut buffer = vec![0; DATAGRAM_MAX_BYTES];
        self.slot.wait(Stage::Exchange, self.quiet);
        loop {
            tokio::select! {
                datagram = self.waiting.recv() => match datagram {
                    Some(datagram) => self.forth(&datagram).await,
                    None => return,
                },
                answer = self.peer.recv(&mut buffer) => match answer {
                    Ok(size) => self.back(&buffer[..size]).await,
                    // Nobody listens there; the peer may come back before the session is over.
                    Err(error) => tracing::debug!(%error, "a peer of datagrams refused one"),
                },
                () = overdue(self.slot) => return,
            }
            self.slot.extend(self.quiet);
        }
    }

    async fn forth(&mut self, datagram: &[u8]) {
        if self.peer.send(datagram).await.is_ok() {
            self.fate.passed.received += datagram.len() as u64;
        }
    }

    async fn back(&mut self, datagram: &[u8]) {
        if self.socket.send_to(datagram, self.client).await.is_ok() {
            self.fate.passed.sent += datagram.len() as u64;
        }
    }
}

/// Resolves when the slot's wait is over; the sweep wakes whoever asks.
fn overdue(slot: &Slot) -> impl Future<Output = ()> + '_ {
    std::future::poll_fn(move |_| {
        if slot.is_overdue() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
}
