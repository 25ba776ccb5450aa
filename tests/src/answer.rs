//! What came back over a connection: status, headers, body.

use serde_json::Value;

/// One HTTP response, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers as sent, in order.
    pub headers: Vec<(String, String)>,
    /// Its body, without any framing.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name, in any spelling.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A header that must be there.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn must(&self, name: &str) -> &str {
        match self.header(name) {
            Some(value) => value,
            None => panic!("no header {name} in {self:?}"),
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in the body of {} {:?}", self.status, self.text()),
        }
    }

    /// Itself, if it has this status.
    ///
    /// # Panics
    /// When it has another.
    #[track_caller]
    pub fn expecting(self, status: u16) -> Self {
        assert!(
            self.status == status,
            "expected {status}, got {}: {} {:?}",
            self.status,
            self.text(),
            self.headers
        );
        self
    }

    /// The revision the node names.
    ///
    /// # Panics
    /// When it names none.
    #[track_caller]
    pub fn revision(&self) -> u64 {
        let text = self.must("X-Troop-Revision");
        match text.parse() {
            Ok(revision) => revision,
            Err(_) => panic!("X-Troop-Revision: {text} is no revision"),
        }
    }
}
