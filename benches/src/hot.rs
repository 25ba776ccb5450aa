//! Where the instructions of a dump were spent: by function, and by whose source the line stands in.
//!
//! After inlining, a function's own instructions belong to many authors; the second table asks each instruction for the file of its
//! source line and so sees through that. `callgrind_annotate` would do, but loses the functions of a thread that was already
//! running when counting began.
//!
//! The format: `fn=(7) name` opens a function, later only `fn=(7)`; `fl`, `fi` and `fe` do the same for files; a line of numbers is a
//! place and its cost; the line behind `calls=` is the cost of the callee and is not the function's own.

use std::{collections::HashMap, fmt::Write};

/// Rows of each table.
const ROWS_MAX: usize = 40;

/// Own instructions by name.
#[derive(Debug, Default)]
pub struct Hot {
    functions: HashMap<String, u64>,
    owners: HashMap<String, u64>,
    total: u64,
}

/// Names that stand in full only once.
#[derive(Debug, Default)]
struct Names(HashMap<String, String>);

impl Names {
    /// `(7) name` or `(7)`, in full.
    fn resolve(&mut self, text: &str) -> String {
        let (id, name) = text.split_once(' ').unwrap_or((text, ""));
        if name.is_empty() {
            return self.0.get(id).cloned().unwrap_or_else(|| id.to_owned());
        }
        self.0.insert(id.to_owned(), name.to_owned());
        name.to_owned()
    }
}

impl Hot {
    /// Reads a dump.
    pub fn of(dump: &str) -> Self {
        let (mut functions, mut files) = (Names::default(), Names::default());
        let (mut function, mut owner) = (String::new(), String::new());
        let mut hot = Hot::default();
        let mut lines = dump.lines();
        while let Some(line) = lines.next() {
            match line.split_once('=') {
                Some(("fn", text)) => function = functions.resolve(text),
                Some(("cfn", text)) => drop(functions.resolve(text)),
                Some(("fl" | "fi" | "fe", text)) => owner = owner_of(&files.resolve(text)),
                Some(("cfi" | "cfl", text)) => drop(files.resolve(text)),
                Some(("calls", _)) => drop(lines.next()),
                _ => hot.add(&function, &owner, line),
            }
        }
        hot
    }

    fn add(&mut self, function: &str, owner: &str, line: &str) {
        let is_cost = line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c));
        let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok());
        let (true, Some(cost)) = (is_cost, cost) else {
            return;
        };
        self.total += cost;
        *self.functions.entry(function.to_owned()).or_default() += cost;
        *self.owners.entry(owner.to_owned()).or_default() += cost;
    }

    /// Both tables; counts are divided by the number of `requests`.
    pub fn tables(&self, requests: usize) -> String {
        let mut out = String::new();
        for (title, costs) in [("source", &self.owners), ("function", &self.functions)] {
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "| {title} | instructions per request | share |\n|---|---|---|"
            );
            let mut rows: Vec<_> = costs.iter().collect();
            rows.sort_by_key(|(name, cost)| (std::cmp::Reverse(**cost), name.as_str()));
            for (name, cost) in rows.into_iter().take(ROWS_MAX) {
                let share = 100.0 * *cost as f64 / self.total as f64;
                let _ = writeln!(
                    out,
                    "| {name} | {:.0} | {share:.1} % |",
                    *cost as f64 / requests as f64
                );
            }
            out.push('\n');
        }
        out
    }
}

/// Our file, a dependency's name, or the library it belongs to.
fn owner_of(file: &str) -> String {
    if let Some((_, below)) = file.split_once("/registry/src/") {
        let package = below.split('/').nth(1).unwrap_or(below);
        return package.to_owned();
    }
    if file.contains("/library/") {
        return "std".to_owned();
    }
    for part in ["node/", "raft-store/", "proto/"] {
        if let Some(at) = file.find(part) {
            return file[at..].to_owned();
        }
    }
    file.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "\
fl=(1) /home/x/.cargo/registry/src/index/hyper-1.0.0/src/a.rs
fn=(1) outer
10 5
fi=(2) /rustc/1/library/core/src/b.rs
+1 7
fe=(1)
cfn=(2) inner
calls=3 40
12 1000
fn=(2)
* 30
totals: 42
";

    #[test]
    fn calls_are_not_a_functions_own() {
        let hot = Hot::of(DUMP);
        assert_eq!(hot.total, 42);
        assert_eq!((hot.functions["outer"], hot.functions["inner"]), (12, 30));
    }

    #[test]
    fn inlined_lines_belong_to_their_author() {
        let hot = Hot::of(DUMP);
        assert_eq!((hot.owners["hyper-1.0.0"], hot.owners["std"]), (35, 7));
    }

    #[test]
    fn our_files_are_named_from_the_root() {
        assert_eq!(
            owner_of("/work/x/node/gateway/src/door.rs"),
            "node/gateway/src/door.rs"
        );
        assert_eq!(owner_of("node/gateway/src/door.rs"), "node/gateway/src/door.rs");
    }

    #[test]
    fn the_tables_start_with_the_costliest() {
        let tables = Hot::of(DUMP).tables(2);
        let rows: Vec<_> = tables.lines().filter(|line| line.contains('%')).collect();
        assert_eq!(rows[0], "| hyper-1.0.0 | 18 | 83.3 % |");
        assert_eq!(rows[2], "| inner | 15 | 71.4 % |");
    }
}
