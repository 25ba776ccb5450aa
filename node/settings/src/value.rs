//! What a type must know to be the type of a setting: its form in words, how text becomes it, and back.
//!
//! The error is a phrase that says what is expected and how to write it; the loader adds the name, the
//! value and the place. Types of their own live in their own files; here are those std gives us.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::secret::Secret;
use crate::{HostPort, Listen};

/// A type a setting may have.
pub(crate) trait Value: Sized {
    /// The form of a value, for the reference page.
    const FORM: &'static str;

    /// Parses trimmed text; empty text means unset and only optional types and lists accept it.
    fn parse(text: &str) -> Result<Self, String>;

    /// The value in a form that `parse` accepts; a secret hides itself.
    fn show(&self) -> String;
}

impl Value for bool {
    const FORM: &'static str = "`on` or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        // Kong: anything but on/true counts as false. A typo must not switch a guard off, so it is refused here.
        match text.to_ascii_lowercase().as_str() {
            "on" | "true" => Ok(true),
            "off" | "false" => Ok(false),
            _ => Err("is neither on nor off".to_owned()),
        }
    }

    fn show(&self) -> String {
        if *self { "on" } else { "off" }.to_owned()
    }
}

macro_rules! whole_numbers {
    ($($kind:ty),+) => { $(
        impl Value for $kind {
            const FORM: &'static str = "number";

            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| "is not a whole number of 0 or more".to_owned())
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+ };
}
whole_numbers!(u32, u64, usize);

impl Value for PathBuf {
    const FORM: &'static str = "path";

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err("is not a path".to_owned())
        } else {
            Ok(PathBuf::from(text))
        }
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Value for Vec<PathBuf> {
    const FORM: &'static str = "list of paths";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(items(text).map(PathBuf::from).collect())
    }

    fn show(&self) -> String {
        let paths = self.iter().map(|path| path.display().to_string());
        paths.collect::<Vec<_>>().join(", ")
    }
}

impl Value for String {
    const FORM: &'static str = "text";

    fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(char::is_control) {
            return Err("has a control character in it".to_owned());
        }
        Ok(text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for Secret {
    const FORM: &'static str = "secret";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Secret::new(text))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl<T: Value> Value for Option<T> {
    const FORM: &'static str = T::FORM;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(None)
        } else {
            T::parse(text).map(Some)
        }
    }

    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }
}

impl Value for SocketAddr {
    const FORM: &'static str = "ADDRESS:PORT";

    fn parse(text: &str) -> Result<Self, String> {
        crate::listen::parse_address(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for HostPort {
    const FORM: &'static str = "HOST:PORT";

    fn parse(text: &str) -> Result<Self, String> {
        HostPort::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Vec<Listen> {
    const FORM: &'static str = "list of `ADDRESS:PORT [flags]` or `unix:/PATH [flags]`, or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        crate::listen::parse_list(text)
    }

    fn show(&self) -> String {
        if self.is_empty() {
            return "off".to_owned();
        }
        self.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// The trimmed, non-empty items of a comma-separated list.
pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a text becomes: a value that shows itself as `Ok` says, or a problem that has the text of `Err` in it.
    #[track_caller]
    pub(crate) fn check<T: Value>(text: &str, expected: Result<&str, &str>) {
        let parsed = T::parse(text).map(|value| value.show());
        match (parsed, expected) {
            (Ok(shown), Ok(expected)) => assert_eq!(shown, expected),
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
            (parsed, expected) => panic!("{text:?}: {parsed:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn booleans_take_kongs_words_and_refuse_all_others() {
        check::<bool>("on", Ok("on"));
        check::<bool>("TRUE", Ok("on"));
        check::<bool>("off", Ok("off"));
        check::<bool>("false", Ok("off"));
        check::<bool>("no", Err("neither on nor off"));
    }

    #[test]
    fn numbers_are_whole_and_not_negative() {
        check::<u64>("0", Ok("0"));
        check::<usize>("512", Ok("512"));
        check::<u64>("-1", Err("whole number"));
        check::<u64>("1.5", Err("whole number"));
    }

    #[test]
    fn an_empty_text_unsets_an_option() {
        check::<Option<String>>("", Ok(""));
        check::<Option<String>>("blue", Ok("blue"));
        check::<Option<String>>("a\u{7}b", Err("control character"));
    }
}
