//! Fields together: what a record or a whole entity is made of.
//!
//! Besides its fields a shape has shorthands, which are accepted, spread over fields and forgotten (`url` becomes
//! protocol, host, port and path), and checks over several fields.
//!
//! The catch: some entities have more than one form. What a plugin's `config` holds depends on its `name`; a gRPC route
//! has another default than an HTTP one. [`Layers`] is the printed form with the right slip glued over it.

use crate::{Record, check::Check, field::Field};
use serde_json::Value;

/// Fields, shorthands, checks.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub(crate) fields: Vec<(&'static str, Field)>,
    pub(crate) shorthands: Vec<Shorthand>,
    pub(crate) checks: Vec<Check>,
}

impl Shape {
    /// Of these fields; the order is kept in schema documents.
    pub fn new(fields: Vec<(&'static str, Field)>) -> Self {
        Shape {
            fields,
            ..Shape::default()
        }
    }

    /// Adds a shorthand. Shorthands are expanded in order.
    pub fn shorthand(mut self, shorthand: Shorthand) -> Self {
        self.shorthands.push(shorthand);
        self
    }

    /// Adds a check. Checks are made in order.
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, field)| field)
    }
}

/// A member that stands for others.
#[derive(Clone, Debug)]
pub struct Shorthand {
    pub(crate) name: &'static str,
    pub(crate) field: Field,
    pub(crate) expand: fn(&Value) -> Record,
    pub(crate) echo: Option<&'static str>,
}

impl Shorthand {
    /// `field` says what may be sent; `expand` gives the members it stands for, laid over what else was sent.
    pub fn new(name: &'static str, field: Field, expand: fn(&Value) -> Record) -> Self {
        Shorthand {
            name,
            field,
            expand,
            echo: None,
        }
    }

    /// Shown again on reading, with the value found at this path: what an old name of a field does.
    pub fn echo(mut self, path: &'static str) -> Self {
        self.echo = Some(path);
        self
    }
}

/// A shape, and the one that is laid over it for the kind at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layers<'a> {
    pub(crate) base: &'a Shape,
    pub(crate) over: Option<&'a Shape>,
}

impl<'a> Layers<'a> {
    pub(crate) fn plain(base: &'a Shape) -> Self {
        Layers { base, over: None }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&'a Field> {
        self.over
            .and_then(|over| over.field(name))
            .or_else(|| self.base.field(name))
    }

    /// All fields in the order of the base.
    pub(crate) fn fields(self) -> impl Iterator<Item = (&'static str, &'a Field)> {
        self.base.fields.iter().map(move |(name, field)| {
            let over = self.over.and_then(|over| over.field(name));
            (*name, over.unwrap_or(field))
        })
    }

    pub(crate) fn shorthands(self) -> impl Iterator<Item = &'a Shorthand> {
        let over = self.over.map(|over| over.shorthands.as_slice());
        self.base.shorthands.iter().chain(over.unwrap_or_default())
    }

    pub(crate) fn checks(self) -> impl Iterator<Item = &'a Check> {
        let over = self.over.map(|over| over.checks.as_slice());
        self.base.checks.iter().chain(over.unwrap_or_default())
    }

    /// The field at a path such as `config.redis.host`.
    pub(crate) fn field_at(&self, path: &str) -> Option<&'a Field> {
        match path.split_once('.') {
            None => self.field(path),
            Some((head, rest)) => match &self.field(head)?.kind {
                crate::Kind::Record(shape) => Layers::plain(shape).field_at(rest),
                _ => None,
            },
        }
    }
}

/// The value at a path such as `config.redis.host`; null where there is none.
pub(crate) fn value_at<'a>(record: &'a Record, path: &str) -> &'a Value {
    const NOTHING: &Value = &Value::Null;
    match path.split_once('.') {
        None => record.get(path).unwrap_or(NOTHING),
        Some((head, rest)) => match record.get(head) {
            Some(Value::Object(inner)) => value_at(inner, rest),
            _ => NOTHING,
        },
    }
}
