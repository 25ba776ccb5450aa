//! Laying a change over what is stored.
//!
//! A correction slip on the form: what the slip says counts, where it is silent the form stands. Records are merged member by
//! member; arrays, sets and maps are replaced whole; null is a word, not silence.

use crate::{Record, field::Kind, shape::Layers};
use serde_json::Value;

/// `slip` over `stored`.
pub(crate) fn over(layers: Layers<'_>, mut slip: Record, stored: &Record) -> Record {
    for (name, old) in stored {
        let merged = match (slip.remove(name), old, layers.field(name).map(|f| &f.kind)) {
            (None, old, _) => old.clone(),
            (Some(Value::Object(new)), Value::Object(old), Some(Kind::Record(shape))) => {
                Value::Object(over(Layers::plain(shape), new, old))
            }
            (Some(new), ..) => new,
        };
        slip.insert(name.clone(), merged);
    }
    slip
}
