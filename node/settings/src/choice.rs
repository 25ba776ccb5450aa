//! Settings that are a choice from a few words.
//!
//! Each is an enum so that the rest of the program matches on meaning and never on spelling. Words are
//! Kong's where Kong has the setting.

use std::num::NonZeroU16;
use std::path::PathBuf;

use troop_expression::Flavor;

use crate::value::{Value, items};

/// How severe a message must be to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogLevel {
    Debug,
    Info,
    Notice,
    Warn,
    Error,
    Crit,
    Alert,
    Emerg,
}

const LOG_LEVELS: [(&str, LogLevel); 8] = [
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("notice", LogLevel::Notice),
    ("warn", LogLevel::Warn),
    ("error", LogLevel::Error),
    ("crit", LogLevel::Crit),
    ("alert", LogLevel::Alert),
    ("emerg", LogLevel::Emerg),
];

impl LogLevel {
    /// By Kong's word for it.
    pub fn from_word(word: &str) -> Option<Self> {
        let known = LOG_LEVELS.iter().find(|(own, _)| *own == word);
        known.map(|(_, level)| *level)
    }

    /// The nearest of our four levels. Kong: eight syslog levels; those between ours fold to the quieter side
    /// only where nothing would be lost: `notice` writes what `info` does.
    pub fn as_filter(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info | LogLevel::Notice => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error | LogLevel::Crit | LogLevel::Alert | LogLevel::Emerg => "error",
        }
    }
}

/// How a log message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// One JSON object per line.
    Json,
}

const LOG_FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

/// Content type of the gateway's own errors when the client has no preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ErrorType {
    Json,
    Xml,
    Html,
    Plain,
}

const ERROR_TYPES: [(&str, ErrorType); 4] = [
    ("application/json", ErrorType::Json),
    ("application/xml", ErrorType::Xml),
    ("text/html", ErrorType::Html),
    ("text/plain", ErrorType::Plain),
];

impl ErrorType {
    /// The type as a client sees it.
    pub fn as_mime(self) -> &'static str {
        word_of(&ERROR_TYPES, self)
    }
}

const FLAVORS: [(&str, Flavor); 3] = [
    (
        Flavor::TraditionalCompatible.as_str(),
        Flavor::TraditionalCompatible,
    ),
    (Flavor::Traditional.as_str(), Flavor::Traditional),
    (Flavor::Expressions.as_str(), Flavor::Expressions),
];

macro_rules! one_of {
    ($kind:ty, $words:ident, $form:literal) => {
        impl Value for $kind {
            const FORM: &'static str = $form;

            fn parse(text: &str) -> Result<Self, String> {
                let found = $words.iter().find(|(word, _)| *word == text);
                found.map(|(_, choice)| *choice).ok_or_else(|| {
                    let words: Vec<_> = $words.iter().map(|(word, _)| *word).collect();
                    format!("is not one of {}", words.join(", "))
                })
            }

            fn show(&self) -> String {
                word_of(&$words, *self).to_owned()
            }
        }
    };
}
one_of!(
    LogLevel,
    LOG_LEVELS,
    "`debug`, `info`, `notice`, `warn`, `error`, `crit`, `alert` or `emerg`"
);
one_of!(
    Flavor,
    FLAVORS,
    "`traditional_compatible`, `traditional` or `expressions`"
);
one_of!(LogFormat, LOG_FORMATS, "`text` or `json`");
one_of!(
    ErrorType,
    ERROR_TYPES,
    "`application/json`, `application/xml`, `text/html` or `text/plain`"
);

