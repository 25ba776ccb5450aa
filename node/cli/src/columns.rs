//! Tables for people: columns as wide as their widest cell, two spaces between.
//!
//! Numbers end at the same place, words start at the same place; nothing is cut, because half an id is
//! worse than a long line.

use serde_json::Value;

/// A column: its heading and the member of each row that fills it.
pub(crate) type Column = (&'static str, &'static str);

/// The rows (JSON objects) as a table with headings.
pub(crate) fn render(columns: &[Column], rows: &[Value]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|(_, member)| cell(row.get(*member))).collect())
        .collect();
    let is_number = |index: usize| {
        let member = columns[index].1;
        !rows.is_empty()
            && rows
                .iter()
                .all(|row| row.get(member).is_some_and(Value::is_number))
    };
    let layout: Vec<(usize, bool)> = (0..columns.len())
        .map(|index| {
            let widths = cells.iter().map(|row| row[index].chars().count());
            (
                widths.max().unwrap_or(0).max(columns[index].0.len()),
                is_number(index),
            )
        })
        .collect();
    let headings: Vec<String> = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    std::iter::once(&headings)
        .chain(&cells)
        .map(|row| line(row, &layout))
        .collect()
}

fn line(row: &[String], layout: &[(usize, bool)]) -> String {
    let padded = row.iter().zip(layout).map(|(cell, &(width, number))| {
        if number {
            format!("{cell:>width$}")
        } else {
            format!("{cell:<width$}")
        }
    });
    let joined = padded.collect::<Vec<_>>().join("  ");
    format!("{}\n", joined.trim_end())
}

/// A JSON value as a person would write it.
pub(crate) fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_end_together() {
        let rows = [
            json!({"id": "a", "lag": 5}),
            json!({"id": "bcdef", "lag": 12345, "more": true}),
        ];
        let table = render(&[("ID", "id"), ("LAG", "lag"), ("MORE", "more")], &rows);
        assert_eq!(table, "ID       LAG  MORE\na          5  -\nbcdef  12345  yes\n");
    }

    #[test]
    fn without_rows_there_are_headings() {
        assert_eq!(render(&[("ID", "id"), ("NAME", "name")], &[]), "ID  NAME\n");
    }
}
