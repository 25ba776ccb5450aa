//! grpcio: gRPC as programs speak it, through the proxy.

use super::{file, python, run};
use troop_tests::{node::Node, ports};

#[test]
#[ignore = "needs grpcio; ./ci test runs it"]
fn calls_of_every_kind_go_through_the_proxy() {
    let (plain, tls) = (ports::free(), ports::free());
    let listen = format!("{plain} http2, {tls} ssl http2");
    let mut node = Node::alone(&[("proxy_listen", &listen)]);
    let mut flows = python();
    flows.arg(file("grpc_flows.py"));
    flows.arg(format!("http://{}", node.admin().address()));
    flows.args([plain.port(), tls.port()].map(|port| port.to_string()));
    flows.arg(file("deck/shop.crt")).arg(file("deck/shop.key"));
    run(flows).expecting(0);
    node.stop();
}
