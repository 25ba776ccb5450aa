//! What clients do, and what is asked of the record afterwards.
//!
//! A workload is a pair: a crowd of clients with a habit, and a judge who knows the habit. Clients are plain: a connection to a node
//! of their own and now and then to another, one request at a time, no retries. What they saw goes into a record
//! ([`history`](crate::history)) and nothing else leaves them.
//!
//! The shape keeps the judge's work possible: at most five clients at one object, values that never repeat, an object is
//! given up after some hundred operations or a handful of unknown ones, and there are many objects.

pub mod client;
pub mod family;
pub mod field;
pub mod lanes;
pub mod names;
pub mod order;
pub mod register;
pub mod served;
pub mod set;
pub mod stream;

use crate::{
    check::Findings,
    history::{Counts, Nanos},
};
use field::Field;
use std::{future::Future, pin::Pin};

/// Something a client does until it is told to stop.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One answered operation, for the timeline.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When it was asked.
    pub at: Nanos,
    /// How long it took.
    pub took: Nanos,
    /// Whether it was a write.
    pub is_write: bool,
    /// How it ended.
    pub fate: Fate,
}

/// How an operation ended, without the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Answered.
    Ok,
    /// Surely not done.
    Fail,
    /// Unknown.
    Info,
}

/// What came of a workload.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What its checkers found.
    pub findings: Findings,
    /// How its operations ended.
    pub counts: Counts,
    /// Each operation.
    pub samples: Vec<Sample>,
    /// Files for the report: name and text.
    pub files: Vec<(String, String)>,
    /// Figures worth a line.
    pub remarks: Vec<String>,
}

/// A habit with its judge.
pub trait Workload: Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Its clients, who begin when they are first polled.
    fn clients(&self, field: &Field) -> Vec<Task>;

    /// Last questions, when all clients have stopped and all nodes are well.
    fn finish<'a>(&'a self, field: &'a Field) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    /// What is to be said about all that.
    fn judge(&self) -> Judgement;
}

/// All workloads, by name, in the order of reports.
pub const NAMES: [&str; 6] = ["register", "set", "names", "family", "order", "served"];

/// The workload of that name.
pub fn by_name(name: &str, field: &Field) -> Option<Box<dyn Workload>> {
    Some(match name {
        "register" => Box::new(register::Registers::new(field)),
        "set" => Box::new(set::Sets::new(field)),
        "names" => Box::new(names::Names::new(field)),
        "family" => Box::new(family::Families::new(field)),
        "order" => Box::new(order::Order::new(field)),
        "served" => Box::new(served::Served::new(field)),
        _ => return None,
    })
}
