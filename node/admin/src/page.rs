//! One page of a list as Kong writes it: `data`, `next`, and `offset` where there is more.

use crate::query::escape;
use serde_json::{Map, Value, json};
use troop_catalog::Page;
use troop_schema::Record;

/// Where the next page is.
#[derive(Debug)]
pub struct Link {
    path: String,
    rest: String,
}

impl Link {
    /// Pages of this path.
    pub fn to(path: String) -> Self {
        Link {
            path,
            rest: String::new(),
        }
    }

    /// Carries an argument over, if it was given.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.rest.push_str(&format!("&{name}={}", escape(value)));
        }
        self
    }

    /// The page as a document.
    pub fn document(&self, page: Page) -> Value {
        Value::Object(self.wrap(page.data, page.offset))
    }

    /// Rows of any kind as a page.
    pub fn wrap(&self, rows: Vec<Record>, offset: Option<String>) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("data".into(), rows.into_iter().map(Value::Object).collect());
        document.insert(
            "next".into(),
            json!(offset.as_deref().map(|offset| self.next(offset))),
        );
        if let Some(offset) = offset {
            document.insert("offset".into(), Value::String(offset));
        }
        document
    }

    fn next(&self, offset: &str) -> String {
        format!("{}?offset={}{}", self.path, escape(offset), self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_a_null_next_and_no_offset() {
        let page = Link::to("/services".into()).wrap(Vec::new(), None);
        assert_eq!(Value::Object(page), json!({"data": [], "next": null}));
    }

    #[test]
    fn next_carries_offset_then_tags_then_size() {
        let link = Link::to("/services".into())
            .with("tags", Some("a,b c"))
            .with("size", Some("2"));
        let page = link.wrap(Vec::new(), Some("WyJh/+".into()));
        assert_eq!(page["next"], "/services?offset=WyJh%2F%2B&tags=a%2Cb%20c&size=2");
        assert_eq!(page["offset"], "WyJh/+");
    }
}
