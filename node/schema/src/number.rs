//! One kind of number.
//!
//! Lua has one: `80`, `80.0` and `8e1` are the same and are printed `80`. JSON parsers here tell them apart, so every value
//! that comes in is tidied once at the door.

use serde_json::{Number, Value};

/// Above this a double no longer holds every integer, and Kong prints an exponent.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Turns numbers without a fraction into integers, everywhere inside of `value`.
pub fn tidy(value: &mut Value) {
    match value {
        Value::Number(number) => tidy_number(number),
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Object(map) => map.values_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn tidy_number(number: &mut Number) {
    if number.is_f64()
        && let Some(float) = number.as_f64()
        && float.fract() == 0.0
        && float.abs() <= WHOLE_MAX
    {
        *number = Number::from(float as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_floats_become_integers() {
        let mut value = json!({"a": [80.0, 1.5, 1e20, -0.0], "b": 8e1});
        tidy(&mut value);
        assert_eq!(value, json!({"a": [80, 1.5, 1e20, 0], "b": 80}));
    }
}
