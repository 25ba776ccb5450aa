//! What a word of YAML without quotes is.
//!
//! Kong reads YAML 1.1 through libyaml: `yes` and `off` are booleans, `010` is eight, `1_000` is a thousand and `1:30` is
//! ninety. A file that works there means the same here; tables for it are below.
//!
//! The catch: numbers beyond what JSON holds (`.inf`, `.nan`, a hundred digits) stay words, and the schema refuses
//! them by name.

use serde_json::{Number, Value};

/// A word by its looks. The order decides: `010` is octal before it is decimal.
pub(super) fn plain(word: &str) -> Value {
    if is_null(word) {
        return Value::Null;
    }
    number(word)
        .or_else(|| boolean(word).map(Value::from))
        .unwrap_or_else(|| Value::from(word))
}

/// A word with one of YAML's own tags: `!!str 5`. `None` for a tag that is not of these.
///
/// # Errors
/// The word is not what its tag says.
pub(super) fn tagged(tag: &str, word: &str) -> Option<Result<Value, String>> {
    let value = match tag {
        "str" => Some(Value::from(word)),
        "null" => is_null(word).then_some(Value::Null),
        "bool" => boolean(word).map(Value::from),
        "int" => number(word).filter(|n| n.as_f64().is_some_and(|n| n.fract() == 0.0)),
        "float" => number(word),
        _ => return None,
    };
    Some(value.ok_or_else(|| format!("'{word}' is no {tag}")))
}

fn is_null(word: &str) -> bool {
    matches!(word, "" | "~" | "null" | "Null" | "NULL")
}

fn boolean(word: &str) -> Option<bool> {
    match word {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn number(word: &str) -> Option<Value> {
    let first = word.bytes().next()?;
    if !first.is_ascii_digit() && !b"+-._".contains(&first) {
        return None;
    }
    let (negative, digits) = signed(word);
    let float = octal(digits)
        .or_else(|| decimal(digits))
        .or_else(|| fraction(digits))
        .or_else(|| hexadecimal(digits))
        .or_else(|| binary(digits))
        .or_else(|| sexagesimal(digits))?;
    whole(word).or_else(|| value(if negative { -float } else { float }))
}

/// A number that has every digit, where a double would round it.
fn whole(word: &str) -> Option<Value> {
    let zeros = word.trim_start_matches(['+', '-']).starts_with('0');
    word.parse::<i64>().ok().filter(|_| !zeros).map(Value::from)
}

fn value(float: f64) -> Option<Value> {
    let mut value = Value::Number(Number::from_f64(float)?);
    troop_schema::tidy(&mut value);
    Some(value)
}

fn signed(word: &str) -> (bool, &str) {
    match word.as_bytes().first() {
        Some(b'-') => (true, &word[1..]),
        Some(b'+') => (false, &word[1..]),
        _ => (false, word),
    }
}

/// Digits of one base, underscores between them dropped.
fn based(digits: &str, base: u32) -> Option<f64> {
    let mut sum = None;
    for digit in digits.chars().filter(|c| *c != '_') {
        sum = Some(sum.unwrap_or(0.0) * f64::from(base) + f64::from(digit.to_digit(base)?));
    }
    sum
}

fn octal(digits: &str) -> Option<f64> {
    based(digits.strip_prefix('0')?, 8)
}

fn decimal(digits: &str) -> Option<f64> {
    based(digits, 10)
}

fn hexadecimal(digits: &str) -> Option<f64> {
    based(digits.strip_prefix("0x")?, 16)
}

fn binary(digits: &str) -> Option<f64> {
    based(digits.strip_prefix("0b")?, 2)
}

/// With a point or an exponent.
fn fraction(digits: &str) -> Option<f64> {
    let text = digits.replace('_', "");
    let looks = text.contains(['.', 'e', 'E'])
        && text.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        && !text.starts_with(['+', '-', 'e', 'E']);
    text.parse().ok().filter(|_| looks)
}

/// Hours, minutes, seconds: groups of sixty.
fn sexagesimal(digits: &str) -> Option<f64> {
    let (groups, rest) = match digits.split_once('.') {
        Some((groups, rest)) => (groups, format!("0.{rest}").parse().ok()?),
        None => (digits, 0.0),
    };
    let mut groups = groups.split(':').peekable();
    let mut sum: f64 = groups.next()?.parse::<u64>().ok()? as f64;
    groups.peek()?;
    for group in groups {
        sum = sum * 60.0 + group.parse::<u64>().ok()? as f64;
    }
    Some(sum + rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(word: &str, wanted: Value) {
        assert_eq!(plain(word), wanted, "{word}");
    }

    #[test]
    fn words_are_what_yaml_1_1_says() {
        for word in ["", "~", "null", "NULL"] {
            check(word, Value::Null);
        }
        for word in ["true", "Yes", "ON"] {
            check(word, json!(true));
        }
        for word in ["false", "no", "Off"] {
            check(word, json!(false));
        }
        for word in [
            "nO", "y", "none", "tRUE", "10.0.0.1", "a:80", "::1", "/x", ".", "-", "1e", "0x", "3.0.0",
        ] {
            check(word, json!(word));
        }
    }

    #[test]
    fn numbers_are_what_yaml_1_1_says() {
        check("0", json!(0));
        check("80", json!(80));
        check("-5", json!(-5));
        check("+5", json!(5));
        check("80.0", json!(80));
        check("1.5", json!(1.5));
        check("1e3", json!(1000));
        check(".5", json!(0.5));
        check("010", json!(8));
        check("08", json!(8));
        check("1_000", json!(1000));
        check("0x1F", json!(31));
        check("0b101", json!(5));
        check("1:30", json!(90));
        check("1:30.5", json!(90.5));
        check("9007199254740993", json!(9_007_199_254_740_993_i64));
    }

    #[test]
    fn numbers_that_json_cannot_hold_stay_words() {
        for word in [".inf", "-.inf", ".nan", "1e999"] {
            check(word, json!(word));
        }
    }

    #[test]
    fn a_tag_overrules_the_looks() {
        assert_eq!(tagged("str", "5"), Some(Ok(json!("5"))));
        assert_eq!(tagged("int", "5"), Some(Ok(json!(5))));
        assert_eq!(tagged("int", "x"), Some(Err("'x' is no int".into())));
        assert_eq!(tagged("other", "5"), None);
    }
}
