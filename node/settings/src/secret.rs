//! A word that must not be seen: join tokens today.
//!
//! An envelope rather than a postcard. The catch is not the obvious print but the accidental one: a
//! struct that derives `Debug` and reaches a log line. So `Debug` and `Display` show asterisks and
//! the only way in is [`Secret::expose`], which a reader can search for.
//!
//! It does not wipe memory: the word came in through argv or the environment and is there anyway.

use std::fmt;

/// Text that never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Seals a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("******")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("******")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_asterisks_however_it_is_printed() {
        let secret = Secret::new("open sesame");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "****** ****** Some(******)"
        );
        assert_eq!(secret.expose(), "open sesame");
    }
}
