//! Nodes that read routes differently are named, until they agree.

use serde_json::{Value, json};
use troop_tests::{
    cluster::{Cluster, with_cluster},
    patience::{PATIENCE, eventually},
};

fn restart(cluster: &mut Cluster, n: usize, flavor: &str) {
    let node = cluster.node_mut(n);
    node.stop();
    node.set("router_flavor", flavor);
    node.start();
    node.wait_healthy();
}

/// What the first node says of the flavours of both, and its warnings.
fn seen(cluster: &Cluster) -> Result<(Vec<Value>, Vec<Value>), String> {
    let status = cluster.node(1).admin().status()?;
    let members = status["members"].as_array().ok_or("no members")?;
    let flavors = members.iter().map(|member| member["router_flavor"].clone());
    let warnings = status["warnings"].as_array().ok_or("no warnings")?;
    Ok((flavors.collect(), warnings.clone()))
}

/// Waits until both flavours are known.
fn both(cluster: &Cluster) -> (Vec<Value>, Vec<Value>) {
    eventually(PATIENCE, "both nodes tell their flavour", || {
        let (flavors, warnings) = seen(cluster)?;
        let are_known = flavors.iter().filter(|flavor| flavor.is_string()).count() == 2;
        are_known
            .then_some((flavors.clone(), warnings))
            .ok_or(format!("{flavors:?}"))
    })
}

#[test]
fn nodes_of_different_flavours_are_named_until_they_agree() {
    with_cluster(2, |cluster| {
        let (_, warnings) = both(cluster);
        assert!(warnings.is_empty(), "{warnings:?}");

        restart(cluster, 2, "expressions");
        let (flavors, warnings) = both(cluster);
        assert_eq!(flavors, [json!("traditional_compatible"), json!("expressions")]);
        let warning = warnings[0].as_str().expect("a sentence");
        let sides = "expressions (node-2), traditional_compatible (node-1)";
        assert!(warning.contains(sides), "{warning}");
        let told = cluster.node(1).tool(&["status"]).expecting(0).stdout.clone();
        assert!(told.ends_with(&format!("warning: {warning}\n")), "{told}");
        eventually(PATIENCE, "the node that came says so in its log", || {
            let log = cluster.node(2).log();
            let says_so = log.contains("nodes differ in router_flavor");
            says_so.then_some(()).ok_or(log)
        });

        restart(cluster, 2, "traditional_compatible");
        let (_, warnings) = both(cluster);
        assert!(warnings.is_empty(), "{warnings:?}");
    });
}
