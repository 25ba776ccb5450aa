//! Values to YAML.
//!
//! Block style, two spaces, one value a line: what a person would write and a diff shows well.
//!
//! The catch: a word goes without quotes only if reading it back gives the same text. `"no"`, `"1.10"` and `"# x"` are quoted,
//! in the style of JSON, whose escapes YAML shares. Breaks that YAML knows and JSON does not are escaped too.

use super::scalar;
use serde_json::Value;
use std::fmt::Write;

/// One member of a mapping, at the left edge.
pub(crate) fn member(out: &mut String, key: &str, value: &Value) {
    entry(out, key, value, 0);
    out.push('\n');
}

fn entry(out: &mut String, key: &str, value: &Value, depth: usize) {
    out.push_str(&text(key));
    out.push(':');
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                line(out, depth + 1);
                entry(out, key, value, depth + 1);
            }
        }
        Value::Array(list) if !list.is_empty() => elements(out, list, depth),
        leaf => {
            out.push(' ');
            out.push_str(&inline(leaf));
        }
    }
}

/// Elements stand under the name of their list, not further in.
fn elements(out: &mut String, list: &[Value], depth: usize) {
    for element in list {
        line(out, depth);
        out.push('-');
        block(out, element, depth);
    }
}

fn block(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (at, (key, value)) in map.iter().enumerate() {
                if at == 0 {
                    out.push(' ');
                } else {
                    line(out, depth + 1);
                }
                entry(out, key, value, depth + 1);
            }
        }
        Value::Array(list) if !list.is_empty() => elements(out, list, depth + 1),
        leaf => {
            out.push(' ');
            out.push_str(&inline(leaf));
        }
    }
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(word) => text(word),
        other => other.to_string(),
    }
}

fn text(word: &str) -> String {
    if is_safe(word) && matches!(scalar::plain(word), Value::String(_)) {
        word.to_owned()
    } else {
        quoted(word)
    }
}

/// Letters that mean nothing to YAML wherever they stand, and none that do at either end.
fn is_safe(word: &str) -> bool {
    let mut letters = word.chars();
    letters
        .next()
        .is_some_and(|first| first.is_alphanumeric() || "/_.".contains(first))
        && letters.all(|c| c.is_alphanumeric() || "/_.-+@~*".contains(c))
}

fn quoted(word: &str) -> String {
    let json = Value::from(word).to_string();
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}') {
            let _infallible = write!(out, "\\u{:04x}", u32::from(letter));
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Format, read};
    use serde_json::json;

    #[test]
    fn lists_and_members_stand_under_each_other() {
        let mut out = String::new();
        member(&mut out, "a", &json!([{"b": [1, "x"], "c": {}}, [[true], null]]));
        member(&mut out, "d", &json!({"e": {"f": "no"}}));
        assert_eq!(
            out,
            "a:\n- b:\n  - 1\n  - x\n  c: {}\n-\n  -\n    - true\n  - null\nd:\n  e:\n    f: \"no\"\n"
        );
    }

    #[test]
    fn whatever_is_written_reads_back() {
        for word in [
            "", " x", "x ", "no", "1.10", "#", "a: b", "- a", "\n", "a\u{85}b", "\u{2028}", "😀", "*", "&a",
            "~/a", "<<",
        ] {
            let value = json!({ word: [word, {word: word}] });
            let mut out = String::new();
            member(&mut out, "v", &value);
            let read = read(&out, Format::Yaml).unwrap();
            assert_eq!(read.value["v"], value, "{out}");
        }
    }
}
