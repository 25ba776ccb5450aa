//! That the comparison at the end of every cluster test compares something.

use serde_json::{Value, json};
use troop_tests::cluster::with_cluster;

#[test]
fn every_cluster_test_ends_with_equal_digests() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let away = cluster.others(leader)[0];
        let service = json!({"name": "a", "host": "a.test"});
        let mut seen: Vec<Value> = vec![cluster.agree()];
        cluster
            .node(1)
            .admin()
            .post("/services?wait=all", &service)
            .expecting(201);
        seen.push(cluster.agree());
        // The same records by another way: the same digest would be right, the history must differ.
        cluster
            .node(2)
            .admin()
            .delete("/services/a?wait=all")
            .expecting(204);
        seen.push(cluster.agree());
        cluster.node_mut(away).kill();
        cluster
            .node(leader)
            .admin()
            .post("/services", &service)
            .expecting(201);
        cluster.gather();
        seen.push(cluster.agree());
        for (at, digest) in seen.iter().enumerate() {
            for later in &seen[at + 1..] {
                assert_ne!(digest["revision"], later["revision"]);
                assert_ne!(digest["chain"], later["chain"]);
            }
        }
        assert_ne!(
            seen[0]["digest"], seen[1]["digest"],
            "a digest that does not see a record compares nothing"
        );
    });
}
