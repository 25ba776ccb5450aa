//! The fields of a request as its peer gets them: what the client sent, and over it the slip with what handlers wished.
//!
//! A sheet of glass with corrections on a typed page: looked at from above it reads as if the page had been typed anew, and no page is
//! typed anew. Copying the client's head to carry out four wishes on the copy costs more than all the rest about them.
//!
//! The catch is that looking for a field by name means looking at the glass first. The slip is short (what a few plugins were configured to
//! say), so it is read from end to end.

use http::{HeaderMap, HeaderName, HeaderValue};
use troop_plugin_api::Edit;

/// The fields.
#[derive(Clone, Copy)]
pub(crate) struct Edited<'a> {
    arrived: &'a HeaderMap,
    wishes: &'a [Edit],
}

impl<'a> Edited<'a> {
    /// These, with the wishes carried out in order.
    pub fn new(arrived: &'a HeaderMap, wishes: &'a [Edit]) -> Self {
        Edited { arrived, wishes }
    }

    /// Those that arrived, as they are.
    pub fn arrived(headers: &'a HeaderMap) -> Self {
        Edited::new(headers, &[])
    }

    /// About how many there are.
    pub fn len(&self) -> usize {
        self.arrived.len() + self.wishes.len()
    }

    /// Calls `visit` for each field: those that arrived in their order, then those that were wished.
    pub fn each(&self, mut visit: impl FnMut(&'a HeaderName, &'a HeaderValue)) {
        if self.wishes.is_empty() {
            self.arrived.iter().for_each(|(name, value)| visit(name, value));
            return;
        }
        for (name, value) in self.arrived {
            if !replaced(self.wishes, name.as_str()) {
                visit(name, value);
            }
        }
        for (at, wish) in self.wishes.iter().enumerate() {
            if let Edit::Set(name, value) | Edit::Add(name, value) = wish
                && !replaced(&self.wishes[at + 1..], name.as_str())
            {
                visit(name, value);
            }
        }
    }

    /// The first value of a field, with a lower-case name.
    pub fn first(&self, name: &str) -> Option<&'a HeaderValue> {
        let mut first = None;
        self.each_of(name, |value| _ = first.get_or_insert(value));
        first
    }

    /// All values of a field, with a lower-case name.
    pub fn all(&self, name: &str) -> Vec<&'a HeaderValue> {
        let mut all = Vec::new();
        self.each_of(name, |value| all.push(value));
        all
    }

    /// Calls `visit` for each value of a field, with a lower-case name.
    pub fn each_of(&self, name: &str, mut visit: impl FnMut(&'a HeaderValue)) {
        let last = self.wishes.iter().rposition(|wish| replaces(wish, name));
        if last.is_none() {
            self.arrived.get_all(name).iter().for_each(&mut visit);
        }
        for wish in &self.wishes[last.unwrap_or(0)..] {
            match wish {
                Edit::Set(own, value) | Edit::Add(own, value) if own.as_str() == name => visit(value),
                _ => {}
            }
        }
    }
}

/// Whether a wish puts something in the place of what was there under a name.
fn replaces(wish: &Edit, name: &str) -> bool {
    matches!(wish, Edit::Set(own, _) | Edit::Remove(own) if own.as_str() == name)
}

fn replaced(wishes: &[Edit], name: &str) -> bool {
    wishes.iter().any(|wish| replaces(wish, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &'static str) -> HeaderName {
        HeaderName::from_static(name)
    }

    fn check(wishes: &[Edit], expected: &[(&str, &str)]) {
        let mut arrived = HeaderMap::new();
        for (field, value) in [("a", "1"), ("b", "2"), ("b", "3")] {
            arrived.append(name(field), HeaderValue::from_static(value));
        }
        let edited = Edited::new(&arrived, wishes);
        let mut seen = Vec::new();
        edited.each(|name, value| seen.push((name.as_str(), value.to_str().expect("text"))));
        assert_eq!(seen, expected);

        for field in ["a", "b", "c"] {
            let own = expected.iter().filter(|(name, _)| *name == field);
            let own: Vec<&str> = own.map(|(_, value)| *value).collect();
            assert_eq!(edited.all(field), own, "{field}");
            assert_eq!(edited.first(field), edited.all(field).first().copied(), "{field}");
        }
    }

    #[test]
    fn fields_read_as_if_the_wishes_had_been_carried_out() {
        let v = HeaderValue::from_static;
        check(&[], &[("a", "1"), ("b", "2"), ("b", "3")]);
        check(&[Edit::Set(name("b"), v("4"))], &[("a", "1"), ("b", "4")]);
        check(
            &[Edit::Add(name("b"), v("4")), Edit::Add(name("c"), v("5"))],
            &[("a", "1"), ("b", "2"), ("b", "3"), ("b", "4"), ("c", "5")],
        );
        check(
            &[
                Edit::Add(name("c"), v("5")),
                Edit::Remove(name("c")),
                Edit::Remove(name("a")),
            ],
            &[("b", "2"), ("b", "3")],
        );
        check(
            &[
                Edit::Remove(name("b")),
                Edit::Add(name("b"), v("6")),
                Edit::Set(name("a"), v("7")),
                Edit::Set(name("a"), v("8")),
                Edit::Add(name("a"), v("9")),
            ],
            &[("b", "6"), ("a", "8"), ("a", "9")],
        );
    }
}
