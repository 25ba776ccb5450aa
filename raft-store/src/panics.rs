//! A panic in our part of Raft, as an error.
//!
//! openraft runs the state in a task of its own, and we sync the log in a thread of our own. When one of them panics its channel falls
//! silent and openraft waits: the node goes on sending heartbeats, and if it leads it leads on, with nothing ever applied
//! or synced again. As an error the same accident stops Raft at once, the node says so, and the others elect somebody else.
//!
//! What it does not do: make anything good again. Nothing that was touched is used afterwards.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What `work` gives; a panic in it is an error.
///
/// # Errors
/// Those of `work`, and its panic.
pub(crate) fn as_error<T, E: Into<io::Error>>(work: impl FnOnce() -> Result<T, E>) -> io::Result<T> {
    // Safe to look away from: whoever gets the error stops the store.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(Into::into),
        Err(panic) => Err(io::Error::other(format!("panicked: {}", words(&*panic)))),
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::resume_unwind;

    fn check(work: impl FnOnce() -> io::Result<u8>, expected: Result<u8, &str>) {
        let got = as_error(work).map_err(|error| error.to_string());
        assert_eq!(got, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        check(|| Ok(1), Ok(1));
        check(|| Err(io::Error::other("disk")), Err("disk"));
        check(|| resume_unwind(Box::new("a")), Err("panicked: a"));
        check(|| resume_unwind(Box::new(String::from("b"))), Err("panicked: b"));
        check(|| resume_unwind(Box::new(1)), Err("panicked: without words"));
    }
}
