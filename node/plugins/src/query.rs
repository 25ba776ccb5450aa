//! Query strings, read the way Kong's plugins read them.

use percent_encoding::percent_decode_str;

/// One argument, decoded. `value` is none for a bare name (`?debug`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
}

/// The arguments of a query in order. A `+` is a blank.
pub(crate) fn arguments(query: &str) -> impl Iterator<Item = Argument> {
    pieces(query).map(|piece| {
        let (name, value) = match piece.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (piece, None),
        };
        Argument {
            name: decode(name),
            value: value.map(decode),
        }
    })
}

/// The query without the arguments of that name; the others stay byte for byte.
pub(crate) fn without(query: &str, name: &str) -> String {
    let kept: Vec<&str> = pieces(query)
        .filter(|piece| decode(piece.split_once('=').map_or(*piece, |(n, _)| n)) != name)
        .collect();
    kept.join("&")
}

fn pieces(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|piece| !piece.is_empty())
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: &[(&str, Option<&str>)]) {
        let read: Vec<_> = arguments(query).map(|a| (a.name, a.value)).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(n, v)| (n.to_string(), v.map(str::to_string)))
            .collect();
        assert_eq!(read, expected, "{query}");
    }

    #[test]
    fn arguments_are_decoded_and_bare_names_have_no_value() {
        check("", &[]);
        check("a=1&b", &[("a", Some("1")), ("b", None)]);
        check("a=&&a=2", &[("a", Some("")), ("a", Some("2"))]);
        check("a+b=%20c%2B&x=1=2", &[("a b", Some(" c+")), ("x", Some("1=2"))]);
    }

    #[test]
    fn removing_an_argument_leaves_the_others_as_they_are() {
        assert_eq!(without("apikey=s&a=1", "apikey"), "a=1");
        assert_eq!(without("b=%20&api%6Bey=s&apikey", "apikey"), "b=%20");
        assert_eq!(without("apikey=s", "apikey"), "");
    }
}
