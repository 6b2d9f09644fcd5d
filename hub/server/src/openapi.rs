//! What the description of the interface says of every route alike, added in one place: who must be signed in, how
//! refusals look, what files are, how far integers reach, and that bodies hold no unknown fields.
//!
//! The rest of the description stands at the handlers. Both together are what `./x fuzz-api` holds the hub to.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use utoipa::{
    Number,
    openapi::{
        Content, HeaderBuilder, KnownFormat, Object, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Response,
        ResponseBuilder, Schema, SchemaFormat, Type,
        path::Operation,
        schema::{AdditionalProperties, ArrayItems},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::permissions;

const SIGN_IN: &str = "sign_in";
const PROBLEM: &str = "application/problem+json";
const REFUSED: &str = "Refused";
const FAILED: &str = "Failed";
const SCHEMAS: &str = "#/components/schemas/";

/// Completes what the handlers say of themselves.
pub fn complete(mut document: OpenApi) -> OpenApi {
    let mut bodies = BTreeSet::new();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let is_open = permissions::rule(&method, path).is_some_and(|rule| rule.stranger);
            if !is_open {
                operation.security = Some(vec![SecurityRequirement::new(SIGN_IN, NO_SCOPES)]);
            }
            describe_refusals(operation);
            describe_files(operation);
            describe_integers_of_parameters(operation);
            collect_bodies(operation, &mut bodies);
        }
    }
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(
        "The access token of a sign-in; a few reading routes take a key for programs in its place.",
    ));
    components.security_schemes.insert(SIGN_IN.into(), SecurityScheme::Http(bearer.build()).into());
    components
        .responses
        .insert(REFUSED.into(), problem("Refused: what happened, what it means and one next step.").into());
    components.responses.insert(
        FAILED.into(),
        problem("The hub could not do it: a fault of its own, too much at once, or a full disk.").into(),
    );
    for schema in components.schemas.values_mut() {
        for_each_part(schema, &mut |part| describe_range(part));
    }
    close_bodies(&mut components.schemas, bodies);
    document
}

const NO_SCOPES: [&str; 0] = [];

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let by_method = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ];
    by_method.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Every refusal is a problem, those that a handler tells of and those that any route may give: an unknown id, a body
/// that cannot be read, too many requests.
fn describe_refusals(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            *response = problem(&response.description);
        }
    }
    for (status, name) in [("4XX", REFUSED), ("5XX", FAILED)] {
        responses
            .entry(status.into())
            .or_insert_with(|| Ref::new(format!("#/components/responses/{name}")).into());
    }
}

fn problem(description: &str) -> Response {
    let text = |kind| ObjectBuilder::new().schema_type(kind).build();
    let id = HeaderBuilder::new()
        .schema(Some(text(Type::String)))
        .description(Some("The request's name in the hub's log."));
    let seconds = HeaderBuilder::new()
        .schema(Some(text(Type::Integer)))
        .description(Some("Seconds after which it makes sense to try again, where waiting helps."));
    ResponseBuilder::new()
        .description(description)
        .content(PROBLEM, Content::new(Some(Ref::from_schema_name("Problem"))))
        .header("X-Request-Id", id.build())
        .header("Retry-After", seconds.build())
        .build()
}

/// A file is bytes as they are: without a schema, as OpenAPI 3.1 says it.
fn describe_files(operation: &mut Operation) {
    let replies = operation.responses.responses.values_mut().filter_map(|response| match response {
        RefOr::T(response) => Some(response.content.iter_mut()),
        RefOr::Ref(_) => None,
    });
    let body = operation.request_body.as_mut().and_then(|body| match body {
        RefOr::T(body) => Some(body.content.iter_mut()),
        RefOr::Ref(_) => None,
    });
    for (kind, content) in replies.flatten().chain(body.into_iter().flatten()) {
        let is_bytes =
            matches!(kind.as_str(), "application/octet-stream" | "application/pdf" | "application/zip");
        if let RefOr::T(content) = content
            && is_bytes
        {
            content.schema = None;
        }
    }
}

fn describe_integers_of_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(schema) = &mut parameter.schema
        {
            for_each_part(schema, &mut |part| describe_range(part));
        }
    }
}

/// The integers of Rust end where their bits do; the description of a type says so only by its format.
fn describe_range(part: &mut Schema) {
    let Schema::Object(object) = part else { return };
    let Some(SchemaFormat::KnownFormat(format)) = &object.format else { return };
    let Some((_, least, most)) = RANGES.iter().find(|(known, ..)| known == format) else { return };
    let number = |value: i64| isize::try_from(value).ok().map(Number::Int);
    if object.minimum.is_none() {
        object.minimum = number(*least);
    }
    if object.maximum.is_none() {
        object.maximum = number(*most);
    }
}

