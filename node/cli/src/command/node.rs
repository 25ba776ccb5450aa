//! `troop node list | transfer-leader | remove`: who is in the cluster, who leads it, and who no longer shall be in it.

use std::io::Write;

use serde_json::{Value, json};

use super::print;
use super::token::rows;
use crate::columns::{Column, render};
use crate::failure::Failure;
use crate::grammar::NodeCommand;

const NODES: [Column; 7] = [
    ("ID", "id"),
    ("NAME", "name"),
    ("ADDRESS", "address"),
    ("ROLE", "role"),
    ("LEADS", "leader"),
    ("SERVES", "served_revision"),
    ("LAG", "lag"),
];

pub(super) fn run(command: NodeCommand, output: &mut dyn Write) -> Result<(), Failure> {
    match command {
        NodeCommand::List(target) => print(target.output, &target.get("/troop/nodes")?, list, output),
        NodeCommand::TransferLeader { id, target } => {
            let wish = id.map_or(json!({}), |id| json!({ "id": id }));
            print(
                target.output,
                &target.post("/troop/leader", &wish)?,
                leads,
                output,
            )
        }
        NodeCommand::Remove { id, target } => {
            target.delete(&format!("/troop/nodes/{id}"))?;
            print(
                target.output,
                &json!({"removed": id}),
                |_| format!("removed {id}\n"),
                output,
            )
        }
    }
}

fn leads(document: &Value) -> String {
    format!("node {} leads\n", document["leader"])
}

fn list(document: &Value) -> String {
    render(&NODES, rows(document, "nodes"))
}
