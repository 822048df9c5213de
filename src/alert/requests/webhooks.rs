//! What clients send about webhooks.

use crate::alert::address::{BadAddress, place_of};
use crate::alert::state::{AlertKind, Severity};
use crate::alert::webhook::Webhook;
use crate::kernel::{Bilingual, FaultCode, Faults, Refusal, RegionCode, Text};
use serde::Deserialize;
use utoipa::ToSchema;

/// The longest address of a webhook.
const LONGEST: usize = 500;

/// A new webhook.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://his.example.org/changbei", "name": "县医院信息平台",
    "region_code": "360729", "kinds": ["shortage"], "severity": "warning"}))]
pub struct WebhookRequest {
    /// Where it is told: `https://`, at a public address or at a host that the settings name.
    pub url: String,
    /// What people call it.
    pub name: String,
    /// Only of stores in this region; a commander's own or one inside it.
    pub region_code: Option<String>,
    /// Only of these kinds; of all unless said.
    pub kinds: Option<Vec<String>>,
    /// Only of what is at least so grave; of everything unless said.
    pub severity: Option<String>,
}

/// Changes to a webhook; absent fields stay as they are.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"active": false}))]
pub struct WebhookPatch {
    /// Where it is told.
    pub url: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// Only of stores in this region.
    pub region_code: Option<String>,
    /// Only of these kinds, in place of those there are; none for all.
    pub kinds: Option<Vec<String>>,
    /// Only of what is at least so grave.
    pub severity: Option<String>,
    /// Whether it is told at present. What happens while it is not is not told later.
    pub active: Option<bool>,
}

/// A new webhook, read.
#[derive(Debug, Clone)]
pub struct WebhookNew {
    /// Where it is told.
    pub url: String,
    /// What people call it.
    pub name: String,
    /// Only of stores in this region.
    pub region: Option<RegionCode>,
    /// Only of these kinds.
    pub kinds: Vec<AlertKind>,
    /// Only of what is at least so grave.
    pub severity: Severity,
}

/// Changes to a webhook, read.
#[derive(Debug, Clone)]
pub struct WebhookChange {
    url: Option<String>,
    name: Option<String>,
    region: Option<RegionCode>,
    kinds: Option<Vec<AlertKind>>,
    severity: Option<Severity>,
    active: Option<bool>,
}

impl WebhookRequest {
    /// The webhook, to a host that may be told.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(self, trusted: &[String]) -> Result<WebhookNew, Refusal> {
        let mut faults = Faults::new();
        let url = url(&self.url, trusted, &mut faults);
        let name = faults.keep("/name", Text::<120>::new(&self.name));
        let region = region(self.region_code.as_deref(), &mut faults);
        let kinds = kinds(&self.kinds.unwrap_or_default(), &mut faults);
        let severity = severity(self.severity.as_deref(), &mut faults);
        faults.finish(url.zip(name)).map(|(url, name)| WebhookNew {
            url,
            name: name.into(),
            region,
            kinds,
            severity: severity.unwrap_or(Severity::Notice),
        })
    }
}

impl WebhookPatch {
    /// The changes.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(self, trusted: &[String]) -> Result<WebhookChange, Refusal> {
        let mut faults = Faults::new();
        let change = WebhookChange {
            url: self.url.and_then(|text| url(&text, trusted, &mut faults)),
            name: self
                .name
                .and_then(|text| faults.keep("/name", Text::<120>::new(&text)))
                .map(String::from),
            region: region(self.region_code.as_deref(), &mut faults),
            kinds: self.kinds.map(|words| kinds(&words, &mut faults)),
            severity: severity(self.severity.as_deref(), &mut faults),
            active: self.active,
        };
        faults.finish(Some(change))
    }
}

impl WebhookChange {
    /// The changed webhook.
    pub fn apply(&self, before: Webhook) -> Webhook {
        Webhook {
            url: self.url.clone().unwrap_or(before.url),
            name: self.name.clone().unwrap_or(before.name),
            region: self.region.clone().or(before.region),
            kinds: self.kinds.clone().unwrap_or(before.kinds),
            severity: self.severity.unwrap_or(before.severity),
            active: self.active.unwrap_or(before.active),
            ..before
        }
    }
}

fn url(text: &str, trusted: &[String], faults: &mut Faults) -> Option<String> {
    if text.len() > LONGEST {
        faults.add("/url", FaultCode::TooLong);
        return None;
    }
    match place_of(text, trusted) {
        Ok(_place) => return Some(text.to_owned()),
        Err(BadAddress::Shape) => faults.add("/url", FaultCode::InvalidFormat),
        Err(BadAddress::NotAllowed) => {
            let message = Bilingual::new(
                "须为 https 且不在内网；内网主机须先写入设置 webhook_hosts",
                "must be https and outside the own network, or a host that the setting \
                 webhook_hosts names",
            );
            faults.add_saying("/url", FaultCode::NotInList, message);
        }
    }
    None
}

fn region(text: Option<&str>, faults: &mut Faults) -> Option<RegionCode> {
    text.and_then(|text| faults.keep("/region_code", RegionCode::new(text)))
}

fn kinds(words: &[String], faults: &mut Faults) -> Vec<AlertKind> {
    let mut kinds: Vec<AlertKind> = words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| {
            let kind = AlertKind::from_word(word).ok_or(FaultCode::NotInList);
            faults.keep(format!("/kinds/{at}"), kind)
        })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn severity(word: Option<&str>, faults: &mut Faults) -> Option<Severity> {
    let word = word?;
    faults.keep("/severity", Severity::from_word(word).ok_or(FaultCode::NotInList))
}