fn word_of<T: PartialEq>(words: &[(&'static str, T)], choice: T) -> &'static str {
    let found = words.iter().find(|(_, candidate)| *candidate == choice);
    found
        .map(|(word, _)| *word)
        .expect("invariant: each choice has a word")
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// To this file, appended.
    File(PathBuf),
}

impl Value for AccessLog {
    const FORM: &'static str = "path, or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("is empty: write a path, or off".to_owned()),
            "off" => Ok(AccessLog::Off),
            // Kong: a second word names an nginx log format.
            _ if text.contains(char::is_whitespace) => Err(
                "names a log format: write the path alone, and the format into the setting beside it"
                    .to_owned(),
            ),
            _ => Ok(AccessLog::File(PathBuf::from(text))),
        }
    }

    fn show(&self) -> String {
        match self {
            AccessLog::Off => "off".to_owned(),
            AccessLog::File(path) => path.display().to_string(),
        }
    }
}

/// Where the access log of connections and datagrams goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamAccessLog(pub AccessLog);

impl Value for StreamAccessLog {
    const FORM: &'static str = AccessLog::FORM;

    fn parse(text: &str) -> Result<Self, String> {
        // Kong: its own default names nginx's format, which is the default here too.
        let path = text.strip_suffix(" basic").map_or(text, str::trim_end);
        AccessLog::parse(path).map(StreamAccessLog)
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

/// How many threads serve requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// One per core.
    Auto,
    /// So many.
    Count(NonZeroU16),
}

impl Value for Workers {
    const FORM: &'static str = "number, or `auto`";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Workers::Auto);
        }
        text.parse()
            .map(Workers::Count)
            .map_err(|_| "is neither auto nor a number from 1 to 65535".to_owned())
    }

    fn show(&self) -> String {
        match self {
            Workers::Auto => "auto".to_owned(),
            Workers::Count(count) => count.to_string(),
        }
    }
}

/// Which plugins may be configured on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginNames {
    /// Whether all that come with the program are among them.
    pub bundled: bool,
    /// Those named one by one.
    pub names: Vec<String>,
}

impl PluginNames {
    /// Whether a plugin that comes with the program may be configured.
    pub fn allows(&self, name: &str) -> bool {
        self.bundled || self.names.iter().any(|allowed| allowed == name)
    }
}

impl Value for PluginNames {
    const FORM: &'static str = "list of names, `bundled`, or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        let mut parsed = PluginNames {
            bundled: false,
            names: Vec::new(),
        };
        let listed: Vec<_> = items(text).collect();
        if listed.contains(&"off") {
            return if listed.len() == 1 {
                Ok(parsed)
            } else {
                Err("has off beside other names".to_owned())
            };
        }
        for name in listed {
            match name {
                "bundled" => parsed.bundled = true,
                _ if parsed.names.iter().any(|known| known == name) => {}
                _ => parsed.names.push(name.to_owned()),
            }
        }
        Ok(parsed)
    }

    fn show(&self) -> String {
        let bundled = self.bundled.then_some("bundled");
        let all: Vec<_> = bundled
            .into_iter()
            .chain(self.names.iter().map(String::as_str))
            .collect();
        if all.is_empty() {
            "off".to_owned()
        } else {
            all.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Value>(text: &str, expected: Option<&str>) {
        assert_eq!(
            T::parse(text).ok().map(|value| value.show()).as_deref(),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn words_are_taken_as_kong_spells_them() {
        check::<LogLevel>("crit", Some("crit"));
        check::<LogLevel>("loud", None);
        check::<LogFormat>("json", Some("json"));
        check::<ErrorType>("text/html", Some("text/html"));
        check::<ErrorType>("html", None);
    }

    #[test]
    fn a_refused_word_is_answered_with_the_words_there_are() {
        assert_eq!(LogFormat::parse("xml").unwrap_err(), "is not one of text, json");
    }

    #[test]
    fn the_access_log_is_a_path_or_off() {
        check::<AccessLog>("off", Some("off"));
        check::<AccessLog>("logs/access.log", Some("logs/access.log"));
        check::<AccessLog>("logs/access.log basic", None);
        check::<AccessLog>("", None);
    }

    #[test]
    fn the_access_log_of_streams_may_name_the_usual_format_as_kongs_default_does() {
        check::<StreamAccessLog>("logs/access.log basic", Some("logs/access.log"));
        check::<StreamAccessLog>("/dev/stdout", Some("/dev/stdout"));
        check::<StreamAccessLog>("off", Some("off"));
        check::<StreamAccessLog>("logs/access.log custom", None);
        check::<StreamAccessLog>(" basic", None);
    }

    #[test]
    fn workers_are_auto_or_at_least_one() {
        check::<Workers>("auto", Some("auto"));
        check::<Workers>("4", Some("4"));
        check::<Workers>("0", None);
        check::<Workers>("many", None);
    }

    #[test]
    fn plugin_names_add_to_the_bundled_ones_or_stand_alone() {
        check::<PluginNames>("bundled, mine,mine", Some("bundled, mine"));
        check::<PluginNames>("off", Some("off"));
        check::<PluginNames>("off, key-auth", None);
        assert!(PluginNames::parse("bundled").unwrap().allows("key-auth"));
        assert!(PluginNames::parse("key-auth").unwrap().allows("key-auth"));
        assert!(!PluginNames::parse("key-auth").unwrap().allows("cors"));
    }
}
