//! The conditions of a route that are not filed: methods, headers, server names, both ends of the connection.
//!
//! Hosts and paths decide which candidates are looked at; what is left is asked of each of them,
//! cheapest question first. All questions must be answered with yes, and within one question any
//! of the listed values will do.

use regex::Regex;
use troop_expression::Flavor;

use crate::endpoint::{Channel, Endpoint};
use crate::explain::Attribute;
use crate::host::split_host;
use crate::request::{Headers, RequestHead, Tls};
use crate::spec::{RouteError, RouteFields};

/// Everything a request must fulfil beyond host and path. Empty lists ask nothing.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    methods: Box<[Box<str>]>,
    headers: Box<[HeaderRule]>,
    snis: Box<[SniRule]>,
    sources: Box<[Endpoint]>,
    destinations: Box<[Endpoint]>,
    channel: Channel,
}

impl Conditions {
    pub(crate) fn parse(fields: &RouteFields<'_>) -> Result<Self, RouteError> {
        let headers = fields.headers.iter();
        Ok(Conditions {
            methods: fields
                .methods
                .iter()
                .map(|method| method.as_str().into())
                .collect(),
            headers: headers
                .map(|(name, values)| HeaderRule::parse(name, values, fields.flavor))
                .collect::<Result<_, _>>()?,
            snis: fields
                .snis
                .iter()
                .map(|sni| SniRule::parse(sni, fields.flavor))
                .collect(),
            sources: fields.sources.into(),
            destinations: fields.destinations.into(),
            channel: fields.channel,
        })
    }

    /// Nothing but the kind of connection.
    pub(crate) fn on(channel: Channel) -> Self {
        Conditions {
            channel,
            ..Conditions::default()
        }
    }

    /// Whether nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.methods.is_empty()
            && self.headers.is_empty()
            && self.snis.is_empty()
            && self.sources.is_empty()
            && self.destinations.is_empty()
            && self.channel == Channel::Any
    }

    /// Whether a request fulfils everything that is asked.
    pub(crate) fn hold<H: Headers + ?Sized>(&self, head: &RequestHead<'_, H>) -> bool {
        self.channel.holds(head.tls)
            && self.method_is_listed(head.method)
            && self.sni_is_listed(head.tls)
            && self.source_is_listed(head)
            && self.destination_is_listed(head)
            && self.headers.iter().all(|rule| rule.holds(head.headers))
    }

    /// What of it a request does not fulfil.
    pub(crate) fn misses<H: Headers + ?Sized>(&self, head: &RequestHead<'_, H>) -> Vec<Attribute> {
        let answers = [
            (Attribute::Method, self.method_is_listed(head.method)),
            (
                Attribute::Headers,
                self.headers.iter().all(|rule| rule.holds(head.headers)),
            ),
            (Attribute::Sni, self.sni_is_listed(head.tls)),
            (Attribute::Source, self.source_is_listed(head)),
            (Attribute::Destination, self.destination_is_listed(head)),
            (Attribute::Protocol, self.channel.holds(head.tls)),
        ];
        let missed = answers.into_iter().filter(|(_, holds)| !holds);
        missed.map(|(attribute, _)| attribute).collect()
    }

    fn method_is_listed(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|listed| **listed == *method)
    }

    fn source_is_listed<H: ?Sized>(&self, head: &RequestHead<'_, H>) -> bool {
        let (ip, port) = (head.source.ip(), head.source.port());
        self.sources.is_empty() || self.sources.iter().any(|listed| listed.holds(ip, port))
    }

    /// Kong: the port is the one that the Host header names, if it names one.
    fn destination_is_listed<H: ?Sized>(&self, head: &RequestHead<'_, H>) -> bool {
        let port = || split_host(head.host).1.unwrap_or(head.port);
        let mut listed = self.destinations.iter();
        self.destinations.is_empty() || listed.any(|listed| listed.holds(head.destination.ip(), port()))
    }

    fn sni_is_listed(&self, tls: Tls<'_>) -> bool {
        match tls {
            _ if self.snis.is_empty() => true,
            Tls::Plain => true,
            Tls::Https { sni } => sni.is_some_and(|sni| self.snis.iter().any(|rule| rule.holds(sni))),
        }
    }
}

/// One named header and the values it may have.
#[derive(Debug)]
struct HeaderRule {
    name: Box<str>,
    values: Box<[HeaderValue]>,
}

#[derive(Debug)]
enum HeaderValue {
    /// Compared without regard to case.
    Text(Box<str>),
    /// Found anywhere in the value after that was put in lower case.
    Regex(Regex),
}

