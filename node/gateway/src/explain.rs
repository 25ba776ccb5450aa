//! Which route a request would find, and why not another: for an operator who asks.
//!
//! The question is a request that nobody sends. It is read against the plan that serves now, so that the answer is what a client would meet.

use crate::plan::{Plan, compile::Route};
use http::Uri;
use thiserror::Error;
use troop_router::{
    Attribute, Judged, NOWHERE, RequestHead, RouteQuestion, RouteVerdict, Tls, normalize_path,
};

/// Routes that are told of: the winner, those it outranks, and a few that nearly fit.
const TOLD_MAX: usize = 20;

/// Why a question is none.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum QuestionError {
    /// The URL is none.
    #[error("url: expected http://host/path or https://host/path")]
    Url,
    /// The path would be refused at the door.
    #[error("url: a request with this path is refused before it is routed")]
    Path,
}

/// Routes by how well they fit: the first that misses nothing is the one that is found.
pub(crate) fn explain(plan: &Plan, question: &RouteQuestion) -> Result<Vec<RouteVerdict>, QuestionError> {
    let url: Uri = question.url.parse().map_err(|_| QuestionError::Url)?;
    let authority = url.authority().ok_or(QuestionError::Url)?;
    let (tls, usual_port) = match url.scheme_str() {
        Some("http") => (Tls::Plain, 80),
        Some("https") => (
            Tls::Https {
                sni: Some(authority.host()),
            },
            443,
        ),
        _ => return Err(QuestionError::Url),
    };
    let path = normalize_path(url.path()).map_err(|_| QuestionError::Path)?;
    let names: Vec<String> = question
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase().replace('_', "-"))
        .collect();
    let values = question.headers.iter().map(|(_, value)| value.as_str());
    let headers: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(values).collect();
    let head = RequestHead {
        method: &question.method.to_ascii_uppercase(),
        host: authority.as_str(),
        port: authority.port_u16().unwrap_or(usual_port),
        path: &path,
        query: url.query().unwrap_or_default(),
        headers: &headers[..],
        tls,
        source: NOWHERE,
        destination: NOWHERE,
    };
    let judged = plan.router.explain(&head, TOLD_MAX);
    Ok(judged.into_iter().map(verdict).collect())
}

fn verdict(judged: Judged<'_, Route>) -> RouteVerdict {
    let text = |name: &Option<std::sync::Arc<str>>| name.as_deref().map(str::to_owned);
    let route = judged.payload;
    RouteVerdict {
        id: judged.route,
        name: text(&route.facts.name),
        service: route
            .service
            .as_ref()
            .map(|service| (service.id, text(&service.name))),
        misses: judged.misses.into_iter().map(Attribute::as_str).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_needs_a_whole_url() {
        for (url, expected) in [
            ("http://a.test/x?y=1", Ok(Vec::new())),
            ("https://a.test:8443/", Ok(Vec::new())),
            ("/x", Err(QuestionError::Url)),
            ("ftp://a.test/", Err(QuestionError::Url)),
            ("", Err(QuestionError::Url)),
            ("http://a.test/../x", Err(QuestionError::Path)),
        ] {
            let question = RouteQuestion {
                url: url.to_owned(),
                ..RouteQuestion::default()
            };
            assert_eq!(explain(&Plan::default(), &question), expected, "{url}");
        }
    }
}
