//! Values that handlers of one exchange leave for later phases and for each other.
//!
//! A handler is shared by all exchanges and so cannot remember anything of one. What it wants to know again in a later phase it puts
//! here under its own name. Few values, so a list beats a map.

use std::{any::Any, sync::Arc};

type Value = Arc<dyn Any + Send + Sync>;

/// Values by name.
#[derive(Clone, Default)]
pub struct Shared {
    values: Vec<(&'static str, Value)>,
    log_fields: Vec<(&'static str, String)>,
}

impl Shared {
    /// Keeps a value under a name; the last one wins.
    pub fn put<T: Any + Send + Sync>(&mut self, name: &'static str, value: T) {
        self.values.retain(|(own, _)| *own != name);
        self.values.push((name, Arc::new(value)));
    }

    /// The value under a name, if it has this type.
    pub fn get<T: Any + Send + Sync>(&self, name: &str) -> Option<&T> {
        let (_, value) = self.values.iter().find(|(own, _)| *own == name)?;
        value.downcast_ref()
    }

    /// Takes a value back out, if it has this type. What another phase still holds is copied.
    pub fn take<T: Any + Send + Sync + Clone>(&mut self, name: &str) -> Option<T> {
        let at = self.values.iter().position(|(own, _)| *own == name)?;
        let value = self.values.swap_remove(at).1.downcast().ok()?;
        Some(Arc::unwrap_or_clone(value))
    }

    /// Adds a field to the log record of this exchange.
    pub fn log_field(&mut self, name: &'static str, value: String) {
        self.log_fields.push((name, value));
    }

    /// Fields that handlers added to the log record.
    pub fn log_fields(&self) -> &[(&'static str, String)] {
        &self.log_fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_under_its_name_and_type_only() {
        let mut shared = Shared::default();
        shared.put("a", 1u32);
        shared.put("a", 2u32);
        assert_eq!(shared.get::<u32>("a"), Some(&2));
        assert_eq!(shared.get::<u64>("a"), None);
        assert_eq!(shared.get::<u32>("b"), None);
        let kept = shared.clone();
        assert_eq!(
            (shared.take::<u32>("a"), shared.take::<u32>("a")),
            (Some(2), None)
        );
        assert_eq!(kept.get::<u32>("a"), Some(&2));
    }
}
