//! What happened, as the clients saw it.
//!
//! A court record: who asked what of whom and when, and the answer with its time. It holds only what a client can
//! know, so that a checker cannot be fooled by what a node believes about itself.
//!
//! The catch is the third kind of ending. An operation that was answered is *ok*, one that surely did nothing is *fail*, and
//! one whose answer never came is *info*: it may take effect now, in a minute, or never. Whoever issued it cannot go on under the
//! same name (an operation of his would still be open), so the process is retired and a new one takes its place.

pub mod edn;
pub mod recorder;

use std::fmt::Debug;

/// Nanoseconds since the run began.
pub type Nanos = u64;

/// What a client can ask of an object, with its words for the record.
pub trait Call: Clone + Debug + Send + 'static {
    /// What an answer tells.
    type Answer: Clone + Debug + Send + 'static;

    /// The operation's name, as in `:f :read`.
    fn name(&self) -> &'static str;

    /// Its argument as EDN.
    fn argument(&self) -> String;

    /// Argument and answer together as EDN, as an `:ok` entry shows them.
    fn answered(&self, answer: &Self::Answer) -> String;

    /// Whether the answer says that nothing was done because of the object's state. It tells our checkers about that state;
    /// Jepsen's know such an operation as failed.
    fn is_refusal(&self, _answer: &Self::Answer) -> bool {
        false
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End<A> {
    /// It was done and this is what it told.
    Ok(A),
    /// It was surely not done.
    Fail(String),
    /// Nobody knows.
    Info(String),
}

/// One operation, from its call to its end.
#[derive(Clone, Debug)]
pub struct Operation<C: Call> {
    /// Who asked. A process has one operation open at a time and none after an info.
    pub process: u64,
    /// Number of the node that was asked.
    pub node: usize,
    /// What was asked.
    pub call: C,
    /// When.
    pub invoked: Nanos,
    /// When the client stopped waiting.
    pub ended: Nanos,
    /// How it ended.
    pub end: End<C::Answer>,
}

impl<C: Call> Operation<C> {
    /// The answer, if there was one.
    pub fn answer(&self) -> Option<&C::Answer> {
        match &self.end {
            End::Ok(answer) => Some(answer),
            End::Fail(_) | End::Info(_) => None,
        }
    }

    /// Whether it may have taken effect.
    pub fn is_possible(&self) -> bool {
        !matches!(self.end, End::Fail(_))
    }

    /// Whether nobody knows what became of it.
    pub fn is_info(&self) -> bool {
        matches!(self.end, End::Info(_))
    }
}

/// All operations on one object, by the time of their calls.
#[derive(Clone, Debug)]
pub struct History<C: Call> {
    operations: Vec<Operation<C>>,
}

impl<C: Call> History<C> {
    /// Sorts them by the time of their calls.
    pub fn new(mut operations: Vec<Operation<C>>) -> Self {
        operations.sort_by_key(|operation| operation.invoked);
        History { operations }
    }

    /// The operations.
    pub fn operations(&self) -> &[Operation<C>] {
        &self.operations
    }

    /// How many ended well, surely failed, and are unknown.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for operation in &self.operations {
            match operation.end {
                End::Ok(_) => counts.ok += 1,
                End::Fail(_) => counts.fail += 1,
                End::Info(_) => counts.info += 1,
            }
        }
        counts
    }

    /// A process that does two things at once or goes on after an info makes every verdict about this history worthless.
    ///
    /// # Errors
    /// The first process that does.
    pub fn is_well_formed(&self) -> Result<(), String> {
        let mut last = std::collections::HashMap::new();
        for operation in &self.operations {
            if operation.ended < operation.invoked {
                return Err(format!(
                    "process {} got an answer before it asked",
                    operation.process
                ));
            }
            let before = last.insert(operation.process, (operation.ended, operation.is_info()));
            match before {
                Some((_, true)) => {
                    return Err(format!("process {} goes on after an info", operation.process));
                }
                Some((ended, false)) if ended > operation.invoked => {
                    return Err(format!("process {} does two things at once", operation.process));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// How operations ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// With an answer.
    pub ok: u64,
    /// Surely not done.
    pub fail: u64,
    /// Unknown.
    pub info: u64,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: Counts) {
        self.ok += other.ok;
        self.fail += other.fail;
        self.info += other.info;
    }

    /// All together.
    pub fn total(self) -> u64 {
        self.ok + self.fail + self.info
    }
}
