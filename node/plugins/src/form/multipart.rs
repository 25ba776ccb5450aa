//! `multipart/form-data`: parts between boundaries.
//!
//! Parts that nobody touches keep their bytes, so that a file inside of a form survives a change of the field beside it.

use bytes::Bytes;

/// The parts between the boundaries, each kept with its own head.
#[derive(Debug, PartialEq)]
pub(crate) struct Multipart {
    boundary: String,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
struct Part {
    name: Option<String>,
    /// Head and body as they came, without the line end before the next boundary.
    raw: Vec<u8>,
    body_at: usize,
}

impl Part {
    fn read(raw: &[u8]) -> Option<Part> {
        let body_at = find(raw, b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&raw[..body_at]);
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim()
                .eq_ignore_ascii_case("content-disposition")
                .then_some(value)
        });
        Some(Part {
            name: disposition.and_then(|d| parameter(d, "name")),
            raw: raw.to_vec(),
            body_at,
        })
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw[self.body_at..]).into_owned()
    }
}

impl Multipart {
    /// The parts of a body of this type.
    pub fn read(content_type: &str, body: &[u8]) -> Option<Multipart> {
        let boundary = parameter(content_type, "boundary").filter(|b| !b.is_empty())?;
        let delimiter = format!("--{boundary}");
        let mut rest = &body[find(body, delimiter.as_bytes())? + delimiter.len()..];
        let mut parts = Vec::new();
        while let Some(part) = rest.strip_prefix(b"\r\n") {
            let end = find(part, format!("\r\n{delimiter}").as_bytes())?;
            parts.push(Part::read(&part[..end])?);
            rest = &part[end + 2 + delimiter.len()..];
        }
        Some(Multipart { boundary, parts })
    }

    /// Names and texts of all parts that have a name.
    pub fn fields(&self) -> impl Iterator<Item = (String, String)> {
        self.parts
            .iter()
            .filter_map(|p| Some((p.name.clone()?, p.text())))
    }

    /// The texts of the parts of that name.
    pub fn values(&self, name: &str) -> Vec<String> {
        let named = self.parts.iter().filter(|p| p.name.as_deref() == Some(name));
        named.map(Part::text).collect()
    }

    /// Removes the parts of that name.
    pub fn remove(&mut self, name: &str) {
        self.parts.retain(|part| part.name.as_deref() != Some(name));
    }

    /// One part of that name, holding this text.
    pub fn set(&mut self, name: &str, text: &str) {
        self.remove(name);
        let head = format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        self.parts.push(Part {
            name: Some(name.to_owned()),
            body_at: head.len(),
            raw: (head + text).into_bytes(),
        });
    }

    /// The body.
    pub fn write(&self) -> Bytes {
        let mut out = Vec::new();
        for part in &self.parts {
            out.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
            out.extend_from_slice(&part.raw);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        out.into()
    }
}

/// The value of `; name=value` or `; name="value"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|piece| {
        let (own, value) = piece.split_once('=')?;
        let value = value.trim().trim_matches('"');
        own.trim().eq_ignore_ascii_case(name).then(|| value.to_owned())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
