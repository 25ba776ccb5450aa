//! Bodies that have named things in them: web forms, JSON objects, forms with parts.
//!
//! What cannot be read as what it claims to be is sent on as it is; so is what nothing changes.

use crate::{arguments::Arguments, form::Multipart, transform::Target};
use bytes::Bytes;
use serde_json::{Map, Value};

enum Kind {
    Web,
    Json,
    Parts,
}

/// Kong: the type's name may stand anywhere in the field.
fn kind(content_type: &str) -> Option<Kind> {
    let named = content_type.to_ascii_lowercase();
    if named.contains("application/x-www-form-urlencoded") {
        Some(Kind::Web)
    } else if named.contains("application/json") {
        Some(Kind::Json)
    } else if named.contains("multipart/form-data") {
        Some(Kind::Parts)
    } else {
        None
    }
}

/// Whether a body of this type can be changed.
pub(super) fn is_known(content_type: &str) -> bool {
    kind(content_type).is_some()
}

/// The arguments of a web form.
pub(super) fn form_arguments(content_type: &str, raw: &Bytes) -> Option<Arguments> {
    let web = matches!(kind(content_type), Some(Kind::Web));
    let arguments = web.then(|| Arguments::read(&String::from_utf8_lossy(raw)))?;
    (!arguments.is_empty()).then_some(arguments)
}

/// The body after a change; none if it is not one that can be changed.
pub(super) fn changed<E>(
    content_type: &str,
    raw: &Bytes,
    change: impl FnOnce(&mut dyn Target) -> Result<(), E>,
) -> Result<Option<Bytes>, E> {
    match kind(content_type) {
        None => Ok(None),
        Some(Kind::Web) => {
            let mut form = Arguments::read(&String::from_utf8_lossy(raw));
            change(&mut form)?;
            Ok(Some(form.write().into()))
        }
        Some(Kind::Json) => {
            // Kong: no body is an empty object.
            let object = if raw.is_empty() {
                Some(Map::new())
            } else {
                serde_json::from_slice(raw).ok()
            };
            let Some(mut object) = object.map(Object) else {
                return Ok(None);
            };
            change(&mut object)?;
            Ok(Some(Value::Object(object.0).to_string().into()))
        }
        Some(Kind::Parts) => {
            let Some(mut parts) = Multipart::read(content_type, raw) else {
                return Ok(None);
            };
            change(&mut parts)?;
            Ok(Some(parts.write()))
        }
    }
}

/// Members of a JSON object. Values that are put in are texts.
struct Object(Map<String, Value>);

impl Target for Object {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    fn rename(&mut self, old: &str, new: &str) {
        if let Some(value) = self.0.remove(old) {
            self.0.insert(new.to_owned(), value);
        }
    }

    fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn append(&mut self, name: &str, value: String) {
        let there = self.0.remove(name);
        self.0
            .insert(name.to_owned(), crate::transform::appended(there, value.into()));
    }
}

impl Target for Multipart {
    fn has(&self, name: &str) -> bool {
        !self.values(name).is_empty()
    }

    fn remove(&mut self, name: &str) {
        Multipart::remove(self, name);
    }

    fn rename(&mut self, old: &str, new: &str) {
        let value = self.values(old).swap_remove(0);
        Multipart::remove(self, old);
        Multipart::set(self, new, &value);
    }

    fn set(&mut self, name: &str, value: String) {
        Multipart::set(self, name, &value);
    }

    /// Kong: nothing can be appended to a form with parts.
    fn append(&mut self, _name: &str, _value: String) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn check(content_type: &str, raw: &'static str, expected: Option<&str>) {
        let change = |target: &mut dyn Target| {
            target.remove("rm");
            if target.has("old") {
                target.rename("old", "new");
            }
            target.append("app", "2".to_owned());
            Ok::<_, Infallible>(())
        };
        let Ok(changed) = changed(content_type, &Bytes::from_static(raw.as_bytes()), change);
        let text = changed.map(|body| String::from_utf8_lossy(&body).into_owned());
        assert_eq!(text.as_deref(), expected, "{raw}");
    }

    #[test]
    fn each_kind_of_body_is_changed_in_its_own_way() {
        let web = "application/x-www-form-urlencoded";
        check(web, "rm=1&old=2&app=1", Some("new=2&app=1&app=2"));
        check(web, "", Some("app=2"));
        let json = "application/json; charset=utf-8";
        check(
            json,
            r#"{"rm":1,"old":2,"app":"1"}"#,
            Some(r#"{"app":["1","2"],"new":2}"#),
        );
        check(json, "", Some(r#"{"app":["2"]}"#));
        let parts = "multipart/form-data; boundary=b";
        check(
            parts,
            "--b\r\nContent-Disposition: form-data; name=\"old\"\r\n\r\n1\r\n--b--\r\n",
            Some("--b\r\nContent-Disposition: form-data; name=\"new\"\r\n\r\n1\r\n--b--\r\n"),
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_as_it_is() {
        check("application/json", "[1]", None);
        check("application/json", "{bad", None);
        check("multipart/form-data; boundary=x", "no parts", None);
        check("text/plain", "rm=1", None);
    }
}
