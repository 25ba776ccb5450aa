"""Judges a node by its own `/openapi.json`, with schemathesis: no 5xx, and no answer the document does not allow.

    conform.py URL [SECONDS]

A fuzzer that invents every name never meets a record twice. So the document is taken from the node and given a small
world: few ids and few names, so that what one request creates, the next finds, changes, refers to or collides with.
What ends the node, never ends, or waits for what will never happen (a 504 is then the right answer, and looks like a
failure) is cut. The seed is fixed, and the time is bounded.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request

# (method, path): why it is left out.
LEFT_OUT = {
    ("post", "/troop/stop"): "ends the node",
    ("delete", "/troop/nodes/{id}"): "removes a member",
    ("get", "/events"): "never ends",
    ("get", "/status/dns"): "is 501 here as in Kong",
    ("put", "/debug/node/log-level/{log_level}"): "fills the disk at level debug",
}

# Arguments that make a request wait, with the reason above.
WAITING = {"consistency", "min_revision", "wait", "timeout", "strict", "If-Match"}

IDS = [f"0000000{n}-0000-4000-8000-000000000000" for n in (1, 2, 3)]
NAMES = ["ann", "bob", "x.test:80"]

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

# Of one operation, in each round; rounds go on until the time is spent.
EXAMPLES = "2"

SEED = "20"


def cut(document):
    """Leaves out what is left out."""
    for path, operations in document["paths"].items():
        for method in [m for m in operations if (m, path) in LEFT_OUT]:
            del operations[method]
        for operation in operations.values():
            if isinstance(operation, dict):
                kept = [p for p in operation.get("parameters", []) if p.get("$ref", "").split("/")[-1] not in WAITING]
                operation["parameters"] = kept


def make_small(document):
    """Few ids and few names, in paths and in bodies."""
    for operations in document["paths"].values():
        for parameter in operations.get("parameters", []):
            parameter["schema"] = {"enum": IDS + NAMES}
    for name, schema in document["components"]["schemas"].items():
        if name.endswith((".new", ".change")):
            with_few_ids(schema)


def with_few_ids(schema):
    if isinstance(schema, list):
        for inner in schema:
            with_few_ids(inner)
    elif isinstance(schema, dict):
        if schema.get("format") == "uuid" and "string" in schema.get("type", []):
            schema["enum"] = IDS + ([None] if "null" in schema["type"] else [])
        for inner in schema.values():
            with_few_ids(inner)


def main():
    url = sys.argv[1]
    seconds = sys.argv[2] if len(sys.argv) > 2 else "50"
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as answer:
        document = json.load(answer)
    cut(document)
    make_small(document)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "openapi.json")
        with open(path, "w") as file:
            json.dump(document, file)
        command = [
            os.path.join(os.path.dirname(sys.executable), "schemathesis"),
            "run", path, "--url", url, "--seed", SEED, "--generation-database", "none",
            "--checks", CHECKS, "--phases", "fuzzing", "--max-examples", EXAMPLES, "--max-time", seconds,
            "--no-shrink", "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off",
        ]
        if os.environ.get("REPORT"):
            command += ["--report", "ndjson", "--report-dir", os.environ["REPORT"]]
        sys.exit(subprocess.run(command, cwd=folder, check=False).returncode)


if __name__ == "__main__":
    main()
