//! What stands on many plates: arguments, refusals, pages.

use serde_json::{Map, Value, json};
use troop_schema::Record;

/// What an operation does, which decides how it can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Looks.
    Reads,
    /// Changes something and has a body.
    Writes,
    /// Changes something without a body.
    Deletes,
}

/// Refusals of every operation, of those that write, of those with a body.
const ALWAYS: [u16; 7] = [400, 404, 405, 408, 500, 503, 504];
const WRITING: [u16; 4] = [409, 412, 422, 429];
const WITH_BODY: [u16; 2] = [413, 415];

/// Every refusal with a sentence.
const REFUSALS: [(u16, &str); 15] = [
    (
        400,
        "The request is not what it should be; the fields at fault are named",
    ),
    (404, "There is no such path, record or relation"),
    (405, "The path does not answer this method"),
    (408, "The body did not arrive in time"),
    (409, "Another record has a value that must be unique"),
    (410, "The events asked for are no longer kept"),
    (412, "The record is not at the revision that `If-Match` names"),
    (413, "The body, or the change it asks for, is too large"),
    (415, "The body is of a type that is not read here"),
    (422, "The `Idempotency-Key` was used for another request"),
    (429, "This node is busy with others of the kind; ask again later"),
    (500, "This node's storage is broken"),
    (501, "This node cannot do that"),
    (503, "Nothing was changed: no quorum, or a limit is reached"),
    (
        504,
        "The outcome is unknown, or was not served everywhere in time; the message says which",
    ),
];

/// A plate being written.
pub(super) struct Operation(Value);

/// A plate with its summary, arguments and refusals.
pub(super) fn operation(summary: &str, work: Work, parameters: &[&str]) -> Operation {
    let terms: &[&str] = match work {
        Work::Reads => &["consistency", "min_revision"],
        Work::Writes | Work::Deletes => &[
            "wait",
            "timeout",
            "strict",
            "dry_run",
            "transform",
            "Idempotency-Key",
        ],
    };
    let parameters: Vec<Value> = parameters
        .iter()
        .chain(terms)
        .map(|name| parameter(name))
        .collect();
    let mut refusals = ALWAYS.to_vec();
    if work != Work::Reads {
        refusals.extend(WRITING);
    }
    if work == Work::Writes {
        refusals.extend(WITH_BODY);
    }
    let responses: Map<String, Value> = refusals.into_iter().map(refusal).collect();
    Operation(json!({ "summary": summary, "parameters": parameters, "responses": responses }))
}

fn refusal(status: u16) -> (String, Value) {
    (
        status.to_string(),
        json!({ "$ref": format!("#/components/responses/{status}") }),
    )
}

fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

impl From<Value> for Operation {
    fn from(plate: Value) -> Self {
        Operation(plate)
    }
}

impl Operation {
    /// Takes a body of this schema, or the same as a form.
    pub(super) fn taking(mut self, schema: Value) -> Self {
        let form = json!({ "schema": { "$ref": "#/components/schemas/form" } });
        self.0["requestBody"] = json!({ "content": {
            "application/json": { "schema": schema },
            "application/x-www-form-urlencoded": form,
            "multipart/form-data": form,
        } });
        self
    }

    /// Answers with JSON of this schema, or with nothing.
    pub(super) fn answering(self, status: u16, says: &str, schema: Option<Value>) -> Self {
        let content = schema.map(|schema| json!({ "application/json": { "schema": schema } }));
        self.answering_with(status, says, content)
    }

    /// Answers with content of any type, or with nothing.
    pub(super) fn answering_with(mut self, status: u16, says: &str, content: Option<Value>) -> Self {
        let mut response = json!({ "description": says });
        if let Some(content) = content {
            response["content"] = content;
        }
        self.0["responses"][status.to_string()] = response;
        self
    }

    /// Also refuses with these.
    pub(super) fn refusing(mut self, statuses: &[u16]) -> Self {
        for (status, response) in statuses.iter().copied().map(refusal) {
            self.0["responses"][status] = response;
        }
        self
    }

