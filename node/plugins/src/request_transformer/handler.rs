//! Path, method, fields, body, query, in this order.

use super::{
    body,
    fields::Fields,
    template::{Environment, Root, Template},
};
use crate::{arguments::Arguments, config::wrong, transform::Changes};
use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use troop_plugin_api::{
    BodyError, Exchange, Failure, Handler, Misconfigured, Phases, Reply, Request, Step, UriCapture, Verdict,
};
use troop_schema::Record;

/// What a path cannot hold as it is; a `%` stays, so that what is encoded already is not encoded twice.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?');

/// One configured instance.
pub(super) struct Transformer {
    path: Option<Template>,
    method: Option<Method>,
    headers: Changes<Template>,
    body: Changes<Template>,
    query: Changes<Template>,
}

impl Transformer {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let template = |action: &str, text: &str, _| read_template(action, text);
        let text = |of: &str, field: &str| Some(config.get(of)?.get(field)?.as_str()?.to_owned());
        let method = config.get("http_method").and_then(|m| m.as_str());
        Ok(Transformer {
            path: text("replace", "uri")
                .map(|uri| read_template("replace", &uri))
                .transpose()?,
            method: method
                .map(|name| name.parse().map_err(|_| wrong("http_method", "not a method")))
                .transpose()?,
            headers: Changes::configure(config, "headers", template)?,
            body: Changes::configure(config, "body", template)?,
            query: Changes::configure(config, "querystring", template)?,
        })
    }

    /// Everything that needs no body.
    fn change(&self, exchange: &mut Exchange<'_>) -> Result<(), Failure> {
        let captures = (exchange.facts.captures)();
        if let Some(template) = &self.path {
            let path = fill(template, &Seen::of(&exchange.request, &captures))?;
            if !path.starts_with('/') {
                return Err(Failure::new("the path to ask for does not begin with a slash"));
            }
            let path = utf8_percent_encode(&path, NOT_IN_PATHS).to_string();
            exchange.request.set_path(path);
        }
        if let Some(method) = &self.method {
            exchange.request.set_method(method.clone());
        }
        if !self.headers.is_empty() {
            let (mut fields, seen) = (
                Fields::of(&exchange.request),
                Seen::of(&exchange.request, &captures),
            );
            self.headers
                .apply(&mut fields, |template| fill(template, &seen))?;
            fields.write_to(&mut exchange.request)?;
        }
        Ok(())
    }

    fn change_query(&self, exchange: &mut Exchange<'_>, from_body: Option<Arguments>) -> Result<(), Failure> {
        if self.query.is_empty() && from_body.is_none() {
            return Ok(());
        }
        let captures = (exchange.facts.captures)();
        let mut arguments = Arguments::read(exchange.request.query());
        arguments.merge(from_body.unwrap_or_default());
        let seen = Seen::of(&exchange.request, &captures);
        self.query
            .apply(&mut arguments, |template| fill(template, &seen))?;
        exchange.request.set_query(arguments.write());
        Ok(())
    }

    /// Kong: a form that is no longer sent with a body's method goes into the query as well.
    fn moves_form(&self) -> bool {
        matches!(self.method, Some(Method::GET | Method::HEAD | Method::TRACE))
    }

    async fn run(&self, exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        self.change(exchange)?;
        let content_type = exchange.request.header("content-type").unwrap_or_default();
        let content_type = String::from_utf8_lossy(&content_type).into_owned();
        if !body::is_known(&content_type) {
            self.change_query(exchange, None)?;
            return Ok(Verdict::Continue);
        }
        let raw = match exchange.request.body().read().await {
            Ok(raw) => raw,
            Err(BodyError::TooLarge { .. }) => return Ok(Reply::error(413, "Payload too large").into()),
            Err(error) => return Err(Failure::caused_by("the body cannot be changed", error)),
        };
        let moved = self
            .moves_form()
            .then(|| body::form_arguments(&content_type, &raw))
            .flatten();
        if !self.body.is_empty() {
            let captures = (exchange.facts.captures)();
            let seen = Seen::of(&exchange.request, &captures);
            let changed = body::changed(&content_type, &raw, |target| {
                self.body.apply(target, |template| fill(template, &seen))
            })?;
            if let Some(changed) = changed {
                exchange.request.body().replace(changed);
            }
        }
        self.change_query(exchange, moved)?;
        Ok(Verdict::Continue)
    }
}

fn read_template(action: &str, text: &str) -> Result<Template, Misconfigured> {
    let field = match action {
        "add" => "add",
        "append" => "append",
        _ => "replace",
    };
    Template::read(text).map_err(|why| wrong(field, &why))
}

fn fill(template: &Template, seen: &Seen<'_, '_>) -> Result<String, Failure> {
    let filled = template.render(seen);
    filled.map_err(|why| Failure::new(format!("a template cannot be filled: {why}")))
}

/// What holes can be filled with.
struct Seen<'a, 'r> {
    request: &'a Request<'r>,
    captures: &'a [UriCapture],
}

impl<'a, 'r> Seen<'a, 'r> {
    fn of(request: &'a Request<'r>, captures: &'a [UriCapture]) -> Self {
        Seen { request, captures }
    }
}

impl Environment for Seen<'_, '_> {
    fn look(&self, root: Root, name: &str) -> Option<String> {
        match root {
            Root::Headers => {
                let value = self
                    .request
                    .header(&name.replace('_', "-").to_ascii_lowercase())?;
                Some(String::from_utf8_lossy(&value).into_owned())
            }
            Root::Query => {
                let mut arguments = crate::query::arguments(self.request.query());
                let argument = arguments.find(|argument| argument.name == name)?;
                // Kong: a bare name is true.
                Some(argument.value.unwrap_or_else(|| "true".to_owned()))
            }
            Root::Captures => {
                let index = name.parse::<usize>().ok();
                let meant = |c: &&UriCapture| c.name.as_deref() == Some(name) || Some(c.index) == index;
                self.captures
                    .iter()
                    .find(meant)
                    .map(|capture| capture.value.clone())
            }
            // Kong: what other Lua code left; there is none here.
            Root::Shared => None,
        }
    }
}

impl Handler for Transformer {
    fn phases(&self) -> Phases {
        Phases::ACCESS
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        if !self.body.is_empty() || self.moves_form() {
            return Step::later(self.run(exchange));
        }
        let changed = self
            .change(exchange)
            .and_then(|()| self.change_query(exchange, None));
        Step::Done(changed.map(|()| Verdict::Continue))
    }
}

#[cfg(test)]
mod tests;