impl HeaderRule {
    /// Kong: in the flavour `traditional` a value is a regex only where it is alone.
    fn parse(name: &str, values: &[String], flavor: Flavor) -> Result<Self, RouteError> {
        let has_no_regexes = flavor == Flavor::Traditional && values.len() > 1;
        let parse = |value: &String| {
            if has_no_regexes {
                Ok(HeaderValue::Text(value.as_str().into()))
            } else {
                HeaderValue::parse(name, value, flavor)
            }
        };
        Ok(HeaderRule {
            name: name.to_ascii_lowercase().replace('_', "-").into(),
            values: values.iter().map(parse).collect::<Result<_, _>>()?,
        })
    }

    fn holds<H: Headers + ?Sized>(&self, headers: &H) -> bool {
        headers.any(&self.name, &mut |sent| {
            self.values.iter().any(|value| value.accepts(sent))
        })
    }
}

impl HeaderValue {
    /// Kong: `~*` starts a regex, and it is put in lower case as a whole, so that `\D` means `\d`; but for the flavour `traditional`.
    fn parse(header: &str, text: &str, flavor: Flavor) -> Result<Self, RouteError> {
        let Some(pattern) = text.strip_prefix("~*") else {
            return Ok(HeaderValue::Text(text.into()));
        };
        let pattern = match flavor {
            Flavor::TraditionalCompatible | Flavor::Expressions => pattern.to_ascii_lowercase(),
            Flavor::Traditional => pattern.to_owned(),
        };
        match Regex::new(&pattern) {
            Ok(regex) => Ok(HeaderValue::Regex(regex)),
            Err(source) => Err(RouteError::HeaderRegex {
                header: header.into(),
                pattern,
                source: Box::new(source),
            }),
        }
    }

    fn accepts(&self, sent: &[u8]) -> bool {
        match self {
            HeaderValue::Text(text) => sent.eq_ignore_ascii_case(text.as_bytes()),
            HeaderValue::Regex(regex) => {
                std::str::from_utf8(sent).is_ok_and(|sent| regex.is_match(&sent.to_ascii_lowercase()))
            }
        }
    }
}

/// One entry of a route's `snis`.
#[derive(Clone, Debug)]
pub(crate) enum SniRule {
    Exact(Box<str>),
    Suffix(Box<str>),
    Prefix(Box<str>),
}

impl SniRule {
    /// Kong: the dot that ends a fully qualified name is dropped. The flavour `traditional` knows no wildcards here: a name with one fits
    /// nobody who speaks TLS.
    pub(crate) fn parse(text: &str, flavor: Flavor) -> Self {
        let text = text.strip_suffix('.').unwrap_or(text);
        if flavor == Flavor::Traditional {
            SniRule::Exact(text.into())
        } else if let Some(suffix) = text.strip_prefix('*') {
            SniRule::Suffix(suffix.into())
        } else if let Some(prefix) = text.strip_suffix('*') {
            SniRule::Prefix(prefix.into())
        } else {
            SniRule::Exact(text.into())
        }
    }

