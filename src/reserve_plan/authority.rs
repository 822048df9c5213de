//! By whose word something is done 依据: a written order, or a spoken one whose paper follows.

use crate::kernel::{FaultCode, Faults, Instant, Text};
use crate::word_enum;
use serde::{Deserialize, Serialize};

word_enum! {
    /// How the word was given.
    pub enum AuthorityKind {
        /// A written order 调拨令.
        Order = "order",
        /// A spoken one, on the telephone or in person 电话通知.
        Verbal = "verbal",
    }
}

/// By whose word something is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Authority {
    /// How the word was given.
    pub kind: AuthorityKind,
    /// The number of the paper; a written order has one.
    pub number: Option<String>,
    /// Who gave it.
    pub issued_by: String,
    /// That person's post.
    pub post: Option<String>,
    /// Where that person can be called.
    pub phone: Option<String>,
    /// When it was given.
    pub issued_at: Option<Instant>,
    /// Who took a spoken one down.
    pub heard_by: Option<String>,
}

/// An authority as a request writes it.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorityBody {
    /// `order` or `verbal`.
    #[schema(example = "order")]
    pub kind: String,
    /// The number of the paper; required for an order.
    #[schema(example = "全防指〔2026〕3号")]
    pub number: Option<String>,
    /// Who gave it.
    #[schema(example = "王主任")]
    pub issued_by: String,
    /// That person's post.
    pub post: Option<String>,
    /// Where that person can be called.
    pub phone: Option<String>,
    /// When it was given, with an offset.
    pub issued_at: Option<String>,
    /// Who took a spoken one down; required for a spoken one.
    pub heard_by: Option<String>,
}

impl AuthorityBody {
    /// The authority, or the faults of its fields below `pointer`.
    ///
    /// `None` only where a fault was recorded.
    pub fn parse(self, pointer: &str, faults: &mut Faults) -> Option<Authority> {
        let at = |field: &str| format!("{pointer}/{field}");
        let kind = AuthorityKind::from_word(&self.kind).ok_or(FaultCode::NotInList);
        let kind = faults.keep(at("kind"), kind);
        let issued_by = faults.keep(at("issued_by"), Text::<100>::new(&self.issued_by));
        let number = optional(self.number.as_deref(), at("number"), faults);
        let post = optional(self.post.as_deref(), at("post"), faults);
        let phone = optional(self.phone.as_deref(), at("phone"), faults);
        let heard_by = optional(self.heard_by.as_deref(), at("heard_by"), faults);
        let issued_at = self.issued_at.and_then(|text| {
            faults.keep(
                at("issued_at"),
                Instant::parse(&text).map_err(|_unreadable| FaultCode::NotAnInstant),
            )
        });
        match kind {
            Some(AuthorityKind::Order) if number.is_none() => {
                faults.add(at("number"), FaultCode::Required);
            }
            Some(AuthorityKind::Verbal) if heard_by.is_none() => {
                faults.add(at("heard_by"), FaultCode::Required);
            }
            Some(AuthorityKind::Order | AuthorityKind::Verbal) | None => {}
        }
        let (kind, issued_by) = (kind?, String::from(issued_by?));
        Some(Authority { kind, number, issued_by, post, phone, issued_at, heard_by })
    }
}

fn optional(text: Option<&str>, pointer: String, faults: &mut Faults) -> Option<String> {
    let text = text.filter(|text| !text.trim().is_empty())?;
    faults.keep(pointer, Text::<100>::new(text)).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: &str, number: Option<&str>, heard_by: Option<&str>) -> AuthorityBody {
        AuthorityBody {
            kind: kind.to_owned(),
            number: number.map(str::to_owned),
            issued_by: "王主任".to_owned(),
            post: None,
            phone: None,
            issued_at: Some("2026-01-15T02:30:00+08:00".to_owned()),
            heard_by: heard_by.map(str::to_owned),
        }
    }

    fn faults_of(body: AuthorityBody) -> Vec<String> {
        let mut faults = Faults::new();
        let authority = body.parse("/authority", &mut faults);
        match faults.finish(authority) {
            Ok(_) => Vec::new(),
            Err(refusal) => refusal.faults.into_iter().map(|fault| fault.pointer).collect(),
        }
    }

    #[test]
    fn an_order_has_a_number_and_a_spoken_word_has_a_listener() {
        assert!(faults_of(body("order", Some("3号"), None)).is_empty());
        assert!(faults_of(body("verbal", None, Some("李值班"))).is_empty());
        assert_eq!(faults_of(body("order", None, None)), ["/authority/number"]);
        assert_eq!(faults_of(body("verbal", None, Some(" "))), ["/authority/heard_by"]);
        assert_eq!(faults_of(body("rumour", None, None)), ["/authority/kind"]);
    }
}
