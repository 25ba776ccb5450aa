//! Paths to lines: where in a text a fault is.
//!
//! The map is drawn when somebody is lost, not before. A document without faults costs nothing for its positions; one with
//! faults is read once more, and each wanted path is noted as deep as the text knows it.
//!
//! The catch: what came through an alias or `<<` has no line of its own; the place that took it over is told. JSON is read as
//! YAML here, which it nearly is; where it is not, there are no positions.

use super::yaml;
use crate::path::{Path, Position};

/// The position of each path, or of as much of it as the text has.
pub(crate) fn locate(text: &str, wanted: &[Path]) -> Vec<Option<Position>> {
    let mut found: Vec<Option<(usize, Position)>> = vec![None; wanted.len()];
    let mut observe = |path: &Path, position: Position| {
        for (wanted, found) in wanted.iter().zip(&mut found) {
            let deeper = found.is_none_or(|(depth, _)| depth < path.depth());
            if deeper && wanted.steps().starts_with(path.steps()) {
                *found = Some((path.depth(), position));
            }
        }
    };
    // What was noted up to where the text stops being YAML is still right.
    let _read_as_far_as_it_goes = yaml::read(text, &mut observe);
    found
        .into_iter()
        .map(|found| found.map(|(_, position)| position))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, path: Path, wanted: Option<(usize, usize)>) {
        let found = locate(text, std::slice::from_ref(&path))[0].map(|at| (at.line, at.column));
        assert_eq!(found, wanted, "{path}");
    }

    #[test]
    fn a_path_is_found_as_deep_as_the_text_goes() {
        let text = "services:\n- name: a\n- name: b\n  port: x\n";
        let second = Path::root().key("services").index(1);
        check(text, second.key("port"), Some((4, 3)));
        check(text, second.key("host"), Some((3, 3)));
        check(text, Path::root().key("routes"), None);
    }

    #[test]
    fn json_has_lines_too() {
        let text = "{\n  \"a\": [\n    {\"b\": 1}\n  ]\n}";
        check(text, Path::root().key("a").index(0).key("b"), Some((3, 6)));
    }
}
