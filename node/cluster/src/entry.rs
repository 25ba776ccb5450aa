//! How a process becomes a node: by founding, by joining, or because it was one before.
//!
//! What is done here happens before Raft starts and is repeatable after a crash at any point: a founder keeps its authority in a
//! file until the log has it; a joiner keeps whom to register with until it is a member.

use crate::{
    authority::{Authority, AuthorityError, NodeCertificate, NodeKey},
    data_dir::{DataDir, DataDirError},
    dial, durable,
    identity::{IdentityError, NodeIdentity},
    peer::PeerIdentity,
    roster::FOUNDER,
    tls::{self, TlsError},
    token::JoinToken,
    writer::now_ms,
};
use serde::{Deserialize, Serialize};
use std::{fs, io, path::PathBuf, time::Duration};
use thiserror::Error;
use tokio::runtime::Handle;
use troop_proto::peer::{self as wire, admit_client::AdmitClient, join_reply};
use uuid::Uuid;

/// Longest a join may take: an election in the middle of it, and once more.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
const FOUNDING_FILE: &str = "founding";
const SEEDS_FILE: &str = "seeds.json";

/// What the process was told.
#[derive(Debug)]
pub struct Wishes {
    /// What people call this node.
    pub name: String,
    /// `host:port` under which others reach its peer port.
    pub advertise: String,
    /// Whom to join, and by which token.
    pub join: Option<(String, JoinToken)>,
}

/// Whom to register with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed {
    /// Its number.
    pub id: u64,
    /// Its peer address.
    pub address: String,
}

/// A process that knows who it is.
pub struct Entered {
    /// Who.
    pub identity: NodeIdentity,
    /// The authority it made, while the log does not have it yet.
    pub founding: Option<Authority>,
    /// Whom to register with, if it is not a member yet.
    pub seeds: Vec<Seed>,
}

/// Why the process is nobody.
#[derive(Debug, Error)]
pub enum EntryError {
    /// The data directory does not allow it.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Making certificates failed.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// What was received does not fit together.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A file of the data directory could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// How it failed.
        source: io::Error,
    },
    /// The node to join does not answer.
    #[error("could not join through {address}: {reason}")]
    NoAnswer {
        /// Whom.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The cluster does not want it.
    #[error("{address} refused: {reason}")]
    Refused {
        /// Whom.
        address: String,
        /// Its words.
        reason: String,
    },
}

/// Finds out who this process is, joining or founding if it is nobody yet.
///
/// # Errors
/// [`EntryError`]. A refused join leaves the data directory as it was.
pub async fn enter(dir: &DataDir, wishes: &Wishes, runtime: &Handle) -> Result<Entered, EntryError> {
    let known = match &wishes.join {
        Some((_, token)) => dir.load_identity_of(token.ca())?,
        None => dir.load_identity()?,
    };
    match (known, &wishes.join) {
        (Some(identity), _) => Ok(Entered {
            identity,
            founding: load_founding(dir)?,
            seeds: load_seeds(dir)?,
        }),
        (None, Some((address, token))) => join(dir, wishes, address, token, runtime).await,
        (None, None) => found(dir, wishes),
    }
}

fn found(dir: &DataDir, wishes: &Wishes) -> Result<Entered, EntryError> {
    let authority = match load_founding(dir)? {
        Some(authority) => authority,
        None => {
            let authority = Authority::create(Uuid::new_v4(), now_ms())?;
            save(dir, FOUNDING_FILE, authority.to_bytes().expose())?;
            authority
        }
    };
    let subject = PeerIdentity {
        cluster_id: authority.cluster_id(),
        node_id: FOUNDER,
    };
    let key = NodeKey::generate()?;
    let certificate = authority.sign(&key.csr_der()?, subject, now_ms())?;
    let identity = NodeIdentity::new(wishes.name.clone(), certificate, key)?;
    dir.save_identity(&identity)?;
    Ok(Entered {
        identity,
        founding: Some(authority),
        seeds: Vec::new(),
    })
}

