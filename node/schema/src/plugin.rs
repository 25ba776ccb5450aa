//! The form of one plugin's configuration.
//!
//! A plugin record is the same for all plugins except for its `config`, and for which scopes and protocols make sense. A
//! [`PluginSchema`] says these three things; the registry glues it over the table of plugins.
//!
//! The catch: checks over several fields name them from the record's root: `config.minute`.

use crate::{
    check::Check,
    field::Field,
    rule::{Custom, Rule},
    shape::{Shape, Shorthand},
};
use serde_json::{Value, json};

/// Protocols a plugin runs on when it does not say otherwise.
pub(crate) const HTTP_PROTOCOLS: [&str; 4] = ["grpc", "grpcs", "http", "https"];

/// One plugin's part of the table of plugins.
#[derive(Clone, Debug)]
pub struct PluginSchema {
    name: &'static str,
    config: Shape,
    config_rules: Vec<Rule>,
    protocols: Vec<&'static str>,
    usual_protocols: Option<Vec<&'static str>>,
    forbidden_scopes: Vec<&'static str>,
    checks: Vec<Check>,
}

impl PluginSchema {
    /// A plugin with this configuration, for HTTP and gRPC, in any scope.
    pub fn new(name: &'static str, config: Vec<(&'static str, Field)>) -> Self {
        PluginSchema {
            name,
            config: Shape::new(config),
            config_rules: Vec::new(),
            protocols: HTTP_PROTOCOLS.to_vec(),
            usual_protocols: None,
            forbidden_scopes: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// Cannot be bound to a consumer.
    pub fn without_consumer(mut self) -> Self {
        self.forbidden_scopes.push("consumer");
        self
    }

    /// Cannot be bound to a service.
    pub fn without_service(mut self) -> Self {
        self.forbidden_scopes.push("service");
        self
    }

    /// Cannot be bound to a route.
    pub fn without_route(mut self) -> Self {
        self.forbidden_scopes.push("route");
        self
    }

    /// Runs on these protocols.
    pub fn protocols(mut self, protocols: impl IntoIterator<Item = &'static str>) -> Self {
        self.protocols = protocols.into_iter().collect();
        self
    }

    /// Runs on these protocols unless told otherwise. Without this: on those for HTTP among its own, or else on all of its own.
    pub fn usual_protocols(mut self, protocols: impl IntoIterator<Item = &'static str>) -> Self {
        self.usual_protocols = Some(protocols.into_iter().collect());
        self
    }

    /// A check over several fields, named from the root: `config.minute`.
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// A shorthand inside of the configuration.
    pub fn shorthand(mut self, shorthand: Shorthand) -> Self {
        self.config = self.config.shorthand(shorthand);
        self
    }

    /// A rule over the configuration as a whole; its remark stands at `config`.
    pub fn config_rule(mut self, custom: Custom) -> Self {
        self.config_rules.push(Rule::Custom(custom));
        self
    }

    /// The plugin's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The configuration's fields.
    pub fn config(&self) -> &Shape {
        &self.config
    }

    /// `/schemas/plugins/<name>`.
    pub fn document(&self) -> Value {
        crate::document::of(crate::shape::Layers::plain(&self.shape()))
    }

    /// `/plugins/schema/<name>`: the configuration alone.
    pub fn config_document(&self) -> Value {
        json!({ "fields": crate::document::fields(crate::shape::Layers::plain(&self.config)) })
    }

    /// What is glued over the table of plugins.
    pub(crate) fn shape(&self) -> Shape {
        let mut fields: Vec<_> = self
            .forbidden_scopes
            .iter()
            .map(|scope| (*scope, forbidden(scope)))
            .collect();
        fields.push(("protocols", self.protocols_field()));
        fields.push(("config", self.config_field()));
        let shape = Shape::new(fields);
        self.checks.iter().cloned().fold(shape, Shape::check)
    }

    fn protocols_field(&self) -> Field {
        Field::set(Field::string().one_of(self.protocols.iter().copied()))
            .required()
            .default(self.default_protocols())
    }

    fn default_protocols(&self) -> Vec<&'static str> {
        if let Some(usual) = &self.usual_protocols {
            return usual.clone();
        }
        let for_http = HTTP_PROTOCOLS.into_iter().filter(|p| self.protocols.contains(p));
        let for_http: Vec<_> = for_http.collect();
        if for_http.is_empty() {
            self.protocols.clone()
        } else {
            for_http
        }
    }

    fn config_field(&self) -> Field {
        let record = Field::record_of(self.config.clone());
        self.config_rules.iter().cloned().fold(record, Field::rule)
    }
}

/// A reference that must stay null.
fn forbidden(scope: &str) -> Field {
    let reference = match scope {
        "consumer" => "consumers",
        "service" => "services",
        _ => "routes",
    };
    Field::foreign(reference).eq(Value::Null)
}
