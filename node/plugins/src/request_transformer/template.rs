//! Values with holes: `pre-$(headers.x_in)-post`.
//!
//! Kong runs what stands in a hole as Lua. Here a hole holds an expression of a small language that reads like it: look-ups in the
//! request, texts, `or`, `and`, `not`, `..`, `==` and `~=`. It cannot loop, call, or change anything, so a template costs what it says.
//! What is not in the language is refused when it is configured.

mod expression;
mod parse;

use expression::Expression;
pub(super) use expression::{Environment, Root};

/// A value with holes.
#[derive(Debug, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Hole(Expression),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, inside, after)) = next_hole(rest) {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Hole(parse::expression(inside)?));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Template(pieces))
    }

    /// The value for a request.
    ///
    /// # Errors
    /// What cannot be done with this request's values, in words.
    pub fn render(&self, environment: &dyn Environment) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Hole(expression) => text.push_str(&expression.evaluate(environment)?.to_text()),
            }
        }
        Ok(text)
    }
}

/// What stands before a hole, inside, and behind it. Kong: a hole that is never closed is text.
fn next_hole(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find("$(")?;
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(start + 1) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return Some((&text[..start], &text[start + 2..at], &text[at + 1..])),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