    /// An argument of this operation alone.
    pub(super) fn arg(mut self, name: &str, says: &str, schema: Value) -> Self {
        let own = json!({ "name": name, "in": "query", "description": says, "schema": schema });
        if let Some(parameters) = self.0["parameters"].as_array_mut() {
            parameters.push(own);
        }
        self
    }

    /// The plate.
    pub(super) fn written(self) -> Value {
        self.0
    }
}

/// A page of these.
pub(super) fn page(rows: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "data": { "type": "array", "items": rows },
            "next": { "type": ["string", "null"], "description": "Path of the next page" },
            "offset": { "type": "string", "description": "Where the next page starts; absent on the last one" },
        },
        "required": ["data", "next"],
        "additionalProperties": false,
    })
}

/// A variable segment.
pub(super) fn path_parameter(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
}

/// `components/responses`.
pub(super) fn responses() -> Record {
    REFUSALS
        .into_iter()
        .map(|(status, says)| (status.to_string(), response(status, says)))
        .collect()
}

fn response(status: u16, says: &str) -> Value {
    let json = json!({ "schema": { "$ref": "#/components/schemas/refusal" } });
    let mut content = json!({ "application/json": json });
    // Kong: nginx answers these with its own page.
    if matches!(status, 413 | 415) {
        content["text/html"] = json!({ "schema": { "type": "string" } });
    }
    json!({ "description": says, "content": content })
}

/// Schemas that no table has.
pub(super) fn schemas() -> Record {
    let text = json!({ "type": "string" });
    let schemas = [
        (
            "refusal",
            json!({
                "type": "object",
                "properties": {
                    "message": text,
                    "code": { "type": "integer", "description": "Kong's number of the sort of error" },
                    "name": { "type": "string", "description": "Kong's name of the sort of error" },
                    "fields": { "type": "object", "description": "What is wrong, by field; `@entity` for the whole" },
                    "options": { "type": "object", "description": "What is wrong, by query argument" },
                },
                "required": ["message"],
            }),
        ),
        (
            "message",
            json!({ "type": "object", "properties": { "message": text }, "required": ["message"] }),
        ),
        ("form", json!({ "type": "object", "additionalProperties": text })),
    ];
    schemas
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

/// `components/parameters`.
pub(super) fn parameters() -> Record {
    let rows = [
        (
            "query",
            "size",
            "Rows of a page",
            json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
        ),
        (
            "query",
            "offset",
            "Where the page starts: `offset` of the page before",
            json!({ "type": "string" }),
        ),
        (
            "query",
            "tags",
            "Only what wears all of `a,b`, or any of `a/b`; five tags at most",
            json!({ "type": "string", "minLength": 1 }),
        ),
        (
            "query",
            "consistency",
            "`local` reads what this node has, without asking the leader",
            json!({ "enum": ["linearizable", "local"] }),
        ),
        (
            "query",
            "min_revision",
            "Wait until this node has this revision",
            json!({ "type": "integer", "minimum": 0 }),
        ),
        (
            "query",
            "wait",
            "Whose data planes serve the change before it is answered",
            json!({ "enum": ["local", "quorum", "all"] }),
        ),
        (
            "query",
            "timeout",
            "How long to wait, such as `500ms` or `5s`",
            json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m)?$" }),
        ),
        (
            "query",
            "strict",
            "A wait that runs out is a 504",
            json!({ "type": "string" }),
        ),
        (
            "query",
            "transform",
            "`0` stores values as they are sent: a hash is not hashed again",
            json!({ "type": "string" }),
        ),
        (
            "query",
            "dry_run",
            "Judge the write and answer as if it were made; change nothing",
            json!({ "enum": ["0", "1"] }),
        ),
        (
            "header",
            "Idempotency-Key",
            "The write is made once, however often it is sent under this key",
            json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[0-9A-Za-z._-]+$" }),
        ),
        (
            "header",
            "If-Match",
            "Only if the record is still at this `ETag`",
            json!({ "type": "string" }),
        ),
    ];
    rows.into_iter()
        .map(|(place, name, says, schema)| {
            let parameter = json!({ "name": name, "in": place, "description": says, "schema": schema });
            (name.to_owned(), parameter)
        })
        .collect()
}
