//! The form as JSON Schema, the language that OpenAPI 3.1 speaks.
//!
//! A translator of forms. One form is read from three sides: what a client will be shown, what it sends to make a record,
//! and what it sends to change one. The words are the same; what must be there differs, so each entity becomes three
//! schemas ([`Side`]), named `services`, `services.new` and `services.change`. Plugins, whose `config` depends on the
//! name, become one schema with an alternative per name, and each `config` a schema of its own (`plugins.key-auth.config`).
//!
//! The catch: a schema must not promise less than the answers hold or forbid what is accepted. So a rule that JSON Schema
//! counts otherwise (bytes are characters there) or cannot say (a function) is left out rather than bent.
//!
//! What it does not do: say which of a record's references a path already answers. [`left_to_paths`] names those fields, and
//! who writes the paths adds them.

use crate::{
    Record, Registry,
    document::number,
    entity::{Entity, Family},
    field::{Auto, Field, Kind},
    rule::{Pattern, Rule},
    shape::{Shape, Shorthand},
};
use serde_json::{Value, json};

/// From which side a form is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is shown: every field is there.
    Answer,
    /// What makes a record: some fields must be sent.
    New,
    /// What changes one: nothing must be sent.
    Change,
}

impl Side {
    const ALL: [Side; 3] = [Side::Answer, Side::New, Side::Change];

    fn suffix(self) -> &'static str {
        match self {
            Side::Answer => "",
            Side::New => ".new",
            Side::Change => ".change",
        }
    }
}

/// Where schemas refer to each other.
const COMPONENTS: &str = "#/components/schemas/";

/// The longest life of a record that expires, in seconds.
const TTL_MAX_SECONDS: u32 = 100_000_000;

/// The name of an entity's schema.
pub fn name(entity: &Entity, side: Side) -> String {
    format!("{}{}", entity.name(), side.suffix())
}

/// A reference to an entity's schema.
pub fn reference(entity: &Entity, side: Side) -> Value {
    json!({ "$ref": format!("{COMPONENTS}{}", name(entity, side)) })
}

/// Fields that must be known of a new record and that a path can say instead of the body: references to parents, and the
/// name in `PUT /upstreams/{name}`.
pub fn left_to_paths(entity: &Entity) -> impl Iterator<Item = &'static str> {
    let fields = entity.shape().fields.iter();
    fields.filter_map(|(name, field)| {
        (must_be_sent(field) && is_left_to_paths(entity, name, field)).then_some(*name)
    })
}

fn is_left_to_paths(entity: &Entity, name: &str, field: &Field) -> bool {
    matches!(field.kind, Kind::Foreign(_)) || entity.nested_key() == Some(name)
}

/// Whether a new record cannot do without the sender naming it.
fn must_be_sent(field: &Field) -> bool {
    match &field.kind {
        _ if !field.required || field.default.is_some() || field.auto.is_some() => false,
        Kind::Record(shape) => shape
            .fields
            .iter()
            .any(|(name, field)| !is_spelt_otherwise(shape, name) && must_be_sent(field)),
        _ => true,
    }
}

/// Whether an old name of the field may be sent in its place.
fn is_spelt_otherwise(shape: &Shape, name: &str) -> bool {
    let heads = shape
        .shorthands
        .iter()
        .filter_map(|shorthand| shorthand.echo?.split('.').next());
    heads.into_iter().any(|head| head == name)
}

/// All schemas of a registry by their names.
pub fn all(registry: &Registry) -> Record {
    let mut schemas = Record::new();
    for entity in registry.entities() {
        for side in Side::ALL {
            Writer { registry, side }.entity(entity, &mut schemas);
        }
    }
    schemas
}

#[derive(Clone, Copy)]
struct Writer<'a> {
    registry: &'a Registry,
    side: Side,
}

