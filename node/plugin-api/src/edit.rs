//! The slip of paper: what handlers want changed in a head.
//!
//! Wishes are noted in order and carried out once, when the head leaves. Until then a reader sees the head *as if*
//! they were carried out already, so that a later plugin sees what an earlier one did.

use crate::head::Head;
use http::{HeaderName, HeaderValue};

/// One wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Exactly this value, whatever was there.
    Set(HeaderName, HeaderValue),
    /// This value too.
    Add(HeaderName, HeaderValue),
    /// No such field.
    Remove(HeaderName),
}

impl Edit {
    /// The field it is about.
    pub fn name(&self) -> &HeaderName {
        match self {
            Edit::Set(name, _) | Edit::Add(name, _) | Edit::Remove(name) => name,
        }
    }
}

/// Wishes in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(Vec<Edit>);

/// Who wishes one thing wishes several: room is made for as many at once.
const ROOM: usize = 8;

impl Edits {
    /// Exactly this value, whatever was there.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.note(Edit::Set(name, value));
    }

    /// One more value.
    pub fn add(&mut self, name: HeaderName, value: HeaderValue) {
        self.note(Edit::Add(name, value));
    }

    /// No such field.
    pub fn remove(&mut self, name: HeaderName) {
        self.note(Edit::Remove(name));
    }

    fn note(&mut self, edit: Edit) {
        if self.0.is_empty() {
            self.0.reserve(ROOM);
        }
        self.0.push(edit);
    }

    /// Whether nobody wished anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The wishes, to be carried out.
    pub fn take(&mut self) -> Vec<Edit> {
        std::mem::take(&mut self.0)
    }

    /// Calls `visit` for each value that `name` has once the wishes are carried out on `head`.
    pub fn each_of(&self, head: &dyn Head, name: &str, visit: &mut dyn FnMut(&[u8])) {
        let from = self.0.iter().rposition(|edit| {
            edit.name().as_str() == name && matches!(edit, Edit::Set(..) | Edit::Remove(_))
        });
        if from.is_none() {
            head.each_of(name, visit);
        }
        for edit in &self.0[from.unwrap_or(0)..] {
            match edit {
                Edit::Set(own, value) | Edit::Add(own, value) if own.as_str() == name => {
                    visit(value.as_bytes())
                }
                _ => {}
            }
        }
    }

    /// Calls `visit` for the field of each wish.
    pub fn each_name(&self, visit: &mut dyn FnMut(&HeaderName)) {
        self.0.iter().for_each(|edit| visit(edit.name()));
    }

    /// Whether any wish is about `name`.
    pub fn touches(&self, name: &str) -> bool {
        self.0.iter().any(|edit| edit.name().as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fields(&'static [(&'static str, &'static str)]);

    impl Head for Fields {
        fn method(&self) -> &str {
            ""
        }
        fn target(&self) -> &str {
            ""
        }
        fn first(&self, name: &str) -> Option<&[u8]> {
            self.0.iter().find(|f| f.0 == name).map(|f| f.1.as_bytes())
        }
        fn each_of(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
            self.0
                .iter()
                .filter(|f| f.0 == name)
                .for_each(|f| visit(f.1.as_bytes()));
        }
        fn each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
            self.0.iter().for_each(|f| visit(f.0, f.1.as_bytes()));
        }
    }

    fn check(edit: impl FnOnce(&mut Edits), expected: &[&str]) {
        let head = Fields(&[("x", "1"), ("y", "0"), ("x", "2")]);
        let mut edits = Edits::default();
        edit(&mut edits);
        let mut seen = Vec::new();
        edits.each_of(&head, "x", &mut |v| {
            seen.push(String::from_utf8_lossy(v).into_owned())
        });
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_reader_sees_the_head_as_if_the_wishes_were_carried_out() {
        let x = || HeaderName::from_static("x");
        let v = HeaderValue::from_static;
        check(|_| {}, &["1", "2"]);
        check(|e| e.remove(x()), &[]);
        check(|e| e.set(x(), v("3")), &["3"]);
        check(|e| e.add(x(), v("3")), &["1", "2", "3"]);
        check(
            |e| {
                e.add(x(), v("3"));
                e.set(x(), v("4"));
                e.add(x(), v("5"));
                e.remove(HeaderName::from_static("y"));
            },
            &["4", "5"],
        );
    }
}
