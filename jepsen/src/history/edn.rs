//! Histories in the notation of Jepsen's own checkers, so that a doubter can ask Knossos or Elle.
//!
//! One map per line: `{:index 0 :time 12 :process 3 :type :invoke :f :cas :value [1 2]}`. An operation gives two lines, its call
//! and its end; an info whose client simply stopped waiting gives its second line at that moment, as Jepsen does.
//! Several objects in one file are told apart by a leading key in the value, `[key value]`, as `jepsen.independent` does.

use super::{Call, End, History, Nanos};
use std::fmt::Write as _;

/// A string as EDN writes it.
pub fn text(raw: &str) -> String {
    let mut quoted = String::with_capacity(raw.len() + 2);
    quoted.push('"');
    for c in raw.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// One object's history.
pub fn write<C: Call>(history: &History<C>) -> String {
    let mut lines = Vec::new();
    collect(history, None, &mut lines);
    finish(lines)
}

/// The histories of many objects, each value with its key in front.
pub fn write_keyed<'a, C: Call>(histories: impl IntoIterator<Item = (&'a str, &'a History<C>)>) -> String {
    let mut lines = Vec::new();
    for (key, history) in histories {
        collect(history, Some(key), &mut lines);
    }
    finish(lines)
}

/// A line without its index, which is only known once all are sorted.
struct Line {
    time: Nanos,
    rest: String,
}

fn collect<C: Call>(history: &History<C>, key: Option<&str>, lines: &mut Vec<Line>) {
    let keyed = |value: String| match key {
        Some(key) => format!("[{} {value}]", text(key)),
        None => value,
    };
    for operation in history.operations() {
        let (name, argument) = (operation.call.name(), operation.call.argument());
        let (kind, value, reason) = match &operation.end {
            End::Ok(answer) if operation.call.is_refusal(answer) => ("fail", argument.clone(), None),
            End::Ok(answer) => ("ok", operation.call.answered(answer), None),
            End::Fail(reason) => ("fail", argument.clone(), Some(reason)),
            End::Info(reason) => ("info", argument.clone(), Some(reason)),
        };
        let mut line = |time: Nanos, kind: &str, value: String, reason: Option<&String>| {
            let mut rest = format!(
                ":time {time} :process {} :type :{kind} :f :{name} :value {} :node {}",
                operation.process,
                keyed(value),
                operation.node
            );
            if let Some(reason) = reason {
                // Writing to a string does not fail.
                let _ = write!(rest, " :error {}", text(reason));
            }
            lines.push(Line { time, rest });
        };
        line(operation.invoked, "invoke", argument, None);
        line(operation.ended, kind, value, reason);
    }
}

fn finish(mut lines: Vec<Line>) -> String {
    // Stable: of two lines at one time the call stays before the end.
    lines.sort_by_key(|line| line.time);
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let _ = writeln!(out, "{{:index {index} {}}}", line.rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        history::Operation,
        model::register::{Answer, Register},
    };

    fn operation(
        process: u64,
        call: Register,
        invoked: Nanos,
        ended: Nanos,
        end: End<Answer>,
    ) -> Operation<Register> {
        Operation {
            process,
            node: 1,
            call,
            invoked,
            ended,
            end,
        }
    }

    fn history() -> History<Register> {
        History::new(vec![
            operation(0, Register::Write(4), 10, 30, End::Ok(Answer::Done)),
            operation(1, Register::Read, 20, 40, End::Ok(Answer::Value(4))),
            operation(
                2,
                Register::Cas { from: 4, to: 5 },
                50,
                60,
                End::Ok(Answer::Differs),
            ),
            operation(3, Register::Write(6), 55, 90, End::Info("no \"answer\"".into())),
        ])
    }

    #[test]
    fn each_operation_is_two_lines_in_the_order_of_time() {
        let expected = r#"{:index 0 :time 10 :process 0 :type :invoke :f :write :value 4 :node 1}
{:index 1 :time 20 :process 1 :type :invoke :f :read :value nil :node 1}
{:index 2 :time 30 :process 0 :type :ok :f :write :value 4 :node 1}
{:index 3 :time 40 :process 1 :type :ok :f :read :value 4 :node 1}
{:index 4 :time 50 :process 2 :type :invoke :f :cas :value [4 5] :node 1}
{:index 5 :time 55 :process 3 :type :invoke :f :write :value 6 :node 1}
{:index 6 :time 60 :process 2 :type :ok :f :cas :value [4 5] :node 1}
{:index 7 :time 90 :process 3 :type :info :f :write :value 6 :node 1 :error "no \"answer\""}
"#;
        // Knossos knows no compare that tells: a cas that differs is a failed one to it.
        assert_eq!(
            write(&history()),
            expected.replace(":process 2 :type :ok", ":process 2 :type :fail")
        );
    }

    #[test]
    fn keys_lead_the_values() {
        let history = history();
        let text = write_keyed([("a", &history)]);
        assert!(
            text.starts_with(r#"{:index 0 :time 10 :process 0 :type :invoke :f :write :value ["a" 4] "#),
            "{text}"
        );
    }
}
