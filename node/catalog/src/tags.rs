//! Finding records by their tags: all of some, or any of some.
//!
//! Each tag has a list of ids in order. *Any* merges up to five lists, *all* lets them leap over each other: the list that is
//! behind jumps to where the others are. Both stop when the page is full and touch no id before its beginning.

use crate::{layout, problem::Problem};
use troop_txn::ReadView;
use uuid::Uuid;

/// Kong: more are refused.
const TAGS_MAX: usize = 5;

/// Which tags a record must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagFilter {
    /// All of them.
    All(Vec<String>),
    /// One at least.
    Any(Vec<String>),
}

impl TagFilter {
    /// Reads `a,b` (all) or `a/b` (any), percent-decoded.
    ///
    /// # Errors
    /// [`Problem::Option`] when it is empty, mixed, too long or no text.
    pub fn parse(query: &[u8]) -> Result<Self, Problem> {
        let problem = |text| Problem::Option { option: "tags", text };
        if query.is_empty() {
            return Err(problem("cannot be null"));
        }
        let bad = || problem("invalid filter syntax");
        let text = std::str::from_utf8(query).map_err(|_| bad())?;
        let all = text.contains(',');
        let mixed = all && text.contains('/');
        let tags: Vec<String> = text.split([',', '/']).map(str::to_owned).collect();
        if mixed
            || tags
                .iter()
                .any(|tag| tag.is_empty() || tag.chars().any(|c| c.is_ascii_control()))
        {
            return Err(bad());
        }
        if tags.len() > TAGS_MAX {
            return Err(problem("cannot query more than 5 tags"));
        }
        Ok(if all {
            TagFilter::All(tags)
        } else {
            TagFilter::Any(tags)
        })
    }

    /// Up to `limit` ids after `after`, in order.
    pub(crate) fn ids(
        &self,
        view: &dyn ReadView,
        entity: &str,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, Problem> {
        match self {
            TagFilter::Any(tags) => any(view, entity, tags, after, limit),
            TagFilter::All(tags) => all(view, entity, tags, after, limit),
        }
    }
}

fn list(
    view: &dyn ReadView,
    entity: &str,
    tag: &str,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Uuid>, Problem> {
    let after = after.map(|id| layout::tag_card(entity, tag, id.as_bytes()));
    let rows = view.scan(&layout::tagged(entity, tag), after.as_ref(), limit)?;
    Ok(rows.iter().filter_map(|(key, _)| layout::tail_id(key)).collect())
}

fn any(
    view: &dyn ReadView,
    entity: &str,
    tags: &[String],
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Uuid>, Problem> {
    let mut ids = Vec::new();
    for tag in tags {
        ids.extend(list(view, entity, tag, after, limit)?);
    }
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(limit);
    Ok(ids)
}

fn all(
    view: &dyn ReadView,
    entity: &str,
    tags: &[String],
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Uuid>, Problem> {
    let mut ids = Vec::new();
    let mut behind = after;
    while ids.len() < limit {
        let Some(id) = next_common(view, entity, tags, behind)? else {
            break;
        };
        ids.push(id);
        behind = Some(id);
    }
    Ok(ids)
}

/// The first id after `after` that is on every list.
fn next_common(
    view: &dyn ReadView,
    entity: &str,
    tags: &[String],
    after: Option<Uuid>,
) -> Result<Option<Uuid>, Problem> {
    let mut behind = after;
    let mut candidate = None;
    let mut agreeing = 0;
    for tag in tags.iter().cycle() {
        let Some(id) = list(view, entity, tag, behind, 1)?.first().copied() else {
            return Ok(None);
        };
        agreeing = if candidate == Some(id) { agreeing + 1 } else { 1 };
        if agreeing == tags.len() {
            return Ok(Some(id));
        }
        candidate = Some(id);
        behind = id.as_u128().checked_sub(1).map(Uuid::from_u128);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &[u8], wanted: Result<TagFilter, &str>) {
        let got = TagFilter::parse(query).map_err(|problem| problem.message());
        let wanted = wanted.map_err(|text| format!("invalid option (tags: {text})"));
        assert_eq!(got, wanted, "{}", query.escape_ascii());
    }

    #[test]
    fn commas_mean_all_and_slashes_mean_any() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        check(b"a,b", Ok(TagFilter::All(words("a b"))));
        check(b"a/b", Ok(TagFilter::Any(words("a b"))));
        check(b"a", Ok(TagFilter::Any(words("a"))));
    }

    #[test]
    fn bad_filters_are_told_apart() {
        check(b"", Err("cannot be null"));
        for bad in [&b"a,b/c"[..], b"a,,b", b",", b"/", b"\xff", b"a\nb"] {
            check(bad, Err("invalid filter syntax"));
        }
        check(b"a,b,c,d,e,f", Err("cannot query more than 5 tags"));
        check(b"a/b/c/d/e/f", Err("cannot query more than 5 tags"));
    }
}
