//! decK: the tool with which most people keep a Kong's configuration in files.

use super::{at_a_follower, file, run};
use serde_json::Value;
use std::{fs, path::Path, process::Command};
use troop_tests::{admin::Admin, cluster::Cluster, program::Finished};

/// decK's own code for "there is a difference".
const DIFFERENT: i32 = 2;

/// decK, talking to one node.
struct Deck<'a> {
    url: &'a str,
}

impl Deck<'_> {
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Finished {
        let mut deck = Command::new("deck");
        deck.args(arguments).args(["--kong-addr", self.url, "--no-color"]);
        run(deck)
    }

    /// Makes the node hold what a file says, and finds nothing left to do.
    #[track_caller]
    fn sync(&self, path: &Path) {
        self.run(&["sync", "--state", text(path)]).expecting(0);
        self.agrees(path);
    }

    /// Finds no difference to a file.
    #[track_caller]
    fn agrees(&self, path: &Path) {
        self.run(&["diff", "--non-zero-exit-code", "--state", text(path)])
            .expecting(0);
    }

    /// Finds a difference to a file.
    #[track_caller]
    fn differs(&self, path: &Path) {
        self.run(&["diff", "--non-zero-exit-code", "--state", text(path)])
            .expecting(DIFFERENT);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours is text")
}

/// Values of a field over a collection, sorted.
fn all(admin: &Admin, path: &str, field: &str) -> Vec<String> {
    let page = admin.get(path).expecting(200).json();
    let rows = page["data"].as_array().cloned().unwrap_or_default();
    let values = rows
        .iter()
        .map(|row| row[field].as_str().unwrap_or_default().to_owned());
    let mut values: Vec<String> = values.collect();
    values.sort();
    values
}

/// A node that nobody wrote to directly.
fn another(cluster: &Cluster, url: &str) -> Admin {
    let nodes = cluster.numbers().into_iter().map(|n| cluster.node(n).admin());
    let mut others = nodes.filter(|admin| !url.ends_with(&admin.address().to_string()));
    others.next().expect("there are three nodes")
}

#[test]
#[ignore = "needs decK; ./ci test runs it"]
fn deck_syncs_changes_dumps_and_resets_without_drift() {
    at_a_follower(|cluster, url| {
        let deck = Deck { url };
        let ping = deck.run(&["ping"]).expecting(0);
        assert!(ping.stdout.contains("Successfully connected"), "{ping:?}");

        deck.sync(&file("deck/shop.yml"));
        let admin = another(cluster, url);
        assert_eq!(all(&admin, "/services", "name"), ["plain", "shop"]);
        assert_eq!(all(&admin, "/acls", "group"), ["readers", "writers"]);

        deck.differs(&file("deck/shop-later.yml"));
        deck.sync(&file("deck/shop-later.yml"));
        assert_eq!(all(&admin, "/services", "path"), ["/v2"]);
        assert_eq!(all(&admin, "/snis", "name"), ["shop.test"]);
        assert_eq!(all(&admin, "/consumers", "username"), ["ann", "bob", "carl"]);

        let folder = tempfile::tempdir().expect("a temporary directory");
        let dump = folder.path().join("dump.yaml");
        deck.run(&["dump", "--output-file", text(&dump)]).expecting(0);
        deck.agrees(&dump);
        assert!(
            fs::read_to_string(&dump)
                .expect("the dump")
                .contains("key-of-ann")
        );

        // decK cannot say that a password is a hash already, so that it refuses a file that says it.
        admin.delete("/consumers/ann/basic-auth/ann").expecting(204);
        let exported = folder.path().join("exported.yaml");
        let export = cluster.node(1).tool(&["config", "export"]).expecting(0);
        fs::write(&exported, export.stdout).expect("room for it");
        deck.agrees(&exported);

        deck.run(&["reset", "--force"]).expecting(0);
        for collection in [
            "/services",
            "/routes",
            "/consumers",
            "/plugins",
            "/upstreams",
            "/certificates",
            "/snis",
        ] {
            let page = admin.get(collection).expecting(200).json();
            assert_eq!(page["data"], Value::Array(Vec::new()), "{collection}");
        }
        deck.sync(&dump);
    });
}

#[test]
#[ignore = "needs decK; ./ci test runs it"]
fn deck_with_a_select_tag_leaves_alone_what_does_not_wear_it() {
    at_a_follower(|cluster, url| {
        let deck = Deck { url };
        deck.sync(&file("deck/shop.yml"));
        deck.sync(&file("deck/team-b.yml"));
        let admin = another(cluster, url);
        assert_eq!(all(&admin, "/services", "name"), ["plain", "shop", "stock"]);
        assert_eq!(all(&admin, "/services?tags=team-b", "name"), ["stock"]);
        assert_eq!(all(&admin, "/key-auths?tags=team-b", "key"), ["key-of-warehouse"]);

        deck.run(&["reset", "--force", "--select-tag", "team-b"])
            .expecting(0);
        assert_eq!(all(&admin, "/services", "name"), ["plain", "shop"]);
        deck.agrees(&file("deck/shop.yml"));
    });
}
