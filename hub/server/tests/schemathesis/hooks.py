"""What the hub's description promises beyond what schemathesis knows, and the two places where it asks for too much."""

import json
import re

import jsonschema_rs
import schemathesis
from schemathesis.core.failures import Failure

# The hub could not read the request at all: so its types and its description differ.
NOT_READ = ("bad_body", "bad_request")
# JSON Schema calls 3.0 an integer. No program of ours writes one so, and the hub need not read it.
WHOLE_FLOAT = re.compile(r"invalid type: floating point `-?[0-9.e+]+`, expected [iu](8|16|32|64)\b")


@schemathesis.check
def understood(ctx, response, case):
    """What fits the description is read; it may still be refused, but never as something else than was described."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return
    problem = response.json()
    if problem["code"] in NOT_READ and not WHOLE_FLOAT.search(problem["detail"]):
        fail(case, "Fits the description but is not understood", f"{problem['code']}: {problem['detail']}")


@schemathesis.check
def refused_in_own_words(ctx, response, case):
    """Every refusal is a problem with its status, its request's id and one next step."""
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    problem = response.json()
    missing = []
    if problem["status"] != response.status_code:
        missing.append("the status of the reply")
    if problem.get("instance") != response.headers["x-request-id"][0]:
        missing.append("the request's id")
    if not problem["detail"].strip():
        missing.append("what happened")
    if not problem.get("hint"):
        missing.append("the next step")
    if missing:
        fail(case, "A refusal without its words", ", ".join(missing))


@schemathesis.check
def events_as_described(ctx, response, case):
    """OpenAPI 3.1 has no word for the events of a stream: the description gives the schema of their data."""
    content_type = response.headers.get("content-type", [""])[0]
    if not content_type.startswith("text/event-stream"):
        return
    described = described_content(case, response.status_code)["text/event-stream"]["schema"]
    validator = validator_for(case, described)
    for line in response.content.decode().splitlines():
        if line.startswith("data:"):
            for error in validator.iter_errors(json.loads(line.removeprefix("data:"))):
                fail(case, "An event that is not as described", f"{error.message}\n{line}")


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """False drops the failure."""
    if failure.code == "ST108" and response.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        # See events_as_described.
        return False
    return not (failure.code == "ST201" and is_read_by_place(case))


def is_read_by_place(case):
    """serde also reads a list in the place of an object, its items as the fields in their order, and a number in the
    place of a variant's name. Whoever sends that might as well have sent the object: all rules hold."""
    body = case.operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json")
    if body is None or not isinstance(case.body, (dict, list)):
        return False
    return any(
        (isinstance(error.instance, list) and error.message.endswith('is not of type "object"'))
        or (isinstance(error.instance, int) and list(error.instance_path)[-1:] in (["kind"], ["form"]))
        for error in leaves(validator_for(case, body["schema"]).iter_errors(case.body))
    )


def leaves(errors):
    """Errors, and those within the variants of which none fits."""
    for error in errors:
        yield error
        for variant in getattr(error.kind, "context", None) or ():
            yield from leaves(variant)


def described_content(case, status):
    return case.operation.definition.raw["responses"][str(status)]["content"]


def validator_for(case, schema):
    components = case.operation.schema.raw_schema["components"]
    return jsonschema_rs.validator_for({**schema, "components": components}, validate_formats=True)


def fail(case, title, message):
    raise Failure(operation=case.operation.label, title=title, message=message)
