//! How Kong's Lua prints values inside of messages.
//!
//! The catch: `tostring` and the table printer decide about wire text: a whole number has no fraction, the
//! members of a table are sorted, an array has no keys unless it has gaps.

use crate::fault::Fault;
use serde_json::Value;
use std::fmt::Write;

/// A value as `tostring` shows it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), number),
        Value::String(s) => s.clone(),
        Value::Array(_) | Value::Object(_) => "table".into(),
    }
}

/// A number: whole ones without a fraction.
pub(crate) fn number(n: f64) -> String {
    n.to_string()
}

/// A fault as the table printer shows it, several lines long.
pub(crate) fn pretty(fault: &Fault) -> String {
    let mut out = String::new();
    write_fault(&mut out, fault, 0);
    out
}

fn write_fault(out: &mut String, fault: &Fault, depth: usize) {
    match fault {
        Fault::Text(text) => out.push_str(&quoted(text)),
        Fault::List(list) => write_table(out, depth, &list_members(list)),
        Fault::Fields(faults) => {
            let members: Vec<_> = faults.iter().map(|(name, f)| (Some(key(name)), f)).collect();
            write_table(out, depth, &members);
        }
    }
}

/// Elements before the first gap go without a key, those after it by their number.
fn list_members(list: &[Option<Fault>]) -> Vec<(Option<String>, &Fault)> {
    let gap = list.iter().position(Option::is_none).unwrap_or(list.len());
    list.iter()
        .enumerate()
        .filter_map(|(at, fault)| {
            let key = (at >= gap).then(|| format!("[{}]", at + 1));
            Some((key, fault.as_ref()?))
        })
        .collect()
}

fn write_table(out: &mut String, depth: usize, members: &[(Option<String>, &Fault)]) {
    out.push('{');
    for (at, (key, fault)) in members.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        indent(out, depth + 1);
        if let Some(key) = key {
            let _infallible = write!(out, "{key} = ");
        }
        write_fault(out, fault, depth + 1);
    }
    out.push('\n');
    indent(out, depth);
    out.push('}');
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn key(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        format!("[{}]", quoted(name))
    }
}

/// In quotes, or in long brackets when it has several lines.
fn quoted(text: &str) -> String {
    if text.contains('\n') {
        return format!("[[{text}]]");
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Faults;

    #[test]
    fn tables_are_printed_with_sorted_keys_and_two_spaces() {
        let mut faults = Faults::new();
        faults.set_path("unhealthy.http_statuses", Fault::List(vec![Some("bad".into())]));
        faults.set("a-b", "say \"x\"");
        assert_eq!(
            pretty(&faults.into()),
            "{\n  [\"a-b\"] = \"say \\\"x\\\"\",\n  unhealthy = {\n    http_statuses = {\n      \"bad\"\n    }\n  }\n}"
        );
    }

    #[test]
    fn elements_after_a_gap_carry_their_number() {
        let list = Fault::List(vec![Some("a".into()), None, Some("c".into())]);
        assert_eq!(pretty(&list), "{\n  \"a\",\n  [3] = \"c\"\n}");
    }
}
