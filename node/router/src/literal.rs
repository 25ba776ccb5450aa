//! The text every match of a regex must begin with.
//!
//! `/users/(\d+)/posts` can only match paths that start with `/users/`, so the route may be filed
//! under that prefix next to plain paths, and the regex itself is run on the few requests that
//! get there. Without this, a thousand regex routes would mean a thousand regex runs per request.
//!
//! The catch: `/a|/b` has no common beginning, and because the anchor in front of the pattern
//! binds to its first branch only, the second branch may match anywhere. Such a pattern is filed
//! under the empty prefix, which every path has: correct, only slower.

use regex_syntax::hir::{Hir, HirKind, Look};

/// The longest known beginning of every text that `pattern` matches; empty when there is none.
pub(crate) fn literal_prefix(pattern: &str) -> Vec<u8> {
    let mut prefix = Vec::new();
    if let Ok(hir) = regex_syntax::parse(pattern)
        && hir.properties().look_set_prefix().contains(Look::Start)
    {
        collect(&hir, &mut prefix);
    }
    prefix
}

/// Appends the literal that `hir` starts with; true when `hir` is nothing but that literal, so
/// that the literal goes on in what follows.
fn collect(hir: &Hir, prefix: &mut Vec<u8>) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Look(Look::Start) => prefix.is_empty(),
        HirKind::Literal(literal) => {
            prefix.extend_from_slice(&literal.0);
            true
        }
        HirKind::Capture(group) => collect(&group.sub, prefix),
        HirKind::Concat(parts) => parts.iter().all(|part| collect(part, prefix)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expected: &str) {
        assert_eq!(
            String::from_utf8_lossy(&literal_prefix(pattern)),
            expected,
            "{pattern}"
        );
    }

    #[test]
    fn the_literal_ends_where_choice_begins() {
        check("^/users/(?<id>\\d+)/posts", "/users/");
        check("^/users$", "/users");
        check("^/(?<kind>users)/x", "/users/x");
        check("^/c+", "/");
        check("^/ü/x?", "/ü/");
        check("^/a(b|c)", "/a");
    }

    #[test]
    fn a_pattern_that_may_match_anywhere_has_no_prefix() {
        check("^/a|/b", "");
        check("/a", "");
        check("^(?i)/a", "/");
        check("^", "");
        check("(", "");
    }
}