impl Writer<'_> {
    fn entity(self, entity: &Entity, schemas: &mut Record) {
        let mut schema = self.shape(entity.shape(), |name, field| {
            !is_left_to_paths(entity, name, field)
        });
        if entity.has_ttl() {
            let ttl = json!({ "type": ["integer", "null"], "minimum": 0, "maximum": TTL_MAX_SECONDS });
            schema["properties"]["ttl"] = ttl;
        }
        let families: Vec<Value> = entity
            .families_by_word()
            .map(|family| self.family(entity, &family, schemas))
            .collect();
        if !families.is_empty() {
            // A change need not repeat the name, and then any alternative may be meant.
            let word = if self.side == Side::Change {
                "anyOf"
            } else {
                "oneOf"
            };
            schema[word] = families.into();
        }
        schemas.insert(name(entity, self.side), schema);
    }

    /// What holds when the key of the families has this value.
    fn family(self, entity: &Entity, family: &Family<'_>, schemas: &mut Record) -> Value {
        let mut properties = Record::new();
        let mut required = Vec::new();
        properties.insert(family.key.to_owned(), json!({ "const": family.value }));
        for (name, field) in &family.shape.fields {
            let schema = match &field.kind {
                Kind::Record(_) => {
                    let component =
                        format!("{}.{}.{name}{}", entity.name(), family.value, self.side.suffix());
                    schemas.insert(component.clone(), self.field(field));
                    json!({ "$ref": format!("{COMPONENTS}{component}") })
                }
                _ => self.field(field),
            };
            properties.insert((*name).to_owned(), schema);
            if self.side == Side::New && must_be_sent(field) {
                required.push(*name);
            }
        }
        let mut schema = json!({ "properties": properties });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// `asked` says which of the fields that must be sent are asked for here.
    fn shape(self, shape: &Shape, asked: impl Fn(&str, &Field) -> bool) -> Value {
        let mut properties = Record::new();
        for (name, field) in &shape.fields {
            properties.insert((*name).to_owned(), self.field(field));
        }
        for shorthand in &shape.shorthands {
            if let Some(schema) = self.shorthand(shape, shorthand) {
                properties.insert(shorthand.name.to_owned(), schema);
            }
        }
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        match self.side {
            Side::Answer => schema["required"] = shape.fields.iter().map(|(name, _)| *name).collect(),
            Side::New => self.demand(shape, asked, &mut schema),
            Side::Change => {}
        }
        schema
    }

    /// A shorthand stands for fields, so whoever sends one has said what was asked for.
    fn demand(self, shape: &Shape, asked: impl Fn(&str, &Field) -> bool, schema: &mut Value) {
        let fields = shape.fields.iter().filter(|(name, field)| {
            must_be_sent(field) && asked(name, field) && !is_spelt_otherwise(shape, name)
        });
        let required: Vec<&str> = fields.map(|(name, _)| *name).collect();
        if required.is_empty() {
            return;
        }
        let stand_ins = shape
            .shorthands
            .iter()
            .filter(|s| s.echo.is_none() && shape.field(s.name).is_none());
        let mut ways: Vec<Value> = stand_ins.map(|s| json!({ "required": [s.name] })).collect();
        if ways.is_empty() {
            schema["required"] = json!(required);
        } else {
            ways.insert(0, json!({ "required": required }));
            schema["anyOf"] = ways.into();
        }
    }

    fn shorthand(self, shape: &Shape, shorthand: &Shorthand) -> Option<Value> {
        let is_field = shape.field(shorthand.name).is_some();
        let is_shown = self.side != Side::Answer || shorthand.echo.is_some();
        if is_field || !is_shown {
            return None;
        }
        let mut schema = self.field(&shorthand.field.clone().nullable());
        if shorthand.echo.is_some() {
            schema["deprecated"] = true.into();
        }
        Some(schema)
    }

    fn field(self, field: &Field) -> Value {
        let mut schema = self.kind(&field.kind);
        for rule in &field.rules {
            apply(rule, field, &mut schema);
        }
        if let Some(default) = field.default.as_ref().filter(|_| self.side == Side::New) {
            schema["default"] = default.clone();
        }
        if field.secret && field.kind_is_string() {
            schema["format"] = "password".into();
        }
        if field.auto == Some(Auto::UpdatedAt) {
            schema["readOnly"] = true.into();
        }
        if self.may_be_null(field) {
            allow_null(&mut schema);
        }
        schema
    }

    fn may_be_null(self, field: &Field) -> bool {
        let always_filled = self.side == Side::Answer && field.auto.is_some_and(|auto| auto != Auto::Token);
        !field.required && !field.never_null && !always_filled
    }

    fn kind(self, kind: &Kind) -> Value {
        match kind {
            Kind::String => json!({ "type": "string" }),
            Kind::Number => json!({ "type": "number" }),
            Kind::Integer => json!({ "type": "integer" }),
            Kind::Boolean => json!({ "type": "boolean" }),
            Kind::Array(elements) => json!({ "type": "array", "items": self.whole().field(elements) }),
            Kind::Set(elements) => self.set(elements),
            Kind::Map(keys, values) => json!({
                "type": "object",
                "propertyNames": self.whole().field(keys),
                "additionalProperties": self.whole().field(values),
            }),
            // Declared per family; here anything goes.
            Kind::Record(shape) if shape.fields.is_empty() => json!({ "type": "object" }),
            Kind::Record(shape) => self.shape(shape, |_, _| true),
            Kind::Foreign(schema) => self.foreign(schema),
        }
    }

    /// What is inside of a list is sent whole even by a change.
    fn whole(self) -> Self {
        let side = if self.side == Side::Change {
            Side::New
        } else {
            self.side
        };
        Writer { side, ..self }
    }

    /// Duplicates are dropped silently, so they are fine in requests and never in answers.
    fn set(self, elements: &Field) -> Value {
        let mut schema = json!({ "type": "array", "items": self.whole().field(elements) });
        if self.side == Side::Answer {
            schema["uniqueItems"] = true.into();
        }
        schema
    }

    /// Shown by id; named by id or by a field that no two records share.
    fn foreign(self, schema: &str) -> Value {
        let id = json!({ "type": "string", "format": "uuid" });
        if self.side == Side::Answer {
            return json!({ "type": "object", "properties": { "id": id }, "required": ["id"], "additionalProperties": false });
        }
        let mut properties = Record::new();
        properties.insert("id".into(), id);
        let unique = self
            .registry
            .entity(schema)
            .into_iter()
            .flat_map(Entity::unique_fields);
        properties.extend(unique.map(|name| (name.to_owned(), json!({ "type": "string" }))));
        json!({ "type": "object", "properties": properties, "minProperties": 1, "additionalProperties": false })
    }
}

