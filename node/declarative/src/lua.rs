//! Faults as Kong's table printer shows them on one line.
//!
//! `{services={[2]="…",{host="required field missing"}}}`: members sorted, no blanks, elements by number once there was a
//! gap. The several-line form of the Admin API's messages is the schema's business.

use troop_schema::{Fault, Faults};

/// All faults, in braces.
pub(crate) fn table(faults: &Faults) -> String {
    let members = faults
        .iter()
        .map(|(name, fault)| format!("{}={}", key(name), value(fault)));
    braced(members.collect())
}

fn value(fault: &Fault) -> String {
    match fault {
        Fault::Text(text) => quoted(text),
        Fault::Fields(faults) => table(faults),
        Fault::List(list) => braced(elements(list)),
    }
}

fn elements(list: &[Option<Fault>]) -> Vec<String> {
    let gap = list.iter().position(Option::is_none).unwrap_or(list.len());
    list.iter()
        .enumerate()
        .filter_map(|(at, fault)| {
            let value = value(fault.as_ref()?);
            Some(if at < gap {
                value
            } else {
                format!("[{}]={value}", at + 1)
            })
        })
        .collect()
}

fn braced(members: Vec<String>) -> String {
    format!("{{{}}}", members.join(","))
}

fn key(name: &str) -> String {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(letters) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        format!("[{}]", quoted(name))
    }
}

/// In quotes, or in long brackets when it has several lines.
fn quoted(text: &str) -> String {
    if text.contains('\n') {
        format!("[[{text}]]")
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_no_blanks_and_number_what_follows_a_gap() {
        let mut faults = Faults::of("a", "x");
        faults.remark("whole");
        faults.set(
            "c",
            Fault::List(vec![Some("1".into()), None, Some(Faults::of("d", "3").into())]),
        );
        assert_eq!(
            table(&faults),
            r#"{["@entity"]={"whole"},a="x",c={"1",[3]={d="3"}}}"#
        );
        assert_eq!(table(&Faults::new()), "{}");
    }
}
