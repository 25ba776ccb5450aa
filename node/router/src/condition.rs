//! The conditions of a route that are not filed: methods, headers, server names.
//!
//! Hosts and paths decide which candidates are looked at; what is left is asked of each of them,
//! cheapest question first. All questions must be answered with yes, and within one question any
//! of the listed values will do.

use regex::Regex;

use crate::explain::Attribute;
use crate::request::{Headers, RequestHead, Tls};
use crate::spec::RouteError;

/// Everything a request must fulfil beyond host and path. Empty lists ask nothing.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    methods: Box<[Box<str>]>,
    headers: Box<[HeaderRule]>,
    snis: Box<[SniRule]>,
}

impl Conditions {
    pub(crate) fn parse(
        methods: &[String],
        headers: &[(String, Vec<String>)],
        snis: &[String],
    ) -> Result<Self, RouteError> {
        Ok(Conditions {
            methods: methods.iter().map(|method| method.as_str().into()).collect(),
            headers: headers
                .iter()
                .map(|(name, values)| HeaderRule::parse(name, values))
                .collect::<Result<_, _>>()?,
            snis: snis.iter().map(|sni| SniRule::parse(sni)).collect(),
        })
    }

    /// Whether nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.methods.is_empty() && self.headers.is_empty() && self.snis.is_empty()
    }

    /// Whether a request fulfils everything that is asked.
    pub(crate) fn hold<H: Headers + ?Sized>(&self, head: &RequestHead<'_, H>) -> bool {
        self.method_is_listed(head.method)
            && self.sni_is_listed(head.tls)
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
        ];
        let missed = answers.into_iter().filter(|(_, holds)| !holds);
        missed.map(|(attribute, _)| attribute).collect()
    }

    fn method_is_listed(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|listed| **listed == *method)
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
    fn parse(name: &str, values: &[String]) -> Result<Self, RouteError> {
        Ok(HeaderRule {
            name: name.to_ascii_lowercase().replace('_', "-").into(),
            values: values
                .iter()
                .map(|value| HeaderValue::parse(name, value))
                .collect::<Result<_, _>>()?,
        })
    }

    fn holds<H: Headers + ?Sized>(&self, headers: &H) -> bool {
        headers.any(&self.name, &mut |sent| {
            self.values.iter().any(|value| value.accepts(sent))
        })
    }
}

impl HeaderValue {
    /// Kong: `~*` starts a regex, and it is put in lower case as a whole, so that `\D` means `\d`.
    fn parse(header: &str, text: &str) -> Result<Self, RouteError> {
        let text = text.to_ascii_lowercase();
        let Some(pattern) = text.strip_prefix("~*") else {
            return Ok(HeaderValue::Text(text.into()));
        };
        match Regex::new(pattern) {
            Ok(regex) => Ok(HeaderValue::Regex(regex)),
            Err(source) => Err(RouteError::HeaderRegex {
                header: header.into(),
                pattern: pattern.into(),
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
    /// Kong: the dot that ends a fully qualified name is dropped.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.strip_suffix('.').unwrap_or(text);
        if let Some(suffix) = text.strip_prefix('*') {
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

    fn header_holds(name: &str, values: &[&str], sent: &[(&str, &str)]) -> bool {
        let headers = [(name.to_string(), strings(values))];
        let conditions = Conditions::parse(&[], &headers, &[]).unwrap();
        conditions.hold(&head("GET", sent, Tls::Plain))
    }

    fn head<'a, H: ?Sized>(method: &'a str, headers: &'a H, tls: Tls<'a>) -> RequestHead<'a, H> {
        RequestHead {
            method,
            host: "",
            port: 80,
            path: "/",
            headers,
            tls,
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
    fn a_header_regex_that_does_not_compile_names_the_header() {
        let headers = [("x-v".to_string(), strings(&["~*("]))];
        let error = Conditions::parse(&[], &headers, &[]).unwrap_err();
        assert!(error.to_string().contains("x-v"), "{error}");
    }

    #[test]
    fn methods_are_compared_as_sent() {
        let conditions = Conditions::parse(&strings(&["GET", "PUT"]), &[], &[]).unwrap();
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
        let conditions = Conditions::parse(&[], &[], &snis).unwrap();
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
}
