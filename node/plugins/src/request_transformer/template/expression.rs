//! What stands in a hole, and its value for a request.

use std::borrow::Cow;

/// What can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::request_transformer) enum Root {
    /// Header fields; `_` stands for `-`.
    Headers,
    /// Arguments of the query.
    Query,
    /// Groups of the route's regular expression, by name or number.
    Captures,
    /// What handlers left for others.
    Shared,
}

/// Where values come from.
pub(in crate::request_transformer) trait Environment {
    /// The value under a name.
    fn look(&self, root: Root, name: &str) -> Option<String>;
}

/// A value on the way to being one text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Nil,
    Flag(bool),
    Text(String),
}

/// An expression.
#[derive(Debug, PartialEq)]
pub(super) enum Expression {
    Literal(Value),
    Look(Root, String),
    Or(Box<Expression>, Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Join(Box<Expression>, Box<Expression>),
    Equal(Box<Expression>, Box<Expression>),
}

impl Value {
    fn holds(&self) -> bool {
        !matches!(self, Value::Nil | Value::Flag(false))
    }

    /// Kong: nothing is the empty text.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Value::Nil => "".into(),
            Value::Flag(flag) => flag.to_string().into(),
            Value::Text(text) => text.into(),
        }
    }
}

impl Expression {
    /// Its value.
    pub fn evaluate(&self, environment: &dyn Environment) -> Result<Value, String> {
        Ok(match self {
            Expression::Literal(value) => value.clone(),
            Expression::Look(root, name) => match environment.look(*root, name) {
                Some(text) => Value::Text(text),
                None => Value::Nil,
            },
            Expression::Or(a, b) => match a.evaluate(environment)? {
                a if a.holds() => a,
                _ => b.evaluate(environment)?,
            },
            Expression::And(a, b) => match a.evaluate(environment)? {
                a if a.holds() => b.evaluate(environment)?,
                a => a,
            },
            Expression::Not(a) => Value::Flag(!a.evaluate(environment)?.holds()),
            Expression::Equal(a, b) => Value::Flag(a.evaluate(environment)? == b.evaluate(environment)?),
            Expression::Join(a, b) => {
                let text = |side: &Expression| match side.evaluate(environment)? {
                    Value::Text(text) => Ok(text),
                    Value::Nil | Value::Flag(_) => Err("a value that is no text cannot be joined".to_owned()),
                };
                Value::Text(text(a)? + &text(b)?)
            }
        })
    }
}
