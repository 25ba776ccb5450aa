//! YAML to values.
//!
//! The parser reads aloud: here begins a mapping, here is a word, here it ends. This file writes down what it hears, knows
//! at each moment where in the document it is, and refuses what is too deep or unfolds to too much.
//!
//! Besides plain YAML it knows what people write in configurations: anchors and aliases, and `<<` to take over the members
//! of another mapping. The catch of `<<`: what it brings gives way to what is written, wherever that stands, and giving
//! way is not being given twice.
//!
//! Not done here: more than one document in a text. The first counts, as in Kong, and the second is remarked.

use super::{ReadError, Reading, scalar, warn_twice};
use crate::{
    limits::{DEPTH_MAX, NODE_BYTES, UNFOLDED_MAX_BYTES},
    note::Note,
    path::{Path, Position, Step},
};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

/// The member whose value is taken over.
const MERGE: &str = "<<";

/// Is told where each value begins.
pub(super) type Observe<'o> = &'o mut dyn FnMut(&Path, Position);

/// Reads the first document of a text.
pub(super) fn read(text: &str, observe: Observe<'_>) -> Result<Reading, ReadError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        path: Path::root(),
        unfolded_bytes: 0,
        warnings: Vec::new(),
        observe,
    };
    let value = reader.stream()?;
    Ok(Reading {
        value,
        warnings: reader.warnings,
    })
}

struct Reader<'t, 'o> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Value>,
    path: Path,
    unfolded_bytes: usize,
    warnings: Vec<Note>,
    observe: Observe<'o>,
}

type Heard<'t> = (Event<'t>, Position);

impl<'t> Reader<'t, '_> {
    fn next(&mut self) -> Result<Heard<'t>, ReadError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, position(&span))),
            Some(Err(error)) => Err(ReadError::Syntax {
                position: marked(error.marker()),
                reason: error.info().to_owned(),
            }),
            None => Ok((Event::StreamEnd, Position { line: 1, column: 1 })),
        }
    }

    fn stream(&mut self) -> Result<Value, ReadError> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(Value::Null),
                (Event::DocumentStart(_), _) => break,
                _ => {}
            }
        }
        let first = self.next()?;
        let value = self.node(first)?;
        self.next()?; // the document's end
        if let (Event::DocumentStart(_), position) = self.next()? {
            self.warnings.push(Note {
                path: Path::root(),
                position: Some(position),
                text: "only the first document of the text counts".to_owned(),
            });
        }
        Ok(value)
    }

    fn node(&mut self, (event, position): Heard<'t>) -> Result<Value, ReadError> {
        if self.path.depth() > DEPTH_MAX {
            return Err(ReadError::TooDeep { position });
        }
        let (anchor, value) = match event {
            Event::Alias(id) => return self.alias(id, position),
            Event::Scalar(word, style, anchor, tag) => (anchor, word_value(&word, style, tag, position)?),
            Event::SequenceStart(anchor, _) => (anchor, self.sequence()?),
            Event::MappingStart(anchor, _) => (anchor, self.mapping()?),
            _ => return Err(syntax(position, "a value is missing")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    /// An anchor is known once its value is complete: a value that contains itself is refused.
    fn alias(&mut self, id: usize, position: Position) -> Result<Value, ReadError> {
        let Some(value) = self.anchors.get(&id) else {
            return Err(syntax(position, "an alias inside of what it stands for"));
        };
        self.unfolded_bytes += weight_bytes(value);
        if self.unfolded_bytes > UNFOLDED_MAX_BYTES {
            return Err(ReadError::TooMuch { position });
        }
        Ok(value.clone())
    }

    fn sequence(&mut self) -> Result<Value, ReadError> {
        let mut list = Vec::new();
        loop {
            let heard = self.next()?;
            if heard.0 == Event::SequenceEnd {
                return Ok(Value::Array(list));
            }
            let element = self.at(Step::Index(list.len()), heard.1, |reader| reader.node(heard))?;
            list.push(element);
        }
    }

    fn mapping(&mut self) -> Result<Value, ReadError> {
        let mut map = Map::new();
        let mut taken_over = HashSet::new();
        loop {
            let (event, position) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Object(map));
            }
            let (key, merges) = self.key(event, position)?;
            let value = self.at(Step::Key(key.clone()), position, |reader| {
                let heard = reader.next()?;
                reader.node(heard)
            })?;
            if merges {
                take_over(&mut map, &mut taken_over, value, position)?;
                continue;
            }
            if map.contains_key(&key) && !taken_over.remove(&key) {
                warn_twice(&mut self.warnings, &self.path.key(&key), Some(position));
            }
            map.insert(key, value);
        }
    }

    /// A name, as it is written: `on:` is the member `on`. And whether it is the one that takes over.
    fn key(&mut self, event: Event<'t>, position: Position) -> Result<(String, bool), ReadError> {
        match event {
            Event::Scalar(word, style, anchor, _) => {
                if anchor > 0 {
                    self.anchors.insert(anchor, Value::from(&*word));
                }
                let merges = style == ScalarStyle::Plain && word == MERGE;
                Ok((word.into_owned(), merges))
            }
            Event::Alias(id) => match self.alias(id, position)? {
                Value::String(key) => Ok((key, false)),
                _ => Err(syntax(position, "a name must be a word")),
            },
            _ => Err(syntax(position, "a name must be a word")),
        }
    }

    fn at<R>(
        &mut self,
        step: Step,
        position: Position,
        read: impl FnOnce(&mut Self) -> Result<R, ReadError>,
    ) -> Result<R, ReadError> {
        self.path.enter(step);
        (self.observe)(&self.path, position);
        let result = read(self);
        self.path.leave();
        result
    }
}

