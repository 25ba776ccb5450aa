//! Who is let in: calls for another cluster or another node do not reach Raft.

use crate::cluster::{CLUSTER, Cluster, write};
use tonic::Code;
use troop_proto::peer::{Empty, ProposeRequest, Vote, VoteRequest};

#[tokio::test(flavor = "multi_thread")]
async fn calls_for_another_cluster_or_another_node_are_refused_before_raft_hears_of_them() {
    let cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    let before = cluster.store(1).status();
    for (name, to) in [("c2", 1), (CLUSTER, 3)] {
        let mut client = cluster.client(name, 2, to);
        let vote = VoteRequest {
            vote: Some(Vote {
                term: 900,
                node_id: 2,
                committed: false,
            }),
            last_log_id: None,
            leadership_transfer: true,
        };
        let refused = [
            client.request_vote(vote).await.unwrap_err(),
            client.propose(ProposeRequest::default()).await.unwrap_err(),
            client.read_index(Empty {}).await.unwrap_err(),
        ];
        for status in refused {
            assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
        }
    }
    assert_eq!(cluster.store(1).status(), before);
    cluster.end().await;
}
