//! CPU time per TLS handshake, troop beside nginx.
//!
//! Whole handshakes only, TLS 1.3, one key exchange that both know (X25519): connect, shake hands, leave. What is compared is the same
//! arithmetic done by two libraries, and what a proxy does around it.

use crate::{
    HandshakesArgs,
    certificate::{self, CertificateFiles},
    figure::Report,
    machine,
    node::{Node, Setup},
    origin,
    program::Program,
    rival::{Front, Rival},
    spread::Spread,
};
use anyhow::{Result, ensure};
use rustls_pki_types::ServerName;
use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, runtime::Builder, task::LocalSet, time::timeout};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        client::Resumption,
        crypto::aws_lc_rs::{default_provider, kx_group::X25519},
        version::TLS13,
    },
};

/// Handshakes under way at a time: enough to keep a core busy.
const AT_ONCE: usize = 16;
/// No handshake takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures both.
///
/// # Errors
/// When a proxy does not start or a handshake fails.
pub fn measure(troop: &Path, args: HandshakesArgs, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let files = CertificateFiles::make(dir.path())?;
    let origin = origin::start(machine::cores())?;
    let node = Node::found_with_tls(&Setup::on_proxy_core(troop), dir.path(), &files)?;
    let nginx = Rival::Nginx.start(origin, dir.path(), &[], Front::Tls(&files))?;
    let config = client(&files)?;
    let lap = |program: &Program, proxy| lap(program, proxy, &config, args.round());
    lap(&node.program, node.proxy)?;
    lap(&nginx.program, nginx.proxy)?;
    let mut pairs = Vec::with_capacity(args.rounds);
    for _ in 0..args.rounds {
        pairs.push((lap(&node.program, node.proxy)?, lap(&nginx.program, nginx.proxy)?));
    }
    let ratio = Spread::of(pairs.iter().map(|(troop, nginx)| troop / nginx));
    let middle = |pick: fn(&(f64, f64)) -> f64| Spread::of(pairs.iter().map(pick)).median();
    let note = format!(
        "quartiles {}; {:.0} over {:.0} us, TLS 1.3, ECDSA P-256, X25519",
        ratio.quartiles(),
        middle(|pair| pair.0),
        middle(|pair| pair.1)
    );
    report.time(
        "CPU per TLS handshake over nginx",
        ratio.median(),
        "x",
        "handshake_ratio_nginx",
        note,
    );
    Ok(())
}

fn client(files: &CertificateFiles) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(files.der.clone())?;
    let mut provider = default_provider();
    provider.kx_groups = vec![X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Microseconds of CPU per handshake.
fn lap(program: &Program, proxy: SocketAddr, config: &Arc<ClientConfig>, length: Duration) -> Result<f64> {
    let cores = machine::cores();
    let config = Arc::clone(config);
    let before = program.cpu_time()?;
    let load = thread::spawn(move || -> Result<usize> {
        machine::leave_proxy_core(cores)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let end = Instant::now() + length;
        LocalSet::new().block_on(&runtime, async {
            let clients: Vec<_> = (0..AT_ONCE)
                .map(|_| tokio::task::spawn_local(shake(proxy, TlsConnector::from(Arc::clone(&config)), end)))
                .collect();
            let mut made = 0;
            for client in clients {
                made += client.await??;
            }
            Ok(made)
        })
    });
    let made = load
        .join()
        .map_err(|_| anyhow::anyhow!("the load's thread panicked"))??;
    ensure!(made > 0, "not one handshake was made in a round");
    let used = program.cpu_time()?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1e6 / made as f64)
}

async fn shake(proxy: SocketAddr, connector: TlsConnector, end: Instant) -> Result<usize> {
    let name = ServerName::try_from(certificate::NAME)?;
    let mut made = 0;
    while Instant::now() < end {
        let stream = TcpStream::connect(proxy).await?;
        timeout(PATIENCE, connector.connect(name.clone(), stream)).await??;
        made += 1;
    }
    Ok(made)
}
