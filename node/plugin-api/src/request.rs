//! The request as the handlers see it: the head that arrived with the wishes of earlier handlers on top.

use crate::{body::BodySource, edit::Edits, head::Head};
use http::{HeaderName, HeaderValue};

/// The request of an exchange.
pub struct Request<'a> {
    head: &'a dyn Head,
    body: &'a mut dyn BodySource,
    headers: Edits,
    query: Option<String>,
}

impl<'a> Request<'a> {
    /// The request as it arrived.
    pub fn new(head: &'a dyn Head, body: &'a mut dyn BodySource) -> Self {
        Request {
            head,
            body,
            headers: Edits::default(),
            query: None,
        }
    }

    /// The request with the wishes of an earlier phase.
    pub fn with_wishes(
        head: &'a dyn Head,
        body: &'a mut dyn BodySource,
        headers: Edits,
        query: Option<String>,
    ) -> Self {
        Request {
            head,
            body,
            headers,
            query,
        }
    }

    /// The method as sent.
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// The path as sent, without the query.
    pub fn raw_path(&self) -> &str {
        let target = self.head.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// The query without its question mark; empty when there is none.
    pub fn query(&self) -> &str {
        match &self.query {
            Some(query) => query,
            None => self.head.target().split_once('?').map_or("", |(_, query)| query),
        }
    }

    /// Sends the peer another query; an empty one leaves the question mark out.
    pub fn set_query(&mut self, query: String) {
        self.query = Some(query);
    }

    /// The first value of a field, with a lower-case name.
    pub fn header(&self, name: &str) -> Option<Vec<u8>> {
        if !self.headers.touches(name) {
            return self.head.first(name).map(<[u8]>::to_vec);
        }
        let mut first = None;
        self.headers.each_of(self.head, name, &mut |value| {
            _ = first.get_or_insert_with(|| value.to_vec())
        });
        first
    }

    /// Whether a field is there at all.
    pub fn has_header(&self, name: &str) -> bool {
        if !self.headers.touches(name) {
            return self.head.first(name).is_some();
        }
        let mut found = false;
        self.headers.each_of(self.head, name, &mut |_| found = true);
        found
    }

    /// Calls `visit` for each value of a field.
    pub fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.headers.each_of(self.head, name, visit);
    }

    /// The head as it arrived, without the wishes.
    pub fn arrived(&self) -> &'a dyn Head {
        self.head
    }

    /// Sends the peer exactly this value.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.set(name, value);
    }

    /// Sends the peer no such field.
    pub fn remove_header(&mut self, name: HeaderName) {
        self.headers.remove(name);
    }

    /// The body.
    pub fn body(&mut self) -> &mut dyn BodySource {
        self.body
    }

    /// What the handlers wished: fields, and the query if it is another one.
    pub fn into_wishes(self) -> (Edits, Option<String>) {
        (self.headers, self.query)
    }
}
