//! Expressions about connections and datagrams: whether one holds, and whether it still could before the caller has said a word.
//!
//! Somebody rings at a door in the dark. Where he stands is known at once, his name only when he says it; but if the sentence begins "at the
//! back door", nobody at the front needs to be asked for a name. So a sentence is read once with the name left open: where its answer is no
//! whatever the name, the caller is not kept waiting.
//!
//! The catch: `!(tls.sni == "a.test")` holds of a caller without a name. Leaving a name open is not the same as having none, so the first
//! reading knows three answers: yes, no, and "it depends".
//!
//! Kong: `net.protocol` is `udp`, `tcp` or `tls`. Here it is what the route takes the connection for, and a name is only seen by routes that take it
//! for TLS, so that no other route depends on what a caller says first.

use super::{Caller, Carriers};
use troop_expression::{
    Expression, Field, Subsystem,
    ast::{self, LogicalExpression, Predicate, Value},
    context::{Context, Match},
    interpreter::Execute,
    vocabulary,
};

/// Whether it holds of a caller, whom the route takes for one of `taken`.
pub(super) fn holds(expression: &Expression, caller: &Caller<'_>, taken: Carriers) -> bool {
    let mut exhibits = exhibits(expression, caller, taken);
    expression.tree().execute(&mut exhibits, &mut Match::new())
}

/// Whether it could hold, depending on the name the caller will give.
pub(super) fn could_hold(expression: &Expression, caller: &Caller<'_>, taken: Carriers) -> bool {
    let mut exhibits = exhibits(expression, caller, taken);
    unheard(expression.tree(), &mut exhibits) != Some(false)
}

fn exhibits(expression: &Expression, caller: &Caller<'_>, taken: Carriers) -> Context<'static> {
    let mut exhibits = Context::new(vocabulary(Subsystem::Stream));
    for (name, field) in expression.fields() {
        if let Some(value) = value_of(field, caller, taken) {
            exhibits.add_value(name, value);
        }
    }
    exhibits
}

fn value_of(field: &Field, caller: &Caller<'_>, taken: Carriers) -> Option<Value> {
    Some(match field {
        Field::Protocol => Value::String(protocol(taken).to_owned()),
        Field::Sni => Value::String(caller.sni.filter(|_| taken.is_tls())?.to_owned()),
        Field::SourceIp => Value::IpAddr(caller.source.ip().to_canonical()),
        Field::SourcePort => Value::Int(caller.source.port().into()),
        Field::DestinationIp => Value::IpAddr(caller.destination.ip().to_canonical()),
        Field::DestinationPort => Value::Int(caller.destination.port().into()),
        // No words of streams: the sentence would not have been one.
        Field::Method
        | Field::Host
        | Field::Path
        | Field::SegmentCount
        | Field::Segments { .. }
        | Field::Header(_)
        | Field::Query(_) => return None,
    })
}

fn protocol(taken: Carriers) -> &'static str {
    match taken {
        Carriers { udp: true, .. } => "udp",
        _ if taken.is_tls() => "tls",
        _ => "tcp",
    }
}

/// The answer as far as it does not depend on the name.
fn unheard(tree: &ast::Expression, exhibits: &mut Context<'_>) -> Option<bool> {
    match tree {
        ast::Expression::Predicate(predicate) => unheard_predicate(predicate, exhibits),
        ast::Expression::Logical(logical) => match &**logical {
            LogicalExpression::And(left, right) => both(unheard(left, exhibits), unheard(right, exhibits)),
            LogicalExpression::Or(left, right) => {
                let neither = both(
                    unheard(left, exhibits).map(|it| !it),
                    unheard(right, exhibits).map(|it| !it),
                );
                neither.map(|it| !it)
            }
            LogicalExpression::Not(inner) => unheard(inner, exhibits).map(|it| !it),
        },
    }
}

fn unheard_predicate(predicate: &Predicate, exhibits: &mut Context<'_>) -> Option<bool> {
    let is_known = predicate.lhs.var_name != "tls.sni";
    is_known.then(|| predicate.execute(exhibits, &mut Match::new()))
}

fn both(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: Carriers = Carriers {
        tcp: true,
        tls: false,
        tls_passthrough: false,
        udp: false,
    };
    const TLS: Carriers = Carriers {
        tcp: false,
        tls: true,
        ..TCP
    };
    const UDP: Carriers = Carriers {
        tcp: false,
        udp: true,
        ..TCP
    };

    fn caller(sni: Option<&str>) -> Caller<'_> {
        Caller {
            source: "[::ffff:10.1.2.3]:5000".parse().unwrap(),
            destination: "127.0.0.1:9000".parse().unwrap(),
            sni,
            carriers: Carriers::default(),
        }
    }

    fn check(text: &str, taken: Carriers, sni: Option<&str>, expected: bool) {
        let read = Expression::parse(text, Subsystem::Stream).unwrap();
        assert_eq!(
            holds(&read, &caller(sni), taken),
            expected,
            "{text} {taken:?} {sni:?}"
        );
    }

    #[test]
    fn a_sentence_holds_of_both_ends_the_protocol_and_the_name() {
        for (text, expected) in [
            ("net.src.ip in 10.0.0.0/8", true),
            ("net.src.ip == 10.1.2.3 && net.src.port == 5000", true),
            ("net.dst.ip == 127.0.0.1 && net.dst.port >= 9000", true),
            ("net.dst.port == 9001", false),
            (r#"net.protocol == "tls" && tls.sni =^ ".test""#, true),
            (r#"net.protocol == "tcp""#, false),
        ] {
            check(text, TLS, Some("a.test"), expected);
        }
    }

    #[test]
    fn the_protocol_is_what_the_route_takes_a_connection_for() {
        for (taken, protocol) in [(TCP, "tcp"), (TLS, "tls"), (UDP, "udp")] {
            check(&format!(r#"net.protocol == "{protocol}""#), taken, None, true);
        }
    }

    #[test]
    fn a_name_is_seen_by_those_only_who_take_the_connection_for_tls() {
        check(r#"tls.sni == "a.test""#, TLS, Some("a.test"), true);
        check(r#"tls.sni == "a.test""#, TCP, Some("a.test"), false);
        check(r#"tls.sni == "a.test""#, TLS, None, false);
    }

    #[test]
    fn a_sentence_that_does_not_depend_on_the_name_is_decided_without_it() {
        for (text, expected) in [
            (r#"tls.sni == "a.test""#, true),
            (r#"!(tls.sni == "a.test")"#, true),
            (r#"tls.sni == "a.test" && net.dst.port == 9000"#, true),
            (r#"tls.sni == "a.test" && net.dst.port == 25"#, false),
            (r#"!(tls.sni == "a.test" || net.dst.port == 9000)"#, false),
            (r#"tls.sni == "a.test" || net.dst.port == 25"#, true),
            ("net.dst.port == 9000", true),
            ("net.dst.port == 25 || net.src.port == 1", false),
        ] {
            let read = Expression::parse(text, Subsystem::Stream).unwrap();
            assert_eq!(could_hold(&read, &caller(None), TLS), expected, "{text}");
        }
    }
}
