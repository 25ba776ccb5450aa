//! What one node says of the cluster, and whether all say the same.

use serde_json::Value;

/// What one node says of the cluster.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Its id.
    pub id: u64,
    /// Who leads, to its knowledge.
    pub leader: Option<u64>,
    /// Its term.
    pub term: u64,
    /// Ids of voters and of all members.
    pub voters: Vec<u64>,
    /// Ids of all members.
    pub members: Vec<u64>,
}

/// Whether all name one leader, and count so many voters and members.
pub(super) fn agree(said: &[(usize, Result<View, String>)], voters: usize, members: usize) -> bool {
    let mut leaders = said
        .iter()
        .map(|(_, view)| view.as_ref().ok().and_then(|view| view.leader));
    let Some(Some(leader)) = leaders.next() else {
        return false;
    };
    let counts = |view: &View| view.voters.len() == voters && view.members.len() == members;
    leaders.all(|other| other == Some(leader)) && said.iter().all(|(_, view)| view.as_ref().is_ok_and(counts))
}

impl View {
    /// Reads the document of `GET /troop/status`.
    pub(super) fn read(status: &Value) -> Option<View> {
        let members = status["members"].as_array()?;
        let ids = |wanted: &dyn Fn(&Value) -> bool| {
            members
                .iter()
                .filter(|member| wanted(member))
                .filter_map(|member| member["id"].as_u64())
                .collect()
        };
        Some(View {
            id: status["id"].as_u64()?,
            leader: status["leader"].as_u64(),
            term: status["term"].as_u64()?,
            voters: ids(&|member| member["role"] == "voter"),
            members: ids(&|_| true),
        })
    }
}
