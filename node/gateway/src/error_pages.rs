//! What an error of the gateway's own looks like, in each of the four formats a client may ask for.
//!
//! A form with two blanks: one for the sentence, one for the number under which the request stands in the logs. Four forms come with the
//! program; whoever runs it may put others in their place.
//!
//! The catch: what is filled in may quote a stranger, a host's name or what a plugin was told. It is escaped as the format asks, in forms of
//! one's own as well, so a sentence never becomes markup. And a form is read once, at the start: one that cannot be filled in ends the start, not the
//! first request that fails.

use crate::options::ErrorType;
use std::{borrow::Cow, str::FromStr};
use thiserror::Error;

/// Largest form: it is sent with every error, and nobody's error page should cost more than the page that was asked for.
pub const ERROR_TEMPLATE_MAX_BYTES: usize = 64 * 1024;

/// The sentence and the request's id.
const BLANKS_MAX: usize = 2;

/// Why a text is no form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ErrorTemplateError {
    /// Too much of it.
    #[error("is longer than {ERROR_TEMPLATE_MAX_BYTES} bytes")]
    TooLong,
    /// There is nothing to fill in.
    #[error("has more than two %s: the first is the message, the second the id of the request")]
    Blanks,
    /// Kong: the text is read as by `string.format`.
    #[error("line {line}: a percent sign begins neither %s nor %%; write %% for the sign itself")]
    Percent {
        /// Where, from one.
        line: usize,
    },
}

/// A form: what stands before, between and after the blanks. Kong: `%s` is a blank, the first for the message and the second for the request's
/// id; either may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorTemplate {
    pieces: Vec<String>,
}

impl FromStr for ErrorTemplate {
    type Err = ErrorTemplateError;

    fn from_str(text: &str) -> Result<Self, ErrorTemplateError> {
        if text.len() > ERROR_TEMPLATE_MAX_BYTES {
            return Err(ErrorTemplateError::TooLong);
        }
        let mut pieces = vec![String::new()];
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            append(&mut pieces, before);
            rest = match after.as_bytes().first() {
                Some(b's') => {
                    pieces.push(String::new());
                    &after[1..]
                }
                Some(b'%') => {
                    append(&mut pieces, "%");
                    &after[1..]
                }
                _ => {
                    let read = &text[..text.len() - after.len()];
                    let line = read.matches('\n').count() + 1;
                    return Err(ErrorTemplateError::Percent { line });
                }
            };
        }
        append(&mut pieces, rest);
        if pieces.len() > BLANKS_MAX + 1 {
            return Err(ErrorTemplateError::Blanks);
        }
        Ok(ErrorTemplate { pieces })
    }
}

fn append(pieces: &mut [String], text: &str) {
    let last = pieces.last_mut();
    last.expect("invariant: there is always a piece").push_str(text);
}

impl ErrorTemplate {
    fn filled(&self, message: &str, request_id: &str) -> String {
        let mut text = String::new();
        let blanks = [message, request_id];
        for (at, piece) in self.pieces.iter().enumerate() {
            if at > 0 {
                text.push_str(blanks[at - 1]);
            }
            text.push_str(piece);
        }
        text
    }
}

/// The four forms, and the one for clients that name no preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPages {
    /// For clients without a preference, where the gateway speaks as nginx did.
    pub usual: ErrorType,
    /// `text/html`
    pub html: ErrorTemplate,
    /// `application/json`
    pub json: ErrorTemplate,
    /// `text/plain`
    pub plain: ErrorTemplate,
    /// `application/xml`
    pub xml: ErrorTemplate,
}

/// Kong's forms.
impl Default for ErrorPages {
    fn default() -> Self {
        let form = |text: &str| text.parse().expect("invariant: the tests parse every form");
        ErrorPages {
            usual: ErrorType::Plain,
            html: form(
                "<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Error</title>\n  \
                 </head>\n  <body>\n    <h1>Error</h1>\n    <p>%s.</p>\n    <p>request_id: %s</p>\n  \
                 </body>\n</html>\n",
            ),
            json: form("{\n  \"message\":\"%s\",\n  \"request_id\":\"%s\"\n}"),
            plain: form("%s\nrequest_id: %s\n"),
            xml: form(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  <message>%s</message>\n  \
                 <requestid>%s</requestid>\n</error>\n",
            ),
        }
    }
}

impl ErrorPages {
    /// A page, and what it is. The request's id needs no escaping: it is 32 digits.
    pub(crate) fn page(&self, kind: ErrorType, message: &str, request_id: &str) -> (&'static str, String) {
        let (content_type, template, message) = match kind {
            ErrorType::Json => ("application/json; charset=utf-8", &self.json, in_quotes(message)),
            ErrorType::Plain => ("text/plain; charset=utf-8", &self.plain, message.into()),
            ErrorType::Xml => ("application/xml; charset=utf-8", &self.xml, in_markup(message)),
            ErrorType::Html => ("text/html; charset=utf-8", &self.html, in_markup(message)),
        };
        (content_type, template.filled(&message, request_id))
    }
}

/// As it stands between the quotes of a text in JSON.
fn in_quotes(text: &str) -> Cow<'_, str> {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned().into()
}

/// As it stands between tags, or in the value of an attribute.
fn in_markup(text: &str) -> Cow<'_, str> {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, expected: Result<&str, ErrorTemplateError>) {
        let filled = template
            .parse::<ErrorTemplate>()
            .map(|template| template.filled("M", "R"));
        assert_eq!(filled, expected.map(str::to_owned), "{template:?}");
    }

    #[test]
    fn a_form_has_up_to_two_blanks_and_writes_a_percent_sign_twice() {
        check("", Ok(""));
        check("nothing to fill in", Ok("nothing to fill in"));
        check("<%s>", Ok("<M>"));
        check("<%s|%s>", Ok("<M|R>"));
        check("%s%s", Ok("MR"));
        check("width: 100%%; %s", Ok("width: 100%; M"));
        check("%%s %s", Ok("%s M"));
        check("%s %s %s", Err(ErrorTemplateError::Blanks));
        check("a\nb 50% c", Err(ErrorTemplateError::Percent { line: 2 }));
        check("%d", Err(ErrorTemplateError::Percent { line: 1 }));
        check("%", Err(ErrorTemplateError::Percent { line: 1 }));
        check(
            &"x".repeat(ERROR_TEMPLATE_MAX_BYTES + 1),
            Err(ErrorTemplateError::TooLong),
        );
    }

    #[test]
    fn a_form_of_ones_own_takes_the_place_of_kongs_and_what_is_filled_in_stays_text() {
        let own = |text: &str| text.parse().expect("a form");
        let pages = ErrorPages {
            json: own("{\"oops\":\"%s\"}"),
            html: own("<b>%s</b> %s"),
            ..ErrorPages::default()
        };
        let page = |kind| pages.page(kind, "a \"b\" <c>\n", "7").1;
        assert_eq!(page(ErrorType::Json), "{\"oops\":\"a \\\"b\\\" <c>\\n\"}");
        assert_eq!(page(ErrorType::Html), "<b>a &quot;b&quot; &lt;c&gt;\n</b> 7");
        assert_eq!(page(ErrorType::Plain), "a \"b\" <c>\n\nrequest_id: 7\n");
    }
}
