//! The API's own description, OpenAPI 3.1: made from the routes, served, and checked in as `controller/openapi.json`.
//!
//! A handler's annotation says what is its own: parameters, body, and the good answer. What holds for many routes is
//! added here, by one rule for each answer, so that no route can forget it.

use super::{
    router::{guarded, open},
    schema::error::CallError,
};
use axum::http::{HeaderValue, header};
use std::sync::LazyLock;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, Header, InfoBuilder, License, Ref, RefOr, Response, ResponseBuilder,
        path::{Operation, Parameter, ParameterIn, PathItem},
        schema::{ComponentsBuilder, ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme},
    },
};

static TEXT: LazyLock<String> = LazyLock::new(text);

/// Shows this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "ShowOpenApi",
    tag = "Service",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub(super) async fn show() -> ([(header::HeaderName, HeaderValue); 1], &'static str) {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], &TEXT)
}

/// The document as it is served and checked in.
#[must_use]
pub fn text() -> String {
    let mut text = document().to_pretty_json().expect("the document has only names for keys");
    text.push('\n');
    text
}

fn document() -> utoipa::openapi::OpenApi {
    let mut document = guarded().into_openapi();
    document.info = InfoBuilder::new()
        .title("Billet")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Bare-metal provisioning in the shape of the CloudDC API family. `packaging/doc/api.md` says what differs.",
        ))
        .license(Some(License::new("Apache-2.0")))
        .build();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            guard(path, method, operation);
        }
    }
    document.merge(open().into_openapi());
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    head(response);
                }
            }
        }
    }
    let components = document.components.get_or_insert_with(|| ComponentsBuilder::new().build());
    components.schemas.insert(CallError::name().into(), CallError::schema());
    for (status, name, description) in REFUSALS {
        components.responses.insert(name.into(), refusal(status, description).into());
    }
    components.add_security_scheme(TOKEN, key("X-Auth-Token", "A token: of the token file, or of Keystone v3."));
    let signature = "The public clients' signature: `SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…`, with the \
                     header X-Sdk-Date.";
    components.add_security_scheme(SIGNATURE, key("Authorization", signature));
    document
}

const TOKEN: &str = "token";
const SIGNATURE: &str = "signature";

fn key(header: &str, description: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(header, description)))
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
        ("patch", &mut item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Each refusal, described once: its status, its name in the document, and what it tells.
const REFUSALS: [(u16, &str, &str); 9] = [
    (400, "BadRequest", "A field breaks a rule, or what it names does not allow this"),
    (401, "Unauthorized", "No credential, or no known one"),
    (403, "Forbidden", "The caller may not"),
    (404, "NotFound", "What the path names is not there for this caller"),
    (408, "Slow", "The body came too slowly"),
    (413, "TooLong", "The body is too long"),
    (429, "TooMany", "Too often, or too much at once"),
    (500, "Internal", "The fault is Billet's"),
    (503, "Unavailable", "Too late, or what the call needs is out of reach; nothing was refused for good"),
];

/// What a guarded route may answer beside the good answer, by what it takes.
fn guard(path: &str, method: &str, operation: &mut Operation) {
    operation.security =
        Some([TOKEN, SIGNATURE].map(|name| SecurityRequirement::new(name, Vec::<String>::new())).into());
    project(path, operation);
    let body = operation.request_body.is_some();
    let query = parameters(operation).any(|parameter| parameter.parameter_in == ParameterIn::Query);
    for (status, name, _) in REFUSALS {
        let possible = match status {
            400 => body || query || method != "get",
            404 => path.contains('{'),
            408 | 413 => body,
            _ => true,
        };
        if possible {
            operation.responses.responses.insert(status.to_string(), Ref::from_response_name(name).into());
        }
    }
}

/// The project stands in the path of the nest, which a handler's annotation does not know of.
fn project(path: &str, operation: &mut Operation) {
    use utoipa::openapi::{Required, path::ParameterBuilder};
    if path.contains("{project_id}") && !parameters(operation).any(|parameter| parameter.name == "project_id") {
        let project = ParameterBuilder::new()
            .name("project_id")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("The caller's project; operators act in all"))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        operation.parameters.get_or_insert_default().insert(0, project.build().into());
    }
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

fn refusal(status: u16, description: &str) -> Response {
    let body = Content::new(Some(Ref::from_schema_name(CallError::name())));
    let mut response = ResponseBuilder::new().description(description).content("application/json", body).build();
    head(&mut response);
    if matches!(status, 429 | 503) {
        let mut seconds = Header::new(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)));
        seconds.description = Some("In how many seconds to come again".into());
        response.headers.insert("Retry-After".into(), seconds.into());
    }
    response
}

/// What every answer has.
fn head(response: &mut Response) {
    let mut id = Header::new(ObjectBuilder::new().schema_type(Type::String));
    id.description = Some("The request's id, as in the log".into());
    response.headers.insert("X-Request-Id".into(), id.into());
}

#[cfg(test)]
mod tests;
