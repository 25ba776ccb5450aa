//! A node by itself: the ports of the Admin API filled in by a process that is nobody's member.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use troop_admin::{
    AddressHealth, ClusterControl, ClusterStatus, Connections, ControlError, HostHealth, Identity, MarkError,
    MemberRole, MemberStatus, NewToken, NodeFacts, NodeId, NodeRole, Opinion, PluginFacts, Served, Serving,
    TokenInfo, TokenRequest, UpstreamHealth, WaitScope, Weights,
};
use troop_router::{RouteQuestion, RouteVerdict};
use troop_txn::{Revision, Store};
use uuid::Uuid;

/// All three ports over one store.
pub struct Lone {
    store: Arc<dyn Store>,
    plugins: Vec<PluginFacts>,
    node_id: Uuid,
    tokens: Mutex<Vec<TokenInfo>>,
    /// Set by `POST /troop/stop`.
    pub stopped: AtomicBool,
}

impl Lone {
    /// Over `store`, offering `plugins`.
    pub fn new(store: Arc<dyn Store>, plugins: Vec<PluginFacts>) -> Arc<Lone> {
        Arc::new(Lone {
            store,
            plugins,
            node_id: Uuid::from_u128(0x0f0f_0f0f_0f0f_4f0f_8f0f_0f0f_0f0f_0f0f),
            tokens: Mutex::default(),
            stopped: AtomicBool::new(false),
        })
    }

    fn revision(&self) -> Revision {
        *self.store.applied().borrow()
    }
}

/// This node's number.
pub const ME: NodeId = 1;

impl Serving for Lone {
    fn served(&self) -> watch::Receiver<Revision> {
        self.store.applied()
    }

    fn wait(&self, revision: Revision, _: WaitScope, within: Duration) -> BoxFuture<'_, Served> {
        Box::pin(async move {
            let mut applied = self.store.applied();
            let reached = tokio::time::timeout(within, applied.wait_for(|now| *now >= revision)).await;
            let complete = matches!(reached, Ok(Ok(_)));
            let (by, missing) = if complete {
                (vec![ME], vec![])
            } else {
                (vec![], vec![ME])
            };
            Served {
                complete,
                by,
                missing,
            }
        })
    }
}

impl ClusterControl for Lone {
    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus, ControlError>> {
        let revision = self.revision().get();
        let member = MemberStatus {
            id: ME,
            name: "lone".into(),
            address: "127.0.0.1:7443".into(),
            role: MemberRole::Voter,
            served_revision: Some(revision),
            lag: Some(0),
            router_flavor: Some("traditional_compatible".into()),
        };
        let status = ClusterStatus {
            id: ME,
            name: "lone".into(),
            role: NodeRole::Leader,
            leader: Some(ME),
            term: 1,
            last_log_index: revision,
            applied_index: revision,
            served_revision: revision,
            members: vec![member],
        };
        Box::pin(async move { Ok(status) })
    }

    fn create_token(&self, wish: TokenRequest) -> BoxFuture<'_, Result<NewToken, ControlError>> {
        let mut tokens = self.tokens.lock().expect("invariant: nobody panics holding it");
        let id = format!("t{}", tokens.len() + 1);
        let expires_at_ms = u64::try_from(wish.ttl.as_millis()).unwrap_or(u64::MAX);
        let info = TokenInfo {
            id,
            role: wish.role,
            expires_at_ms,
            uses: wish.uses,
        };
        tokens.push(info.clone());
        let token = format!("secret-{}", info.id);
        let join = format!("troop start --join 127.0.0.1:7443 --token {token}");
        Box::pin(async move { Ok(NewToken { info, token, join }) })
    }

    fn tokens(&self) -> BoxFuture<'_, Result<Vec<TokenInfo>, ControlError>> {
        let tokens = self
            .tokens
            .lock()
            .expect("invariant: nobody panics holding it")
            .clone();
        Box::pin(async move { Ok(tokens) })
    }

    fn revoke_token(&self, id: String) -> BoxFuture<'_, Result<(), ControlError>> {
        let mut tokens = self.tokens.lock().expect("invariant: nobody panics holding it");
        let before = tokens.len();
        tokens.retain(|token| token.id != id);
        let found = tokens.len() < before;
        Box::pin(async move {
            if found {
                Ok(())
            } else {
                Err(ControlError::NotFound(format!("no token '{id}'")))
            }
        })
    }

    fn upstream_health(&self, upstream: Uuid) -> BoxFuture<'_, Vec<Opinion>> {
        let health = NodeFacts::upstream_health(self, upstream);
        Box::pin(async move { vec![Opinion { node: 1, health }] })
    }

    fn remove_node(&self, id: NodeId) -> BoxFuture<'_, Result<(), ControlError>> {
        let error = ControlError::Conflict(format!("node {id} is the only one"));
        Box::pin(async move { Err(error) })
    }

    fn transfer_leader(&self, to: Option<NodeId>) -> BoxFuture<'_, Result<NodeId, ControlError>> {
        let outcome = match to {
            None | Some(1) => Ok(1),
            Some(id) => Err(ControlError::NotFound(format!("there is no node {id}"))),
        };
        Box::pin(async move { outcome })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}

impl NodeFacts for Lone {
    fn identity(&self) -> Identity {
        let pid = std::process::id();
        Identity {
            node_id: self.node_id,
            hostname: "lone".into(),
            pid,
            worker_pids: vec![pid],
        }
    }

    fn configuration(&self) -> Map<String, Value> {
        Map::from_iter([("admin_listen".to_owned(), json!(["127.0.0.1:8001"]))])
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.plugins.clone()
    }

    fn connections(&self) -> Connections {
        Connections::default()
    }

    fn metrics(&self) -> String {
        "lone_total 1\n".to_owned()
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn upstream_health(&self, _: Uuid) -> Option<UpstreamHealth> {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let address = AddressHealth {
            ip,
            port: 80,
            weight: 100,
            healthy: true,
        };
        let weight = Weights {
            total: 100,
            unavailable: 0,
        };
        let host = HostHealth {
            host: "127.0.0.1".into(),
            port: 80,
            dns: Ok("A".into()),
            node_weight: 100,
            weight,
            addresses: vec![address],
        };
        Some(UpstreamHealth {
            checks_on: false,
            healthy: true,
            weight,
            hosts: vec![host],
        })
    }

    fn explain_route(&self, question: &RouteQuestion) -> Result<Vec<RouteVerdict>, String> {
        if question.url.is_empty() {
            return Err("url: expected http://host/path or https://host/path".into());
        }
        let verdict = |id: u128, misses| RouteVerdict {
            id: Uuid::from_u128(id),
            name: None,
            service: None,
            misses,
        };
        Ok(vec![verdict(1, Vec::new()), verdict(2, vec!["paths"])])
    }

    fn may_mark(&self, _: Uuid) -> Result<(), MarkError> {
        Err(MarkError::NoChecker)
    }

    fn log_level(&self) -> String {
        "notice".into()
    }

    fn set_log_level(&self, _: &str, _: Duration) -> Result<(), String> {
        Err("the level of this process is fixed".into())
    }
}
