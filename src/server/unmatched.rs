//! Requests that no route takes: 405 with `Allow` where the path exists, 404 elsewhere.
//!
//! Each operation is a resource of its own, so the framework alone would say 404 for both.

use crate::http::ApiError;
use crate::kernel::{Code, Refusal};
use actix_web::dev::ResourceDef;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use utoipa::openapi::OpenApi;

/// The paths that the service knows, with the methods that each takes.
pub struct KnownPaths(Vec<(ResourceDef, Vec<&'static str>)>);

impl KnownPaths {
    /// Every path of the OpenAPI document.
    pub fn of(document: &OpenApi) -> Self {
        let known = document.paths.paths.iter().map(|(path, item)| {
            let methods = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            let taken = methods.iter().filter(|(_, taken)| *taken).map(|(method, _)| *method);
            (ResourceDef::new(path.as_str()), taken.collect())
        });
        Self(known.collect())
    }

    /// The methods that a path takes; none where it is unknown.
    fn methods(&self, path: &str) -> Vec<&'static str> {
        let matching = self.0.iter().filter(|(pattern, _)| pattern.is_match(path));
        matching.flat_map(|(_, methods)| methods.iter().copied()).collect()
    }
}

/// Answers what no route took.
pub async fn unmatched(request: HttpRequest, known: web::Data<KnownPaths>) -> HttpResponse {
    let methods = known.methods(request.path());
    if methods.is_empty() {
        return ApiError::from(Refusal::plain(Code::NotFound)).error_response();
    }
    let refusal = Refusal::plain(Code::MethodNotAllowed).with("allowed", methods.clone());
    let mut response = ApiError::from(refusal).error_response();
    if let Ok(allow) = methods.join(", ").parse() {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
