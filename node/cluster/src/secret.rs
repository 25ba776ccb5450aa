//! Values that must not end up in a log.
//!
//! A sealed envelope with a window that says "secret": it can be handed around, copied and stored, but whoever
//! wants to read it has to open it on purpose, by a word that is easy to search for: [`Secret::expose`].
//!
//! The catch: most leaks are not attacks but a `{:?}` on a struct three levels up. Hence `Debug` prints a constant
//! and there is no `Display`.
//!
//! What it does not do: wipe memory. The TLS library, the allocator and the kernel hold copies that nobody here can reach;
//! a wipe of one copy would only look like safety.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Something whose `Debug` shows nothing.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Seals a value.
    pub const fn new(value: T) -> Self {
        Secret(value)
    }

    /// Looks at it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Takes it out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_struct_around_it_shows_nothing() {
        #[derive(Debug)]
        struct Around {
            #[expect(dead_code, reason = "read by Debug only")]
            key: Secret<String>,
        }
        let shown = format!(
            "{:?}",
            Around {
                key: Secret::new("hunter2".into())
            }
        );
        assert_eq!(shown, "Around { key: [secret] }");
    }

    #[test]
    fn what_goes_in_comes_out() {
        let secret = Secret::new(vec![1, 2]);
        assert_eq!(secret.expose(), &[1, 2]);
        assert_eq!(secret.into_inner(), vec![1, 2]);
    }
}
