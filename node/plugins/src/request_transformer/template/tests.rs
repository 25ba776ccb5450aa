//! Templates and what becomes of them.

use super::{Environment, Root, Template};

struct Request;

impl Environment for Request {
    fn look(&self, root: Root, name: &str) -> Option<String> {
        match (root, name) {
            (Root::Headers, "x_in" | "x-in") => Some("in".to_owned()),
            (Root::Captures, "uid" | "1") => Some("bob".to_owned()),
            _ => None,
        }
    }
}

fn check(template: &str, expected: Option<&str>) {
    let template = Template::read(template).expect("a template");
    assert_eq!(
        template.render(&Request).ok().as_deref(),
        expected,
        "{template:?}"
    );
}

#[test]
fn holes_are_filled_from_the_request() {
    for (template, rendered) in [
        ("plain", "plain"),
        ("pre-$(headers.x_in)-post", "pre-in-post"),
        ("$(uri_captures['uid'])$(uri_captures[1])", "bobbob"),
        ("$(headers['x-none'] or 'dflt')", "dflt"),
        ("$(query_params.q)", ""),
        ("$(headers.x_in and \"a\" or \"b\")", "a"),
        ("$(not headers.none)", "true"),
        ("$(headers.x_in == 'in')", "true"),
        ("$(headers.x_in ~= 'in')", "false"),
        ("$('a' .. (headers.none or 'b\\'') .. \"c\")", "ab'c"),
        ("$(nil)", ""),
        ("$(foo", "$(foo"),
        ("$5 $", "$5 $"),
        ("ä$(headers.x_in)ö", "äinö"),
    ] {
        check(template, Some(rendered));
    }
}

#[test]
fn nothing_cannot_be_joined() {
    check("$('a' .. headers.none)", None);
}

#[test]
fn what_is_not_in_the_language_is_refused() {
    for template in [
        "$(1 + )",
        "$()",
        "$(headers)",
        "$(headers.)",
        "$(headers[x])",
        "$(headers.x:upper())",
        "$(os.exit())",
        "$('a)",
        "$('a' 'b')",
        "$(a or)",
    ] {
        assert!(Template::read(template).is_err(), "{template}");
    }
    let deep = format!("$({}'a'{})", "(".repeat(100), ")".repeat(100));
    assert!(Template::read(&deep).is_err());
    let long = format!("$('a'{})", " or 'a'".repeat(10_000));
    assert!(Template::read(&long).is_err());
}
