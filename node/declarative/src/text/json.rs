//! JSON to values.
//!
//! The catch: a JSON parser that fills a map lets the second of two equal names win in silence. This one says so.

use super::{ReadError, Reading, warn_twice};
use crate::{
    limits::DEPTH_MAX,
    note::Note,
    path::{Path, Position, Step},
};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads a whole text.
pub(super) fn read(text: &str) -> Result<Reading, ReadError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut reader = Reader::default();
    let value = reader.deserialize(&mut json);
    let value = value.and_then(|value| json.end().map(|()| value));
    match value {
        Ok(value) => Ok(Reading {
            value,
            warnings: reader.warnings,
        }),
        Err(error) => Err(reader.refused(&error)),
    }
}

#[derive(Default)]
struct Reader {
    path: Path,
    warnings: Vec<Note>,
    too_deep: bool,
}

impl Reader {
    fn refused(&self, error: &serde_json::Error) -> ReadError {
        let position = Position {
            line: error.line(),
            column: error.column(),
        };
        if self.too_deep {
            return ReadError::TooDeep { position };
        }
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let reason = text.strip_suffix(&place).unwrap_or(&text).to_owned();
        ReadError::Syntax { position, reason }
    }

    fn enter<E: serde::de::Error>(&mut self, step: Step) -> Result<(), E> {
        self.path.enter(step);
        self.too_deep |= self.path.depth() > DEPTH_MAX;
        if self.too_deep {
            return Err(E::custom("too deep"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.enter(Step::Index(list.len()))?;
            let Some(element) = elements.next_element_seed(&mut *self)? else {
                self.path.leave();
                return Ok(Value::Array(list));
            };
            list.push(element);
            self.path.leave();
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            self.enter(Step::Key(key.clone()))?;
            let value = members.next_value_seed(&mut *self).map_err(A::Error::custom)?;
            if map.insert(key, value).is_some() {
                warn_twice(&mut self.warnings, &self.path, None);
            }
            self.path.leave();
        }
        Ok(Value::Object(map))
    }
}
