//! Spans as OTLP writes them.

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span as WireSpan, Status, span::SpanKind, status::StatusCode},
};
use prost::Message;
use troop_plugin_api::Node;
use troop_telemetry::trace::{Fact, Side, Span};

/// Who says it.
const SERVICE: &str = "troop";

/// One message with all of them.
pub(super) fn encode(spans: &[Span], node: &Node) -> Bytes {
    let who = [
        ("service.name", SERVICE),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", &node.id),
        ("host.name", &node.hostname),
    ];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: who
                    .iter()
                    .map(|(key, value)| pair(key, (*value).into()))
                    .collect(),
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: SERVICE.to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans: spans.iter().map(wire).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec().into()
}

fn wire(span: &Span) -> WireSpan {
    let kind = match span.side {
        Side::Server => SpanKind::Server,
        Side::Client => SpanKind::Client,
    };
    let parent = span.parent.map(|id| id.to_be_bytes().to_vec());
    let code = if span.failed {
        StatusCode::Error
    } else {
        StatusCode::Unset
    };
    WireSpan {
        trace_id: span.trace_id.to_be_bytes().to_vec(),
        span_id: span.id.to_be_bytes().to_vec(),
        parent_span_id: parent.unwrap_or_default(),
        name: span.name.to_string(),
        kind: kind.into(),
        start_time_unix_nano: span.from_ns,
        end_time_unix_nano: span.to_ns,
        attributes: span
            .facts
            .iter()
            .map(|(key, fact)| pair(key, fact.clone()))
            .collect(),
        status: Some(Status {
            code: code.into(),
            ..Status::default()
        }),
        ..WireSpan::default()
    }
}

fn pair(key: &str, fact: Fact) -> KeyValue {
    let value = match fact {
        Fact::Text(text) => any_value::Value::StringValue(text),
        Fact::Number(number) => any_value::Value::IntValue(number),
    };
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_reads_back_with_ids_times_and_facts() {
        let span = Span {
            trace_id: 0xab,
            id: 0xcd,
            parent: Some(0xef),
            name: "GET r".into(),
            side: Side::Server,
            from_ns: 1,
            to_ns: 2,
            facts: vec![
                ("http.response.status_code", 503u16.into()),
                ("http.route", "r".into()),
            ],
            failed: true,
        };
        let node = Node {
            id: "n".to_owned(),
            hostname: "h".to_owned(),
        };
        let read = ExportTraceServiceRequest::decode(encode(&[span], &node)).expect("a message");
        let resource = &read.resource_spans[0];
        let who = resource.resource.as_ref().expect("a resource");
        assert!(who.attributes.contains(&pair("service.instance.id", "n".into())));
        let wire = &resource.scope_spans[0].spans[0];
        assert_eq!((wire.trace_id.len(), wire.trace_id[15]), (16, 0xab));
        assert_eq!((wire.span_id[7], wire.parent_span_id[7]), (0xcd, 0xef));
        assert_eq!((wire.start_time_unix_nano, wire.end_time_unix_nano), (1, 2));
        assert_eq!(wire.kind(), SpanKind::Server);
        assert_eq!(wire.status.as_ref().map(Status::code), Some(StatusCode::Error));
        assert_eq!(wire.attributes.len(), 2);
    }
}
