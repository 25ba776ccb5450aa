//! The Admin API of one node, as a tool would use it.

use crate::{
    answer::Answer,
    wire::{self, Request},
};
use serde_json::{Value, json};
use std::{io, net::SocketAddr};

/// Where to ask.
#[derive(Clone, Copy, Debug)]
pub struct Admin {
    address: SocketAddr,
}

impl Admin {
    /// At this address.
    pub fn at(address: SocketAddr) -> Self {
        Admin { address }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Any request, when no answer is a possibility.
    ///
    /// # Errors
    /// The node does not answer.
    pub fn ask(&self, request: &Request) -> io::Result<Answer> {
        wire::ask(self.address, request)
    }

    /// Any request that must be answered.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Answer {
        match self.ask(request) {
            Ok(answer) => answer,
            Err(error) => panic!("{request:?} at {}: {error}", self.address),
        }
    }

    /// `GET`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send(&Request::get(path))
    }

    /// `POST` of a JSON body.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&Request::new("POST", path).json(body))
    }

    /// `PUT` of a JSON body.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(&Request::new("PUT", path).json(body))
    }

    /// `PATCH` with a JSON body.
    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(&Request::new("PATCH", path).json(body))
    }

    /// `DELETE`.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send(&Request::new("DELETE", path))
    }

    /// A service of this name for a peer at `address`, and a route of the same name for `path`; served by every node when it
    /// returns. The revision of the route.
    #[track_caller]
    pub fn publish(&self, name: &str, address: SocketAddr, path: &str) -> u64 {
        let service = json!({"name": name, "url": format!("http://{address}")});
        self.post("/services", &service).expecting(201);
        let route = json!({"name": name, "paths": [path]});
        let answer = self
            .post(&format!("/services/{name}/routes?wait=all"), &route)
            .expecting(201);
        assert_eq!(answer.header("X-Troop-Wait"), Some("complete"), "{answer:?}");
        answer.revision()
    }

    /// The node's picture of itself and its cluster.
    ///
    /// # Errors
    /// It does not answer, or not with that.
    pub fn status(&self) -> Result<Value, String> {
        self.document("/troop/status")
    }

    /// What the node's state comes down to: revision, digest of the records, digest of their history.
    ///
    /// # Errors
    /// It does not answer, or not with that.
    pub fn digest(&self) -> Result<Value, String> {
        self.document("/troop/digest")
    }

    fn document(&self, path: &str) -> Result<Value, String> {
        let answer = self.ask(&Request::get(path)).map_err(|error| error.to_string())?;
        match answer.status {
            200 => Ok(answer.json()),
            status => Err(format!("{status} for {path}: {}", answer.text())),
        }
    }
}
