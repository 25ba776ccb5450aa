//! Waiting for something to become true.
//!
//! Looking at the oven every few moments instead of guessing how long a cake takes: as quick as it can be, as patient as it must
//! be, and after the deadline it says what it saw last.

use std::{
    fmt::Display,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Long enough for anything that will happen at all on a machine that runs everything at once.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks: a look is often a request, and the node needs the processor too.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Looks until there is something to see.
///
/// # Errors
/// What was seen last, when the time is up.
pub fn try_within<T, E>(within: Duration, mut look: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let until = Instant::now() + within;
    loop {
        match look() {
            Ok(seen) => return Ok(seen),
            Err(seen) if Instant::now() >= until => return Err(seen),
            Err(_) => thread::sleep(LOOK_INTERVAL),
        }
    }
}

/// As [`try_within`], for what a test cannot go on without.
///
/// # Panics
/// With `what` and what was seen last, when the time is up.
#[track_caller]
pub fn eventually<T, E: Display>(within: Duration, what: &str, look: impl FnMut() -> Result<T, E>) -> T {
    match try_within(within, look) {
        Ok(seen) => seen,
        Err(seen) => panic!("not within {within:?}: {what}; last seen: {seen}"),
    }
}

/// The lines of a file, once it has so many.
///
/// # Panics
/// With what it held last, when the time is up.
#[track_caller]
pub fn lines(path: &Path, count: usize) -> Vec<String> {
    eventually(PATIENCE, &format!("{} has {count} lines", path.display()), || {
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.len() >= count {
            Ok(lines)
        } else {
            Err(text)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_success_ends_the_waiting() {
        let mut looks = 0;
        let seen = try_within(PATIENCE, || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(looks) }
        });
        assert_eq!(seen, Ok(3));
    }

    #[test]
    #[should_panic(expected = "the cake is done; last seen: raw")]
    fn the_deadline_is_kept_and_tells_what_was_seen() {
        eventually(Duration::ZERO, "the cake is done", || Err::<(), _>("raw"));
    }
}