fn allow_null(schema: &mut Value) {
    if let Some(Value::String(kind)) = schema.get("type").cloned() {
        schema["type"] = if kind == "null" {
            json!("null")
        } else {
            json!([kind, "null"])
        };
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

/// Rules that JSON Schema can say without saying something else.
fn apply(rule: &Rule, field: &Field, schema: &mut Value) {
    let is_text = field.kind_is_string();
    // Where a vault reference may stand, no spelling can be demanded.
    let spelling_holds = is_text && !field.referenceable;
    match rule {
        Rule::Eq(Value::Null) => *schema = json!({ "type": "null" }),
        Rule::Eq(value) => schema["enum"] = json!([value]),
        Rule::Ne(value) => forbid(schema, &json!({ "enum": [value] })),
        Rule::OneOf(values) => schema["enum"] = values.as_slice().into(),
        Rule::NotOneOf(values) => forbid(schema, &json!({ "enum": values })),
        Rule::Gt(bound) => schema["exclusiveMinimum"] = number(*bound),
        Rule::Timestamp => schema["exclusiveMinimum"] = 0.into(),
        Rule::Between(low, high) => {
            schema["minimum"] = number(*low);
            schema["maximum"] = number(*high);
        }
        Rule::Uuid => schema["format"] = "uuid".into(),
        Rule::IsRegex => schema["format"] = "regex".into(),
        // One byte is at least one character and four bytes may be one, so of text only "not empty" can be said.
        Rule::LenMin(len) if is_text => schema["minLength"] = (*len).min(1).into(),
        Rule::LenMax(len) | Rule::LenEq(len) if is_text => schema["maxLength"] = (*len).into(),
        Rule::LenMin(len) => schema["minItems"] = (*len).into(),
        Rule::LenMax(len) => schema["maxItems"] = (*len).into(),
        Rule::LenEq(len) => {
            schema["minItems"] = (*len).into();
            schema["maxItems"] = (*len).into();
        }
        Rule::StartsWith(head) if spelling_holds => {
            demand(schema, json!({ "pattern": format!("^{}", regex::escape(head)) }))
        }
        Rule::Match(pattern) if spelling_holds => demand(schema, said(pattern)),
        Rule::MatchAll(patterns) if spelling_holds => {
            patterns.iter().for_each(|(p, _)| demand(schema, said(p)))
        }
        Rule::MatchAny(patterns, _) if spelling_holds => {
            demand(
                schema,
                json!({ "anyOf": patterns.iter().map(said).collect::<Vec<_>>() }),
            );
        }
        Rule::NotMatch(pattern) if spelling_holds => forbid(schema, &spelt(pattern)),
        Rule::MatchNone(patterns) if spelling_holds => {
            patterns.iter().for_each(|(p, _)| forbid(schema, &spelt(p)))
        }
        Rule::Contains(value) => schema["contains"] = json!({ "const": value }),
        Rule::StartsWith(_)
        | Rule::Match(_)
        | Rule::MatchAll(_)
        | Rule::MatchAny(..)
        | Rule::NotMatch(_)
        | Rule::MatchNone(_)
        | Rule::Custom(_)
        | Rule::ExclusiveSubsets(_) => {}
    }
}

/// Without a type: what is no text is not judged by it.
fn said(pattern: &Pattern) -> Value {
    match pattern.as_ecma() {
        Some(text) => json!({ "pattern": text }),
        None => json!(true),
    }
}

/// With a type, so that its opposite does not forbid what is no text.
fn spelt(pattern: &Pattern) -> Value {
    match pattern.as_ecma() {
        Some(text) => json!({ "type": "string", "pattern": text }),
        None => json!(false),
    }
}

fn demand(schema: &mut Value, more: Value) {
    let list = schema["allOf"].take();
    let mut list = list.as_array().cloned().unwrap_or_default();
    list.push(more);
    schema["allOf"] = list.into();
}

fn forbid(schema: &mut Value, refused: &Value) {
    demand(schema, json!({ "not": refused }));
}
