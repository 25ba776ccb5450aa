//! A sentence, understood.
//!
//! Whoever holds an [`Expression`] knows that it is grammatical, that it speaks of fields there are, and that it compares each with
//! something of its own type: judging it cannot fail any more.

use crate::{
    field::{Field, Subsystem, vocabulary},
    spelling::{self, DEPTH_MAX, JOINTS_MAX, LENGTH_MAX_BYTES},
};
use atc_router::{
    ast::{self, LogicalExpression, Predicate, Value},
    parser,
    semantics::Validate,
};
use thiserror::Error;

/// Why a sentence is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ExpressionError {
    /// It has too many bytes.
    #[error("an expression has {LENGTH_MAX_BYTES} bytes at most")]
    TooLong,
    /// Brackets within brackets within brackets.
    #[error("brackets are nested {DEPTH_MAX} deep at most")]
    TooDeep,
    /// Too many parts.
    #[error("an expression has {JOINTS_MAX} `&&` and `||` at most")]
    TooManyTerms,
    /// It breaks the grammar, speaks of what there is not, or compares what cannot be compared. Kong: the text is the same.
    #[error("{0}")]
    Wrong(String),
    /// It speaks of segments that no path can have. Kong: the text is the same.
    #[error("illformed http.path.segments.* field")]
    Segments,
}

/// A checked sentence.
#[derive(Debug)]
pub struct Expression {
    tree: ast::Expression,
    fields: Box<[(Box<str>, Field)]>,
    groups: Box<[(Box<str>, usize)]>,
}

impl Expression {
    /// Reads a sentence.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub fn parse(text: &str, subsystem: Subsystem) -> Result<Expression, ExpressionError> {
        let spelled = spelling::spell(text)?;
        let tree = parser::parse(&spelled).map_err(|error| ExpressionError::Wrong(error.to_string()))?;
        tree.validate(vocabulary(subsystem))
            .map_err(ExpressionError::Wrong)?;
        let mut fields = Vec::new();
        let mut groups = Vec::new();
        each_predicate(&tree, &mut |predicate| {
            note_field(predicate, &mut fields)?;
            note_groups(predicate, &mut groups);
            Ok(())
        })?;
        Ok(Expression {
            tree,
            fields: fields.into(),
            groups: groups.into(),
        })
    }

    /// The sentence as a tree.
    pub fn tree(&self) -> &ast::Expression {
        &self.tree
    }

    /// The fields it speaks of, each once, with the names it uses for them.
    pub fn fields(&self) -> &[(Box<str>, Field)] {
        &self.fields
    }

    /// Named groups of its regular expressions, with their numbers.
    pub fn groups(&self) -> &[(Box<str>, usize)] {
        &self.groups
    }
}

fn each_predicate<'t>(
    tree: &'t ast::Expression,
    visit: &mut dyn FnMut(&'t Predicate) -> Result<(), ExpressionError>,
) -> Result<(), ExpressionError> {
    match tree {
        ast::Expression::Predicate(predicate) => visit(predicate),
        ast::Expression::Logical(logical) => match &**logical {
            LogicalExpression::And(left, right) | LogicalExpression::Or(left, right) => {
                each_predicate(left, visit)?;
                each_predicate(right, visit)
            }
            LogicalExpression::Not(inner) => each_predicate(inner, visit),
        },
    }
}

fn note_field(predicate: &Predicate, fields: &mut Vec<(Box<str>, Field)>) -> Result<(), ExpressionError> {
    let name = predicate.lhs.var_name.as_str();
    if !fields.iter().any(|(known, _)| **known == *name) {
        let field = Field::named(name).ok_or(ExpressionError::Segments)?;
        fields.push((name.into(), field));
    }
    Ok(())
}

fn note_groups(predicate: &Predicate, groups: &mut Vec<(Box<str>, usize)>) {
    let Value::Regex(regex) = &predicate.rhs else {
        return;
    };
    let named = regex.capture_names().enumerate();
    groups.extend(named.filter_map(|(index, name)| Some((name?.into(), index))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subsystem: Subsystem, rows: &[(&str, Result<usize, &str>)]) {
        for (text, expected) in rows {
            let read = Expression::parse(text, subsystem);
            let read = read.map(|read| read.fields().len()).map_err(|e| e.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_sentence_speaks_of_known_fields_in_their_types() {
        check(
            Subsystem::Http,
            &[
                (r#"http.path ^= "/a" && http.path != "/b""#, Ok(1)),
                (
                    r#"any(lower(http.headers.x_a)) == "b" || http.queries.q == """#,
                    Ok(2),
                ),
                ("net.src.ip in 10.0.0.0/8 && net.dst.port == 80", Ok(2)),
                ("net.src.ip not  in 10.0.0.0/8", Ok(1)),
                ("http.path.segments.len > 2", Ok(1)),
                (r#"http.path.segments.0_1 == "a/b""#, Ok(1)),
                (r#"!(tls.sni =^ ".test")"#, Ok(1)),
                (r#"http.nothing == "a""#, Err("Unknown LHS field")),
                (
                    "http.path == 5",
                    Err("Type mismatch between the LHS and RHS values of predicate"),
                ),
                (
                    r#"http.path.segments.1_1 == "a""#,
                    Err("illformed http.path.segments.* field"),
                ),
                ("", Err(" --> 1:1\n  |\n1 | \n  | ^---\n  |\n  = expected term")),
            ],
        );
    }

    #[test]
    fn streams_have_no_paths() {
        check(
            Subsystem::Stream,
            &[
                (r#"tls.sni == "a.test""#, Ok(1)),
                (r#"http.path == "/""#, Err("Unknown LHS field")),
            ],
        );
    }

    #[test]
    fn named_groups_are_known_by_their_numbers() {
        let read = Expression::parse(r##"http.path ~ r#"^/(\d+)/(?<name>\w+)"#"##, Subsystem::Http).unwrap();
        assert_eq!(read.groups(), [("name".into(), 2)]);
    }

    #[test]
    fn the_deepest_sentence_allowed_is_read_on_a_small_stack() {
        let deep = format!(
            "{}http.path == \"/\"{}",
            "!(".repeat(DEPTH_MAX),
            ")".repeat(DEPTH_MAX)
        );
        let long = vec![r#"http.path == "/""#; JOINTS_MAX + 1].join(" || ");
        let read = move || {
            for text in [deep, long] {
                Expression::parse(&text, Subsystem::Http).unwrap();
            }
        };
        // Half of what a thread of the program has.
        let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(read);
        thread.unwrap().join().unwrap();
    }
}
