//! The request as the handlers see it: the head that arrived with the wishes of earlier handlers on top.

use crate::{body::BodySource, edit::Edits, head::Head};
use http::{HeaderName, HeaderValue, Method};

/// What handlers want sent to the peer in place of what the client sent.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Fields.
    pub headers: Edits,
    /// Another query, without its question mark; an empty one leaves the question mark out.
    pub query: Option<String>,
    /// Another path, in place of what route and service make of the client's.
    pub path: Option<String>,
    /// Another method.
    pub method: Option<Method>,
    /// Another `Host`, whatever route and service say.
    pub host: Option<HeaderValue>,
}

/// The request of an exchange.
pub struct Request<'a> {
    head: &'a dyn Head,
    body: &'a mut dyn BodySource,
    wishes: Wishes,
}

impl<'a> Request<'a> {
    /// The request as it arrived.
    pub fn new(head: &'a dyn Head, body: &'a mut dyn BodySource) -> Self {
        Request::with_wishes(head, body, Wishes::default())
    }

    /// The request with the wishes of an earlier phase.
    pub fn with_wishes(head: &'a dyn Head, body: &'a mut dyn BodySource, wishes: Wishes) -> Self {
        Request { head, body, wishes }
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
        match &self.wishes.query {
            Some(query) => query,
            None => self.head.target().split_once('?').map_or("", |(_, query)| query),
        }
    }

    /// Sends the peer another query; an empty one leaves the question mark out.
    pub fn set_query(&mut self, query: String) {
        self.wishes.query = Some(query);
    }

    /// Asks the peer for another path. It must begin with a slash and be encoded as it is to be sent.
    pub fn set_path(&mut self, path: String) {
        self.wishes.path = Some(path);
    }

    /// Asks the peer with another method.
    pub fn set_method(&mut self, method: Method) {
        self.wishes.method = Some(method);
    }

    /// Asks the peer for another host.
    pub fn set_host(&mut self, host: HeaderValue) {
        self.wishes.host = Some(host);
    }

    /// The first value of a field, with a lower-case name.
    pub fn header(&self, name: &str) -> Option<Vec<u8>> {
        if !self.wishes.headers.touches(name) {
            return self.head.first(name).map(<[u8]>::to_vec);
        }
        let mut first = None;
        self.wishes.headers.each_of(self.head, name, &mut |value| {
            _ = first.get_or_insert_with(|| value.to_vec())
        });
        first
    }

    /// Whether a field is there at all.
    pub fn has_header(&self, name: &str) -> bool {
        if !self.wishes.headers.touches(name) {
            return self.head.first(name).is_some();
        }
        let mut found = false;
        self.wishes
            .headers
            .each_of(self.head, name, &mut |_| found = true);
        found
    }

    /// Calls `visit` for each value of a field.
    pub fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.wishes.headers.each_of(self.head, name, visit);
    }

    /// Calls `visit` for the name of each field that was wished for or away.
    pub fn each_wish(&self, visit: &mut dyn FnMut(&HeaderName)) {
        self.wishes.headers.each_name(visit);
    }

    /// The head as it arrived, without the wishes.
    pub fn arrived(&self) -> &'a dyn Head {
        self.head
    }

    /// Sends the peer exactly this value.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.wishes.headers.set(name, value);
    }

    /// Sends the peer this value too.
    pub fn add_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.wishes.headers.add(name, value);
    }

    /// Sends the peer no such field.
    pub fn remove_header(&mut self, name: HeaderName) {
        self.wishes.headers.remove(name);
    }

    /// The body.
    pub fn body(&mut self) -> &mut dyn BodySource {
        self.body
    }

    /// What the handlers wished.
    pub fn into_wishes(self) -> Wishes {
        self.wishes
    }
}