const RANGES: [(KnownFormat, i64, i64); 7] = [
    (KnownFormat::Int8, i8::MIN as i64, i8::MAX as i64),
    (KnownFormat::Int16, i16::MIN as i64, i16::MAX as i64),
    (KnownFormat::Int32, i32::MIN as i64, i32::MAX as i64),
    (KnownFormat::Int64, i64::MIN, i64::MAX),
    (KnownFormat::UInt8, 0, u8::MAX as i64),
    (KnownFormat::UInt16, 0, u16::MAX as i64),
    (KnownFormat::UInt32, 0, u32::MAX as i64),
];

/// The types that the bodies of an operation name.
fn collect_bodies(operation: &mut Operation, bodies: &mut BTreeSet<String>) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        if let RefOr::T(Content { schema: Some(schema), .. }) = content {
            bodies.extend(named(schema));
        }
    }
}

/// A misspelt field must not be lost in silence: what a body may hold is refused with one that is not known. The derived
/// descriptions say so of structs only, not of the variants of an enum.
fn close_bodies(schemas: &mut BTreeMap<String, RefOr<Schema>>, mut left: BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    while let Some(name) = left.pop_first() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let Some(schema) = schemas.get_mut(&name) else { continue };
        left.extend(named(schema));
        for_each_part(schema, &mut |part| {
            if let Schema::Object(object) = part
                && !object.properties.is_empty()
                && !is_name_only(object)
                && object.additional_properties.is_none()
            {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
        });
    }
}

/// A variant without fields: serde does not look at what else stands beside its name.
fn is_name_only(object: &Object) -> bool {
    object.properties.len() == 1
        && object.properties.values().all(|property| {
            matches!(property, RefOr::T(Schema::Object(name)) if name.enum_values.as_ref().is_some_and(|names| names.len() == 1))
        })
}

/// The types that a schema names.
fn named(schema: &mut RefOr<Schema>) -> Vec<String> {
    let mut names = Vec::new();
    for_each(schema, &mut |part| {
        if let RefOr::Ref(reference) = part {
            names.extend(reference.ref_location.strip_prefix(SCHEMAS).map(str::to_owned));
        }
    });
    names
}

fn for_each_part(schema: &mut RefOr<Schema>, change: &mut impl FnMut(&mut Schema)) {
    for_each(schema, &mut |part| {
        if let RefOr::T(part) = part {
            change(part);
        }
    });
}

/// Every schema within a schema, itself first; what it only names is not followed.
fn for_each(schema: &mut RefOr<Schema>, visit: &mut impl FnMut(&mut RefOr<Schema>)) {
    visit(schema);
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                for_each(items, visit);
            }
        }
        Schema::Object(object) => {
            object.properties.values_mut().for_each(|property| for_each(property, visit));
            if let Some(AdditionalProperties::RefOr(values)) = object.additional_properties.as_deref_mut() {
                for_each(values, visit);
            }
        }
        Schema::OneOf(some) => some.items.iter_mut().for_each(|item| for_each(item, visit)),
        Schema::AllOf(all) => all.items.iter_mut().for_each(|item| for_each(item, visit)),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(|item| for_each(item, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn document() -> Value {
        serde_json::to_value(crate::router::openapi()).expect("JSON")
    }

    #[test]
    fn every_operation_tells_its_refusals_as_problems_and_who_must_be_signed_in() {
        let document = document();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let responses = operation["responses"].as_object().expect("responses");
                for (status, response) in
                    responses.iter().filter(|(status, _)| status.starts_with(['4', '5']))
                {
                    let leads_there = response["$ref"].as_str().is_some_and(|to| to.contains("/responses/"));
                    assert!(
                        leads_there || response["content"][PROBLEM].is_object(),
                        "{method} {path} {status}"
                    );
                }
                assert!(responses.contains_key("4XX") && responses.contains_key("5XX"), "{method} {path}");
                let method: Method = method.to_uppercase().parse().expect("a method");
                let rule = permissions::rule(&method, path).expect("a rule");
                assert_eq!(operation["security"].is_array(), !rule.stranger, "{method} {path}");
            }
        }
    }

    #[test]
    fn bodies_are_closed_and_integers_have_ends() {
        let document = document();
        let schemas = &document["components"]["schemas"];
        for variant in schemas["Answer"]["oneOf"].as_array().expect("variants") {
            assert_eq!(variant["additionalProperties"], false, "{variant}");
        }
        assert_eq!(schemas["AddPupil"]["properties"]["number"]["maximum"], 65_535);
        let file = &document["paths"]["/api/v1/rosters"]["post"]["requestBody"]["content"];
        assert_eq!(file["application/octet-stream"], serde_json::json!({}));
    }
}
