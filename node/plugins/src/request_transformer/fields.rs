//! Header fields to be changed: names in any case, several values under one name.
//!
//! The changes are made on a copy of what is there, and what differs afterwards is wished for. `Host` belongs to the gateway: it can be
//! replaced and nothing else.

use crate::transform::Target;
use http::{HeaderName, HeaderValue, header::HOST};
use std::collections::BTreeMap;
use troop_plugin_api::{Failure, Request};

/// Fields under change.
#[derive(Default)]
pub(super) struct Fields {
    there: BTreeMap<String, Vec<Vec<u8>>>,
    touched: Vec<String>,
    host: Option<String>,
}

impl Fields {
    /// The request's fields as they are now.
    pub fn of(request: &Request<'_>) -> Self {
        let mut names = Vec::new();
        request.arrived().each(&mut |name, _| names.push(name.to_owned()));
        request.each_wish(&mut |name| names.push(name.as_str().to_owned()));
        let mut there = BTreeMap::new();
        for name in names {
            let mut values = Vec::new();
            request.each_header(&name, &mut |value| values.push(value.to_vec()));
            if !values.is_empty() {
                there.insert(name, values);
            }
        }
        Fields {
            there,
            ..Fields::default()
        }
    }

    /// Wishes for what was changed.
    pub fn write_to(self, request: &mut Request<'_>) -> Result<(), Failure> {
        for name in &self.touched {
            let failed = || Failure::new("a field to be changed is not fit for a header");
            let header = HeaderName::try_from(name.as_str()).map_err(|_| failed())?;
            request.remove_header(header.clone());
            for value in self.there.get(name).into_iter().flatten() {
                let value = HeaderValue::from_bytes(value).map_err(|_| failed())?;
                request.add_header(header.clone(), value);
            }
        }
        if let Some(host) = &self.host {
            let host = HeaderValue::try_from(host.as_str());
            request.set_host(host.map_err(|e| Failure::caused_by("not fit to be a host", e))?);
        }
        Ok(())
    }

    fn touch(&mut self, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        if name == HOST.as_str() {
            return None;
        }
        if !self.touched.contains(&name) {
            self.touched.push(name.clone());
        }
        Some(name)
    }
}

impl Target for Fields {
    fn has(&self, name: &str) -> bool {
        self.there.contains_key(&name.to_ascii_lowercase())
    }

    fn remove(&mut self, name: &str) {
        if let Some(name) = self.touch(name) {
            self.there.remove(&name);
        }
    }

    fn rename(&mut self, old: &str, new: &str) {
        if let (Some(old), Some(new)) = (self.touch(old), self.touch(new))
            && let Some(values) = self.there.remove(&old)
        {
            self.there.insert(new, values);
        }
    }

    fn set(&mut self, name: &str, value: String) {
        match self.touch(name) {
            Some(name) => _ = self.there.insert(name, vec![value.into_bytes()]),
            None => self.host = Some(value),
        }
    }

    fn append(&mut self, name: &str, value: String) {
        if let Some(name) = self.touch(name) {
            self.there.entry(name).or_default().push(value.into_bytes());
        }
    }
}
