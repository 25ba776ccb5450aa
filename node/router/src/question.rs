//! What is asked and told when somebody wants to know where a request would go: the words that the Admin API and the data plane share.

use uuid::Uuid;

/// A request that nobody sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteQuestion {
    /// Its method.
    pub method: String,
    /// With scheme and host.
    pub url: String,
    /// Its fields.
    pub headers: Vec<(String, String)>,
}

/// A route, as it stands to the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteVerdict {
    /// Its id.
    pub id: Uuid,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it leads: the service's id and name.
    pub service: Option<(Uuid, Option<String>)>,
    /// Fields of it that do not fit; none when all do.
    pub misses: Vec<&'static str>,
}
