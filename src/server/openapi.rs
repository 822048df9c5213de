//! The OpenAPI document: generated from the routes that serve, completed with what holds for all.

use crate::http::Problem;
use crate::server::{health, routes::routes};
use actix_web::App;
use utoipa::OpenApi as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response, ResponseBuilder,
    schema::Type,
};
use utoipa_actix_web::{AppExt, scope};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Changbei 常备",
        description = "The epidemic reserves of a county: stock, shortfalls against the reserve \
            plan in force, and dispatches until they are signed for.\n\nQuantities are integers in \
            base units, money is a decimal string in yuan, instants are RFC 3339 in UTC. Every \
            storing request carries an `Idempotency-Key`; document actions carry `If-Match`. \
            Errors are problem documents (RFC 9457) in Chinese or English by `Accept-Language`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "catalogue", description = "物资目录: items, packs, trade item numbers, substitutes"),
        (name = "stores", description = "储备点: regions, kinds of store, stores"),
        (name = "stock", description = "库存: receipts, issues, write-offs, movements, lots"),
        (name = "stocktakes", description = "盘点: sheets, counts, differences, accuracy"),
        (name = "reports", description = "库存日报: what stores tell they hold, who told it, daily use by hand"),
        (name = "planning", description = "储备方案与缺口: reserve plans, response level, shortfalls"),
        (name = "dispatches", description = "调拨: from request to signature; paperwork; draw-downs"),
        (name = "allocations", description = "分配: who gets what of scarce stock; routes"),
        (name = "users", description = "用户: roles, tokens, the audit trail"),
        (name = "system", description = "系统: health, measurements"),
    )
)]
struct Document;

/// The document of everything that the service serves.
pub fn openapi() -> OpenApi {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Document::openapi())
        .service(health::healthz)
        .service(health::readyz)
        .service(health::metrics)
        .service(health::problem_kind)
        .service(scope("/api/v1").configure(routes))
        .split_for_parts();
    complete_document(&mut document);
    document
}

/// The document as it is committed: indented JSON with a line break at its end.
///
/// # Errors
/// When the document has no JSON form, which only a fault in the generator could cause.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    openapi().to_pretty_json().map(|json| settled(&json))
}

/// The same text with the `x-` members of each operation in the order of their names: the
/// generator keeps them in a hash map, whose order differs from run to run.
fn settled(json: &str) -> String {
    let is_extension = |line: &str| line.trim_start().starts_with("\"x-");
    let mut settled = String::with_capacity(json.len());
    let mut lines = json.lines().peekable();
    while let Some(line) = lines.next() {
        let mut group = vec![line];
        while is_extension(line) && lines.peek().is_some_and(|next| is_extension(next)) {
            group.extend(lines.next());
        }
        let ends_object = group.last().is_some_and(|last| !last.ends_with(','));
        let many = group.len() > 1;
        group.sort_unstable();
        let last = group.len() - 1;
        for (at, line) in group.into_iter().enumerate() {
            let bare = if many { line.trim_end_matches(',') } else { line };
            settled.push_str(bare);
            if many && !(at == last && ends_object) {
                settled.push(',');
            }
            settled.push('\n');
        }
    }
    settled
}

/// Security, headers and the errors that every operation can answer.
fn complete_document(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert(
        "token".to_owned(),
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()).into(),
    );
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]);
    for (path, item) in &mut document.paths.paths {
        let guarded = path.starts_with("/api/");
        let has_path_parameter = path.contains('{');
        for (method, operation) in operations(item) {
            if guarded {
                complete(operation, &method, has_path_parameter);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> Vec<(HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Delete, &mut item.delete),
        (HttpMethod::Patch, &mut item.patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
    .collect()
}

/// Whether an operation changes a versioned thing: PATCH and PUT, and the actions of documents.
fn is_conditional(operation: &Operation, method: &HttpMethod, has_path_parameter: bool) -> bool {
    let created = operation.responses.responses.contains_key("201");
    if matches!(method, HttpMethod::Patch | HttpMethod::Put) {
        return true;
    }
    matches!(method, HttpMethod::Post) && has_path_parameter && !created
}

/// Whether an operation stores something: a question in a body says of itself that it does not.
fn stores(operation: &Operation) -> bool {
    let says = operation.extensions.as_ref().and_then(|extensions| extensions.get("x-stores"));
    says != Some(&serde_json::Value::Bool(false))
}

fn complete(operation: &mut Operation, method: &HttpMethod, has_path_parameter: bool) {
    let storing = !matches!(method, HttpMethod::Get) && stores(operation);
    let has_body = operation.request_body.is_some();
    let conditional = storing && is_conditional(operation, method, has_path_parameter);
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(header("Accept-Language", "`zh` or `en`: the language of messages", false));
    if storing {
        let text =
            "Unique for each intended effect; a repeated request gets the first answer again";
        // The commands of a batch have a key each.
        let keys_inside =
            operation.extensions.as_ref().is_some_and(|all| all.contains_key("x-keys-inside"));
        parameters.push(header("Idempotency-Key", text, !keys_inside));
    }
    if conditional {
        parameters.push(header("If-Match", "The `ETag` that was read, or `*`", true));
    }
    let mut errors = vec![
        ("400", "The request cannot be read, or lacks its Idempotency-Key"),
        ("401", "No valid token"),
        ("403", "Not allowed, or a store outside the caller's scope"),
        ("422", "Values are not valid: every fault is named"),
        ("500", "The service failed; its log knows why"),
        ("503", "Busy or unreachable: repeat the same request"),
    ];
    if has_path_parameter || storing {
        errors.push(("404", "No such thing in the caller's scope"));
    }
    if storing || has_body {
        errors.push(("413", "The body is too large"));
        errors.push(("415", "The body is not application/json"));
    }
    if storing {
        errors.push(("409", "The state of things says no: `code` tells why"));
        errors.push(("507", "Storage is full; reading goes on"));
    }
    if conditional {
        errors.push(("412", "The version named by If-Match is stale"));
        errors.push(("428", "If-Match is missing"));
    }
    for (status, description) in errors {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(problem(description)));
    }
    if storing {
        for (status, response) in &mut operation.responses.responses {
            if let (true, RefOr::T(response)) = (status.starts_with('2'), response) {
                let replayed = HeaderBuilder::new()
                    .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                    .description(Some("`true` where an earlier answer is given again"))
                    .build();
                response.headers.insert("Idempotency-Replayed".to_owned(), replayed.into());
            }
        }
    }
}

fn header(name: &str, description: &str, required: bool) -> RefOr<Parameter> {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if required { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
        .into()
}

fn problem(description: &str) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", Content::new(Some(Ref::from_schema_name("Problem"))))
        .build()
}