async fn join(
    dir: &DataDir,
    wishes: &Wishes,
    address: &str,
    token: &JoinToken,
    runtime: &Handle,
) -> Result<Entered, EntryError> {
    let key = NodeKey::generate()?;
    let request = wire::JoinRequest {
        token: token.to_text().into_inner(),
        signing_request: key.csr_der()?.into(),
        address: wishes.advertise.clone(),
        name: wishes.name.clone(),
        clock_ms: now_ms(),
    };
    let admission = ask(address, token, request, runtime).await?;
    let certificate = NodeCertificate {
        certificate_pem: admission.certificate,
        ca_pem: admission.authority,
    };
    let identity = NodeIdentity::new(wishes.name.clone(), certificate, key)?;
    let seeds: Vec<Seed> = admission
        .members
        .into_iter()
        .map(|member| Seed {
            id: member.node_id,
            address: member.address,
        })
        .collect();
    let text = serde_json::to_vec(&seeds).expect("invariant: numbers and texts are JSON");
    save(dir, SEEDS_FILE, &text)?;
    dir.save_identity(&identity)?;
    Ok(Entered {
        identity,
        founding: None,
        seeds,
    })
}

async fn ask(
    address: &str,
    token: &JoinToken,
    request: wire::JoinRequest,
    runtime: &Handle,
) -> Result<wire::Admission, EntryError> {
    let channel = dial::channel(runtime, address, tls::join_config(token.ca())?);
    let no_answer = |reason: String| EntryError::NoAnswer {
        address: address.to_owned(),
        reason,
    };
    let mut client = AdmitClient::new(channel);
    let reply = tokio::time::timeout(JOIN_TIMEOUT, client.join(request))
        .await
        .map_err(|_| no_answer(format!("no answer within {JOIN_TIMEOUT:?}")))?
        .map_err(|status| no_answer(innermost(&status)))?;
    match reply.into_inner().result {
        Some(join_reply::Result::Admission(admission)) => Ok(admission),
        Some(join_reply::Result::Refused(reason)) => Err(EntryError::Refused {
            address: address.to_owned(),
            reason,
        }),
        None => Err(no_answer("its answer is empty".into())),
    }
}

/// The last cause says what happened; those before it say who passed it on.
fn innermost(status: &tonic::Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

/// Forgets the founding file, once the log has the authority.
///
/// # Errors
/// [`EntryError::File`].
pub fn founded(dir: &DataDir) -> Result<(), EntryError> {
    forget(dir, FOUNDING_FILE)
}

/// Forgets whom to register with, once this node is a member.
///
/// # Errors
/// [`EntryError::File`].
pub fn registered(dir: &DataDir) -> Result<(), EntryError> {
    forget(dir, SEEDS_FILE)
}

fn load_founding(dir: &DataDir) -> Result<Option<Authority>, EntryError> {
    load(dir, FOUNDING_FILE)?
        .map(|bytes| Authority::from_bytes(&bytes))
        .transpose()
        .map_err(Into::into)
}

fn load_seeds(dir: &DataDir) -> Result<Vec<Seed>, EntryError> {
    let Some(bytes) = load(dir, SEEDS_FILE)? else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&bytes).map_err(|e| EntryError::File {
        path: dir.path().join(SEEDS_FILE),
        source: io::Error::other(e),
    })
}

fn load(dir: &DataDir, name: &str) -> Result<Option<Vec<u8>>, EntryError> {
    let path = dir.path().join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EntryError::File { path, source }),
    }
}

fn save(dir: &DataDir, name: &str, bytes: &[u8]) -> Result<(), EntryError> {
    let path = dir.path().join(name);
    durable::write_private(&path, bytes).map_err(|source| EntryError::File { path, source })
}

fn forget(dir: &DataDir, name: &str) -> Result<(), EntryError> {
    let path = dir.path().join(name);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(EntryError::File { path, source: e }),
        _ => Ok(()),
    }
}