    pub(crate) fn holds(&self, sni: &str) -> bool {
        match self {
            SniRule::Exact(name) => **name == *sni,
            SniRule::Suffix(suffix) => sni.ends_with(&**suffix),
            SniRule::Prefix(prefix) => sni.starts_with(&**prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::NoHeaders;

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_string()).collect()
    }

    fn asking(fields: RouteFields<'_>) -> Conditions {
        Conditions::parse(&fields).unwrap()
    }

    fn header_holds(name: &str, values: &[&str], sent: &[(&str, &str)]) -> bool {
        let headers = [(name.to_string(), strings(values))];
        let conditions = asking(RouteFields {
            headers: &headers,
            ..RouteFields::default()
        });
        conditions.hold(&head("GET", sent, Tls::Plain))
    }

    fn head<'a, H: ?Sized>(method: &'a str, headers: &'a H, tls: Tls<'a>) -> RequestHead<'a, H> {
        RequestHead {
            method,
            host: "",
            port: 80,
            path: "/",
            query: "",
            headers,
            tls,
            source: "10.0.0.1:4000".parse().unwrap(),
            destination: "10.0.0.2:8000".parse().unwrap(),
        }
    }

    #[test]
    fn a_header_holds_when_any_of_its_values_is_listed() {
        assert!(header_holds("x-v", &["1", "2"], &[("x-v", "2")]));
        assert!(header_holds("x-v", &["two"], &[("x-v", "one"), ("x-v", "two")]));
        assert!(!header_holds("x-v", &["two"], &[("x-v", "one, two")]));
        assert!(!header_holds("x-v", &["1"], &[]));
    }

    #[test]
    fn case_and_underscores_of_a_header_do_not_matter() {
        assert!(header_holds("X-Case", &["ABC"], &[("x-case", "abc")]));
        assert!(header_holds("X_Case", &["abc"], &[("x-case", "ABC")]));
    }

    #[test]
    fn a_value_that_starts_with_tilde_star_is_a_regex_over_the_lower_case_value() {
        assert!(header_holds("x-v", &["~*^v[0-9]+$"], &[("x-v", "V12")]));
        assert!(header_holds("x-v", &["~*^V"], &[("x-v", "v1")]));
        assert!(!header_holds("x-v", &["~*^v[0-9]+$"], &[("x-v", "x1")]));
        assert!(header_holds("x-q", &["~*b", "c"], &[("x-q", "abc")]));
        assert!(header_holds("x-d", &["~*^\\D$"], &[("x-d", "7")]));
    }

    #[test]
    fn in_the_flavour_traditional_a_regex_stands_alone_and_keeps_its_letters() {
        for (values, sent, expected) in [
            (&["~*^v[0-9]+$"][..], "V12", true),
            (&["~*^V"], "v1", false),
            (&["~*^\\D$"], "7", false),
            (&["~*^\\D$"], "x", true),
            (&["~*b", "c"], "abc", false),
            (&["~*b", "c"], "C", true),
            (&["~*b", "c"], "~*B", true),
        ] {
            let headers = [("x-v".to_string(), strings(values))];
            let conditions = asking(RouteFields {
                headers: &headers,
                flavor: Flavor::Traditional,
                ..RouteFields::default()
            });
            let sent = [("x-v", sent)];
            let holds = conditions.hold(&head("GET", &sent[..], Tls::Plain));
            assert_eq!(holds, expected, "{values:?} {sent:?}");
        }
    }

    #[test]
    fn in_the_flavour_traditional_a_server_name_is_compared_as_it_is_spelt() {
        let snis = strings(&["a.test.", "*.b.test"]);
        let conditions = asking(RouteFields {
            snis: &snis,
            flavor: Flavor::Traditional,
            ..RouteFields::default()
        });
        for (sni, expected) in [("a.test", true), ("x.b.test", false)] {
            let tls = Tls::Https { sni: Some(sni) };
            assert_eq!(conditions.hold(&head("GET", &NoHeaders, tls)), expected, "{sni}");
        }
    }

    #[test]
    fn a_header_regex_that_does_not_compile_names_the_header() {
        let headers = [("x-v".to_string(), strings(&["~*("]))];
        let fields = RouteFields {
            headers: &headers,
            ..RouteFields::default()
        };
        let error = Conditions::parse(&fields).unwrap_err();
        assert!(error.to_string().contains("x-v"), "{error}");
    }

    #[test]
    fn methods_are_compared_as_sent() {
        let conditions = asking(RouteFields {
            methods: &strings(&["GET", "PUT"]),
            ..RouteFields::default()
        });
        for (method, expected) in [("GET", true), ("PUT", true), ("get", false), ("POST", false)] {
            assert_eq!(
                conditions.hold(&head(method, &NoHeaders, Tls::Plain)),
                expected,
                "{method}"
            );
        }
    }

    #[test]
    fn server_names_count_only_over_tls() {
        let snis = strings(&["a.test.", "*.b.test", "c.*"]);
        let conditions = asking(RouteFields {
            snis: &snis,
            ..RouteFields::default()
        });
        let holds = |tls| conditions.hold(&head("GET", &NoHeaders, tls));
        assert!(holds(Tls::Plain));
        assert!(!holds(Tls::Https { sni: None }));
        for (sni, expected) in [
            ("a.test", true),
            ("x.b.test", true),
            ("c.org", true),
            ("A.test", false),
        ] {
            assert_eq!(holds(Tls::Https { sni: Some(sni) }), expected, "{sni}");
        }
    }

    #[test]
    fn both_ends_of_the_connection_may_be_asked_for() {
        let end = |net: Option<&str>, port| Endpoint {
            net: net.map(|net| net.parse().unwrap()),
            port,
        };
        let (near, far) = (end(Some("10.0.0.0/30"), None), end(Some("11.0.0.0/8"), None));
        // Port 80 is what the head's Host leads to, whatever port was connected to.
        for (sources, destinations, expected) in [
            (vec![far, near], vec![], true),
            (vec![far], vec![], false),
            (vec![end(None, Some(4000))], vec![end(None, Some(80))], true),
            (vec![near], vec![end(None, Some(8000))], false),
        ] {
            let conditions = asking(RouteFields {
                sources: &sources,
                destinations: &destinations,
                ..RouteFields::default()
            });
            let head = head("GET", &NoHeaders, Tls::Plain);
            assert_eq!(conditions.hold(&head), expected, "{sources:?} {destinations:?}");
            assert_eq!(conditions.misses(&head).is_empty(), expected);
        }
    }
}
