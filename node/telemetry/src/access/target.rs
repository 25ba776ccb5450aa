//! The target of a request without the secrets in it.
//!
//! A key that a client sends as `?apikey=…` stands in the first line of its request, which every log in the world writes down. Plugins
//! that take such arguments name them; their values are blacked out here.

use super::escape::escaped;
use std::borrow::Cow;

/// What stands in place of a secret.
const BLACK: &[u8] = b"***";

/// Path and query.
pub(super) fn write(target: &[u8], hidden: &[&str], out: &mut Vec<u8>) {
    escaped(Some(&shown(target, hidden)), out);
}

/// The query alone.
pub(super) fn write_query(target: &[u8], hidden: &[&str], out: &mut Vec<u8>) {
    let shown = shown(target, hidden);
    let at = shown.iter().position(|byte| *byte == b'?');
    escaped(at.map(|at| &shown[at + 1..]), out);
}

/// The path alone.
pub(super) fn path(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|byte| *byte == b'?');
    &target[..end.unwrap_or(target.len())]
}

/// The target with the values of hidden arguments blacked out.
pub(super) fn shown<'a>(target: &'a [u8], hidden: &[&str]) -> Cow<'a, [u8]> {
    let path = path(target);
    if hidden.is_empty() || path.len() == target.len() {
        return Cow::Borrowed(target);
    }
    let mut out = path.to_vec();
    let query = &target[path.len() + 1..];
    let mut before = b'?';
    for argument in query.split(|byte| *byte == b'&') {
        out.push(before);
        before = b'&';
        let name = argument.split(|byte| *byte == b'=').next().unwrap_or_default();
        out.extend_from_slice(name);
        if name.len() < argument.len() {
            let secret = hidden
                .iter()
                .any(|own| decoded(name).eq_ignore_ascii_case(own.as_bytes()));
            out.push(b'=');
            out.extend_from_slice(if secret {
                BLACK
            } else {
                &argument[name.len() + 1..]
            });
        }
    }
    Cow::Owned(out)
}

/// A name as a plugin reads it: `api%6bey` is `apikey`, too.
fn decoded(name: &[u8]) -> Vec<u8> {
    let digit = |at: usize| name.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(name.len());
    let mut at = 0;
    while at < name.len() {
        match (name[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, expected: &str) {
        let hidden = ["apikey", "jwt"];
        let shown = shown(target.as_bytes(), &hidden);
        assert_eq!(String::from_utf8_lossy(&shown), expected);
    }

    #[test]
    fn values_of_hidden_arguments_are_black_however_their_names_are_written() {
        check("/a?apikey=secret", "/a?apikey=***");
        check("/a?x=1&apikey=s=t&jwt=z&y", "/a?x=1&apikey=***&jwt=***&y");
        check("/a?api%6Bey=secret&APIKEY=secret", "/a?api%6Bey=***&APIKEY=***");
        check("/apikey=1?apikeys=2&apikey", "/apikey=1?apikeys=2&apikey");
        check("/a?x=%zz&%=1&%6", "/a?x=%zz&%=1&%6");
        check("/a", "/a");
    }

    #[test]
    fn the_parts_of_a_target_are_told_apart() {
        let mut out = Vec::new();
        write_query(b"/a?x=1&apikey=2", &["apikey"], &mut out);
        out.push(b' ');
        write_query(b"/a", &[], &mut out);
        out.push(b' ');
        out.extend_from_slice(path(b"/a?b"));
        assert_eq!(String::from_utf8_lossy(&out), "x=1&apikey=*** - /a");
    }
}
