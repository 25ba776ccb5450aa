//! The waybill: two ways of writing the same three things into headers.
//!
//! W3C's `traceparent: 00-<trace>-<span>-01`, and Zipkin's B3, in one header (`b3: <trace>-<span>-1`) or in several (`X-B3-TraceId` and so
//! on). What came in one style goes on in that style, so that the stations behind us find it where they look. What makes no sense is treated as if
//! it were not there.

/// How a waybill is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `traceparent`
    W3c,
    /// `b3`
    B3,
    /// `X-B3-…`
    B3Several,
}

impl Style {
    /// Kong: what a number in this style is called in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Style::W3c => "w3c",
            Style::B3 | Style::B3Several => "b3",
        }
    }
}

/// Which journey, and what was decided about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waybill {
    /// The journey.
    pub trace_id: u128,
    /// The station before.
    pub span_id: u64,
    /// Whether stubs are kept; none if nobody has decided yet.
    pub sampled: Option<bool>,
    /// How it was written.
    pub style: Style,
}

impl Waybill {
    /// Headers that a waybill stands in: a new one takes the place of all of them.
    pub const HEADERS: [&'static str; 7] = [
        "traceparent",
        "b3",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-parentspanid",
        "x-b3-sampled",
        "x-b3-flags",
    ];

    /// Reads it; `header` gives a header's value by its name in lower case.
    pub fn read<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        let w3c = header("traceparent").and_then(w3c);
        let b3 = || header("b3").and_then(b3);
        w3c.or_else(b3).or_else(|| b3_several(&header))
    }

    /// The headers to send on.
    pub fn write(&self) -> Vec<(&'static str, String)> {
        let sampled = self.sampled.unwrap_or(false);
        let (trace, span) = (
            format!("{:032x}", self.trace_id),
            format!("{:016x}", self.span_id),
        );
        let digit = if sampled { "1" } else { "0" };
        match self.style {
            Style::W3c => vec![("traceparent", format!("00-{trace}-{span}-0{digit}"))],
            Style::B3 => vec![("b3", format!("{trace}-{span}-{digit}"))],
            Style::B3Several => vec![
                ("x-b3-traceid", trace),
                ("x-b3-spanid", span),
                ("x-b3-sampled", digit.to_owned()),
            ],
        }
    }
}

/// Versions above 00 may have more behind; `ff` is forbidden.
fn w3c(text: &str) -> Option<Waybill> {
    let mut parts = text.trim().split('-');
    let version = hex(parts.next()?, &[2])?;
    let trace_id = hex(parts.next()?, &[32])?;
    let span_id = hex(parts.next()?, &[16])?;
    let flags = hex(parts.next()?, &[2])?;
    let known = version != 0xff && (version > 0 || parts.next().is_none());
    known.then(|| waybill(trace_id, span_id, Some(flags & 1 == 1), Style::W3c))?
}

/// `<trace>-<span>[-<sampled>[-<parent>]]`. A lone `0` or `1` decides without naming a journey: there is none to go on with.
fn b3(text: &str) -> Option<Waybill> {
    let mut parts = text.trim().split('-');
    let trace_id = hex(parts.next()?, &[16, 32])?;
    let span_id = hex(parts.next()?, &[16])?;
    let sampled = match parts.next() {
        None => None,
        Some(word) => Some(decision(word)?),
    };
    waybill(trace_id, span_id, sampled, Style::B3)
}

fn b3_several<'h>(header: &impl Fn(&str) -> Option<&'h str>) -> Option<Waybill> {
    let trace_id = hex(header("x-b3-traceid")?.trim(), &[16, 32])?;
    let span_id = hex(header("x-b3-spanid")?.trim(), &[16])?;
    let debug = header("x-b3-flags") == Some("1");
    let sampled = header("x-b3-sampled").and_then(|word| decision(word.trim()));
    let sampled = if debug { Some(true) } else { sampled };
    waybill(trace_id, span_id, sampled, Style::B3Several)
}

