//! The query of a list: an allow-list of filters, `limit` and `cursor`.

use crate::http::problem::ApiError;
use crate::kernel::page::{Cursor, PageSize};
use crate::kernel::{Bilingual, Code, FaultCode, Faults, Refusal};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use std::future::{Ready, ready};

/// The query parameters of a request; a parameter that `T` does not know is refused.
#[derive(Debug)]
pub struct Filters<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Filters<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(match web::Query::<T>::from_query(request.query_string()) {
            Ok(query) => Ok(Self(query.into_inner())),
            Err(error) => Err(malformed(&error.to_string()).into()),
        })
    }
}

fn malformed(reason: &str) -> Refusal {
    let unknown = reason.split_once("unknown field `").and_then(|(_, rest)| rest.split('`').next());
    let refusal = Refusal::new(
        Code::MalformedQuery,
        format!("查询参数无法读取：{reason}"),
        format!("The query cannot be read: {reason}"),
    );
    match unknown {
        Some(name) => refusal.at(format!("/{name}"), FaultCode::UnknownField),
        None => refusal,
    }
}

/// Reads `limit` and `cursor`: the size of the page and the sort key after which it begins.
///
/// Faults: `limit` below one; a cursor that the service did not give.
pub fn page_after<K: DeserializeOwned>(
    limit: Option<i64>,
    cursor: Option<&str>,
    faults: &mut Faults,
) -> (PageSize, Option<K>) {
    let size = match limit.map(PageSize::new) {
        None => PageSize::DEFAULT,
        Some(Some(size)) => size,
        Some(None) => {
            faults.add("/limit", FaultCode::OutOfRange);
            PageSize::DEFAULT
        }
    };
    let after = cursor.and_then(|text| {
        let key = Cursor::key(text);
        if key.is_none() {
            let message =
                Bilingual::new("不是本服务给出的游标", "is not a cursor given by this service");
            faults.add_saying("/cursor", FaultCode::InvalidFormat, message);
        }
        key
    });
    (size, after)
}
