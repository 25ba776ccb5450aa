//! The head of the response as the handlers of `header_filter` see it.

use crate::{edit::Edits, head::Head, identity::Identity, log::Source};
use http::{HeaderName, HeaderValue};

/// The response of an exchange, its body still to come.
pub struct Response<'a> {
    status: u16,
    source: Source,
    head: &'a dyn Head,
    request: &'a dyn Head,
    identity: Option<&'a Identity>,
    headers: Edits,
    replaced: bool,
}

/// What handlers want of a response.
#[derive(Debug)]
pub struct ResponseWishes {
    /// Its status.
    pub status: u16,
    /// Its fields.
    pub headers: Edits,
    /// Whether it is sent without the body it had.
    pub replaced: bool,
}

impl<'a> Response<'a> {
    /// The response as it came from the peer, or as the gateway made it.
    pub fn new(status: u16, source: Source, head: &'a dyn Head, request: &'a dyn Head) -> Self {
        Response {
            status,
            source,
            head,
            request,
            identity: None,
            headers: Edits::default(),
            replaced: false,
        }
    }

    /// The response to a client who is known.
    #[must_use]
    pub fn to(mut self, identity: Option<&'a Identity>) -> Self {
        self.identity = identity;
        self
    }

    /// The head of the request as it arrived.
    pub fn request(&self) -> &'a dyn Head {
        self.request
    }

    /// Who the client was.
    pub fn identity(&self) -> Option<&'a Identity> {
        self.identity
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Sends the client another status.
    pub fn set_status(&mut self, status: u16) {
        self.status = status;
    }

    /// Sends the client an empty answer with this status in its place; fields that were wished for stay.
    pub fn answer_instead(&mut self, status: u16) {
        self.status = status;
        self.replaced = true;
    }

    /// Who made it.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Calls `visit` for each value of a field.
    pub fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.headers.each_of(self.head, name, visit);
    }

    /// Sends the client exactly this value.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.set(name, value);
    }

    /// Sends the client this value too.
    pub fn add_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.add(name, value);
    }

    /// Sends the client no such field.
    pub fn remove_header(&mut self, name: HeaderName) {
        self.headers.remove(name);
    }

    /// What the handlers wished.
    pub fn into_wishes(self) -> ResponseWishes {
        ResponseWishes {
            status: self.status,
            headers: self.headers,
            replaced: self.replaced,
        }
    }
}
