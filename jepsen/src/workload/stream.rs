//! From histories to the timeline's samples, and from a node's event stream to a script.

use super::{Fate, Judgement, Sample};
use crate::{
    check::events::Line,
    history::{Call, End, History},
};
use serde_json::Value;

/// Every operation as a sample.
pub fn sample<C: Call>(history: &History<C>, is_write: impl Fn(&C) -> bool, judgement: &mut Judgement) {
    judgement
        .samples
        .extend(history.operations().iter().map(|operation| Sample {
            at: operation.invoked,
            took: operation.ended.saturating_sub(operation.invoked),
            is_write: is_write(&operation.call),
            fate: match operation.end {
                End::Ok(_) => Fate::Ok,
                End::Fail(_) => Fate::Fail,
                End::Info(_) => Fate::Info,
            },
        }));
}

/// Reads server-sent events as they come in pieces.
#[derive(Debug, Default)]
pub struct Parser {
    pending: Vec<u8>,
}

/// One event of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its kind.
    pub event: String,
    /// Its document.
    pub data: Value,
    /// Its bookmark: everything up to this revision has been told.
    pub id: Option<u64>,
}

impl Parser {
    /// Takes a piece and returns the events that are complete now.
    pub fn feed(&mut self, piece: &[u8]) -> Vec<Message> {
        self.pending.extend_from_slice(piece);
        let mut messages = Vec::new();
        while let Some(end) = self.pending.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.pending.drain(..end + 2).collect();
            messages.extend(Self::message(&String::from_utf8_lossy(&block)));
        }
        messages
    }

    fn message(block: &str) -> Option<Message> {
        let field = |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        Some(Message {
            event: field("event")?.to_owned(),
            data: serde_json::from_str(field("data")?).ok()?,
            id: field("id").and_then(|id| id.parse().ok()),
        })
    }
}

/// A change of a record as a line of the script; nothing for other events.
pub fn line(message: &Message) -> Option<Line> {
    if message.event != "crud" {
        return None;
    }
    let data = &message.data;
    let present = if data["entity"].is_null() {
        &data["old_entity"]
    } else {
        &data["entity"]
    };
    let text = |value: &Value| {
        if value.is_null() {
            String::new()
        } else {
            value.to_string()
        }
    };
    let schema = data["schema"].as_str()?.to_owned();
    let name_field = if schema == "consumers" { "username" } else { "name" };
    // A plugin's name is its kind and not its own.
    let name = (schema != "plugins")
        .then(|| present[name_field].as_str().map(str::to_owned))
        .flatten();
    let parent = present["service"]["id"]
        .as_str()
        .map(|id| ("services".to_owned(), id.to_owned()));
    Some(Line {
        revision: data["revision"].as_u64()?,
        ordinal: data["ordinal"].as_u64()?,
        operation: data["operation"].as_str()?.to_owned(),
        id: data["id"].as_str()?.to_owned(),
        name,
        parent,
        entity: text(&data["entity"]),
        old_entity: text(&data["old_entity"]),
        schema,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = ": alive\n\nevent: crud\ndata: {\"revision\":7,\"ordinal\":0,\"schema\":\"routes\",\"operation\":\"create\",\
        \"id\":\"r\",\"entity\":{\"name\":\"a\",\"service\":{\"id\":\"s\"}},\"old_entity\":null}\n\nid: 8\nevent: broadcast\ndata: {}\n\n";

    #[test]
    fn a_stream_is_read_in_pieces_of_any_size() {
        let whole = Parser::default().feed(TEXT.as_bytes());
        assert_eq!(whole.len(), 2);
        assert_eq!((whole[0].id, whole[1].id), (None, Some(8)));
        for size in [1, 3, 50] {
            let mut parser = Parser::default();
            let pieces: Vec<Message> = TEXT
                .as_bytes()
                .chunks(size)
                .flat_map(|piece| parser.feed(piece))
                .collect();
            assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn a_change_is_a_line_and_a_broadcast_is_none() {
        let messages = Parser::default().feed(TEXT.as_bytes());
        let route = line(&messages[0]).unwrap();
        assert_eq!((route.revision, route.name.as_deref()), (7, Some("a")));
        assert_eq!(route.parent, Some(("services".into(), "s".into())));
        assert_eq!(line(&messages[1]), None);
    }
}