fn waybill(trace_id: u128, span_id: u128, sampled: Option<bool>, style: Style) -> Option<Waybill> {
    let span_id = u64::try_from(span_id).ok()?;
    (trace_id != 0 && span_id != 0).then_some(Waybill {
        trace_id,
        span_id,
        sampled,
        style,
    })
}

/// `d` is Zipkin's "debug": keep it whatever the share.
fn decision(word: &str) -> Option<bool> {
    match word {
        "1" | "true" | "d" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

fn hex(text: &str, lengths: &[usize]) -> Option<u128> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (digits && lengths.contains(&text.len()))
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: Option<(Option<bool>, Style)>) {
        let find = |name: &str| {
            headers
                .iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| *value)
        };
        let read = Waybill::read(find);
        assert_eq!(read.map(|w| (w.sampled, w.style)), expected, "{headers:?}");
        if let Some(read) = read {
            assert_eq!(
                (read.trace_id, read.span_id),
                (0x4bf92f3577b34da6a3ce929d0e0e4736, 0x00f067aa0ba902b7)
            );
        }
    }

    #[test]
    fn a_waybill_is_read_in_each_of_its_styles() {
        check(
            &[("traceparent", &format!("00-{TRACE}-{SPAN}-01"))],
            Some((Some(true), Style::W3c)),
        );
        check(
            &[("traceparent", &format!("00-{TRACE}-{SPAN}-00"))],
            Some((Some(false), Style::W3c)),
        );
        check(
            &[("traceparent", &format!("01-{TRACE}-{SPAN}-03-more"))],
            Some((Some(true), Style::W3c)),
        );
        check(
            &[("b3", &format!("{TRACE}-{SPAN}-1-{SPAN}"))],
            Some((Some(true), Style::B3)),
        );
        check(&[("b3", &format!("{TRACE}-{SPAN}"))], Some((None, Style::B3)));
        let several = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
        check(&several, Some((None, Style::B3Several)));
        check(
            &[several[0], several[1], ("x-b3-sampled", "0")],
            Some((Some(false), Style::B3Several)),
        );
        check(
            &[several[0], several[1], ("x-b3-flags", "1")],
            Some((Some(true), Style::B3Several)),
        );
    }

    #[test]
    fn what_makes_no_sense_is_not_there() {
        for text in [
            "",
            "00",
            &format!("00-{TRACE}-{SPAN}"),
            &format!("ff-{TRACE}-{SPAN}-01"),
            &format!("00-{TRACE}-{SPAN}-01-more"),
            &format!("00-{}-{SPAN}-01", "0".repeat(32)),
            &format!("00-{TRACE}-{}-01", "0".repeat(16)),
            &format!("00-{TRACE}x-{SPAN}-01"),
            &format!("00-+{}-{SPAN}-01", &TRACE[1..]),
        ] {
            check(&[("traceparent", text)], None);
        }
        check(&[("b3", "0")], None);
        check(&[("b3", &format!("{TRACE}-{SPAN}-maybe"))], None);
        check(&[("x-b3-traceid", TRACE)], None);
        // The other style still counts.
        check(
            &[("traceparent", "nonsense"), ("b3", &format!("{TRACE}-{SPAN}"))],
            Some((None, Style::B3)),
        );
    }

    #[test]
    fn a_waybill_goes_on_as_it_came() {
        let mut waybill = Waybill {
            trace_id: 0xab,
            span_id: 0xcd,
            sampled: Some(true),
            style: Style::W3c,
        };
        for style in [Style::W3c, Style::B3, Style::B3Several] {
            waybill.style = style;
            let written = waybill.write();
            let find = |name: &str| {
                written
                    .iter()
                    .find(|(own, _)| *own == name)
                    .map(|(_, value)| value.as_str())
            };
            assert_eq!(Waybill::read(find), Some(waybill));
            assert!(written.iter().all(|(name, _)| Waybill::HEADERS.contains(name)));
        }
    }
}