fn word_value(
    word: &str,
    style: ScalarStyle,
    tag: Option<Cow<'_, Tag>>,
    position: Position,
) -> Result<Value, ReadError> {
    let tagged = tag
        .filter(|tag| tag.is_yaml_core_schema())
        .and_then(|tag| scalar::tagged(&tag.suffix, word));
    match tagged {
        Some(value) => value.map_err(|reason| syntax(position, &reason)),
        None if style == ScalarStyle::Plain => Ok(scalar::plain(word)),
        None => Ok(Value::from(word)),
    }
}

/// Takes over members that are not there yet, of one mapping or of several.
fn take_over(
    map: &mut Map<String, Value>,
    taken_over: &mut HashSet<String>,
    source: Value,
    position: Position,
) -> Result<(), ReadError> {
    let sources = match source {
        Value::Array(list) => list,
        one => vec![one],
    };
    for source in sources {
        let Value::Object(members) = source else {
            return Err(syntax(position, "only mappings can be taken over"));
        };
        for (key, value) in members {
            if !map.contains_key(&key) {
                taken_over.insert(key.clone());
                map.insert(key, value);
            }
        }
    }
    Ok(())
}

fn weight_bytes(value: &Value) -> usize {
    NODE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Array(list) => list.iter().map(weight_bytes).sum(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| key.len() + weight_bytes(value))
                .sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

fn syntax(position: Position, reason: &str) -> ReadError {
    ReadError::Syntax {
        position,
        reason: reason.to_owned(),
    }
}

fn position(span: &Span) -> Position {
    marked(&span.start)
}

/// The parser counts columns from zero.
fn marked(marker: &saphyr_parser::Marker) -> Position {
    Position {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reading(text: &str) -> Result<Reading, ReadError> {
        read(text, &mut |_, _| {})
    }

    #[track_caller]
    fn check(text: &str, wanted: Value) {
        let reading = reading(text).unwrap();
        assert_eq!((reading.value, reading.warnings), (wanted, vec![]), "{text}");
    }

    #[track_caller]
    fn check_refused(text: &str, wanted: &str) {
        assert_eq!(reading(text).unwrap_err().to_string(), wanted, "{text}");
    }

    #[test]
    fn quotes_tags_and_blocks_make_text() {
        check(
            "a: '5'\nb: \"yes\"\nc: !!str 5\n",
            json!({"a": "5", "b": "yes", "c": "5"}),
        );
        check(
            "a: |\n  x\n  y\nb: >-\n  x\n  y\n",
            json!({"a": "x\ny\n", "b": "x y"}),
        );
    }

    #[test]
    fn names_are_as_they_are_written() {
        check("on: 1\n5: 2\n~: 3\n", json!({"on": 1, "5": 2, "~": 3}));
    }

    #[test]
    fn aliases_stand_for_their_anchor() {
        check("a: &x [1, 2]\nb: *x\n", json!({"a": [1, 2], "b": [1, 2]}));
    }

    #[test]
    fn what_is_taken_over_gives_way_to_what_is_written() {
        let wanted = json!({"base": {"port": 1, "host": "a"}, "s": {"port": 2, "host": "a"}});
        check(
            "base: &b {port: 1, host: a}\ns:\n  <<: *b\n  port: 2\n",
            wanted.clone(),
        );
        check("base: &b {port: 1, host: a}\ns:\n  port: 2\n  <<: *b\n", wanted);
        check(
            "x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {<<: [*x, *y]}\n",
            json!({"x": {"a": 1}, "y": {"a": 2, "b": 2}, "z": {"a": 1, "b": 2}}),
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        check_refused(
            "a: [1\nb: 2\n",
            "line 2, column 2: illegal placement of ':' indicator",
        );
        check_refused(
            "a: *b\n",
            "line 1, column 4: while parsing node, found unknown anchor",
        );
        check_refused(
            "a: &a [*a]\n",
            "line 1, column 8: an alias inside of what it stands for",
        );
        check_refused(
            "a:\n  <<: 5\n",
            "line 2, column 3: only mappings can be taken over",
        );
        check_refused("? [a]\n: b\n", "line 1, column 3: a name must be a word");
        check_refused("a: !!int x\n", "line 1, column 4: 'x' is no int");
    }

    #[test]
    fn a_billion_laughs_are_not_laughed() {
        let mut text = String::from("a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
        for level in 1..12 {
            let below = format!("*a{}", level - 1);
            text += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(", "));
        }
        assert!(matches!(reading(&text), Err(ReadError::TooMuch { .. })));
    }

    #[test]
    fn a_second_document_is_remarked() {
        let reading = reading("a: 1\n---\nb: 2\n").unwrap();
        assert_eq!(reading.value, json!({"a": 1}));
        assert_eq!(reading.warnings.len(), 1);
    }

    #[test]
    fn every_value_is_observed_where_it_begins() {
        let mut seen = Vec::new();
        read("a:\n- x\n-  b: 1\n", &mut |path, at| {
            seen.push(format!("{path} {}:{}", at.line, at.column))
        })
        .unwrap();
        assert_eq!(seen, ["a 1:1", "a[0] 2:3", "a[1] 3:4", "a[1].b 3:4"]);
    }
}
