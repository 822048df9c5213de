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
        /// Nobody said by whose word: a fact that was booked after it happened 事后补录.
        Unstated = "unstated",
    }
}

/// By whose word something is done; kept as JSON with the document that names it.
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
    /// When it was given; known of a spoken one.
    pub issued_at: Option<Instant>,
    /// Who took a spoken one down.
    pub heard_by: Option<String>,
}

/// An authority as a request names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorityRequest {
    /// `order` for a written one, `verbal` for a spoken one.
    #[schema(example = "verbal")]
    pub kind: String,
    /// The number of the paper. An order needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "全指调〔2026〕18号")]
    pub number: Option<String>,
    /// Who gave the word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "钟卫国")]
    pub issued_by: Option<String>,
    /// That person's post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "县疫情防控指挥部 值班长")]
    pub post: Option<String>,
    /// Where that person can be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "0797-2630000")]
    pub phone: Option<String>,
    /// When the word was given, RFC 3339 with an offset. A spoken one needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-15T18:05:00Z")]
    pub issued_at: Option<String>,
    /// Who took it down. A spoken one needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "曾小兰")]
    pub heard_by: Option<String>,
}

/// Longest number of a paper.
const NUMBER: usize = 64;
/// Longest name of a person.
const NAME: usize = 64;
/// Longest post or telephone number.
const PLACE: usize = 64;

impl AuthorityRequest {
    /// The authority that is named, or `None` after its faults were recorded below `pointer`.
    ///
    /// An order needs `number` and `issued_by`; a spoken one needs `issued_by`, `heard_by` and
    /// `issued_at`. Nothing is spoken after `latest`.
    pub fn parse(&self, pointer: &str, latest: Instant, faults: &mut Faults) -> Option<Authority> {
        let kind = match AuthorityKind::from_word(&self.kind) {
            Some(kind @ (AuthorityKind::Order | AuthorityKind::Verbal)) => Some(kind),
            // Nobody names a word that was not said: only the service notes that.
            Some(AuthorityKind::Unstated) | None => {
                faults.add(format!("{pointer}/kind"), FaultCode::NotInList);
                None
            }
        };
        let spoken = kind == Some(AuthorityKind::Verbal);
        let written = kind == Some(AuthorityKind::Order);
        let mut field = |name: &str, value: Option<&str>, needed: bool| match value {
            Some(text) => faults.keep(format!("{pointer}/{name}"), bounded(name, text)).map(Some),
            None if needed => {
                faults.add(format!("{pointer}/{name}"), FaultCode::Required);
                None
            }
            None => Some(None),
        };
        let number = field("number", self.number.as_deref(), written);
        let issued_by = field("issued_by", self.issued_by.as_deref(), true);
        let post = field("post", self.post.as_deref(), false);
        let phone = field("phone", self.phone.as_deref(), false);
        let heard_by = field("heard_by", self.heard_by.as_deref(), spoken);
        let issued_at = match self.issued_at.as_deref().map(Instant::parse) {
            Some(Ok(at)) if at > latest => {
                faults.add(format!("{pointer}/issued_at"), FaultCode::InFuture);
                None
            }
            Some(Ok(at)) => Some(Some(at)),
            Some(Err(_)) => {
                faults.add(format!("{pointer}/issued_at"), FaultCode::NotAnInstant);
                None
            }
            None if spoken => {
                faults.add(format!("{pointer}/issued_at"), FaultCode::Required);
                None
            }
            None => Some(None),
        };
        Some(Authority {
            kind: kind?,
            number: number?,
            issued_by: issued_by??,
            post: post?,
            phone: phone?,
            issued_at: issued_at?,
            heard_by: heard_by?,
        })
    }
}

fn bounded(name: &str, text: &str) -> Result<String, FaultCode> {
    match name {
        "number" => Text::<NUMBER>::new(text).map(String::from),
        "post" | "phone" => Text::<PLACE>::new(text).map(String::from),
        _ => Text::<NAME>::new(text).map(String::from),
    }
}

impl Authority {
    /// Whether its paper is still to come: it was spoken, or nobody said by whose word.
    pub fn is_spoken(&self) -> bool {
        match self.kind {
            AuthorityKind::Order => false,
            AuthorityKind::Verbal | AuthorityKind::Unstated => true,
        }
    }

    /// What stands where a fact names no authority: its slip, and who booked it.
    pub fn unstated(slip_number: &str, booked_by: &str, happened_at: Instant) -> Self {
        Self {
            kind: AuthorityKind::Unstated,
            number: Some(slip_number.to_owned()),
            issued_by: booked_by.to_owned(),
            post: None,
            phone: None,
            issued_at: Some(happened_at),
            heard_by: None,
        }
    }

    /// The authority as the JSON that is kept with a document.
    pub fn to_json(&self) -> String {
        // A struct of strings always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the JSON back; `None` where it is not one of ours.
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Instant {
        Instant::parse("2026-01-15T04:00:00Z").unwrap()
    }

    fn faults_of(request: &AuthorityRequest) -> Vec<(String, &'static str)> {
        let mut faults = Faults::new();
        let authority = request.parse("/authority", noon(), &mut faults);
        match faults.finish(authority) {
            Ok(_) => Vec::new(),
            Err(refusal) => {
                refusal.faults.into_iter().map(|f| (f.pointer, f.code.as_str())).collect()
            }
        }
    }

    #[test]
    fn an_order_needs_its_number_and_who_gave_it() {
        let bare = AuthorityRequest { kind: "order".to_owned(), ..Default::default() };
        assert_eq!(
            faults_of(&bare),
            [
                ("/authority/number".to_owned(), "required"),
                ("/authority/issued_by".to_owned(), "required")
            ]
        );
        let whole = AuthorityRequest {
            number: Some("18号".to_owned()),
            issued_by: Some("钟卫国".to_owned()),
            ..bare
        };
        assert!(faults_of(&whole).is_empty());
    }

    #[test]
    fn a_spoken_word_needs_who_heard_it_and_when() {
        let bare = AuthorityRequest { kind: "verbal".to_owned(), ..Default::default() };
        let pointers: Vec<String> = faults_of(&bare).into_iter().map(|(at, _)| at).collect();
        assert_eq!(
            pointers,
            ["/authority/issued_by", "/authority/heard_by", "/authority/issued_at"]
        );
        let whole = AuthorityRequest {
            issued_by: Some("钟卫国".to_owned()),
            heard_by: Some("曾小兰".to_owned()),
            issued_at: Some("2026-01-15T02:00:00+08:00".to_owned()),
            ..bare.clone()
        };
        assert!(faults_of(&whole).is_empty());
        let tomorrow =
            AuthorityRequest { issued_at: Some("2026-01-16T02:00:00+08:00".to_owned()), ..whole };
        assert_eq!(faults_of(&tomorrow), [("/authority/issued_at".to_owned(), "in_future")]);
    }

    #[test]
    fn what_is_kept_reads_back() {
        let authority = Authority {
            kind: AuthorityKind::Verbal,
            number: None,
            issued_by: "钟卫国".to_owned(),
            post: Some("值班长".to_owned()),
            phone: None,
            issued_at: Some(noon()),
            heard_by: Some("曾小兰".to_owned()),
        };
        assert_eq!(Authority::from_json(&authority.to_json()), Some(authority));
        assert_eq!(Authority::from_json("{}"), None);
    }
}
