//! The two languages that the service speaks.

use serde::{Deserialize, Serialize};

/// A language in which messages are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// Simplified Chinese, the language of the county's offices.
    #[default]
    #[serde(rename = "zh")]
    Zh,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Language {
    /// The best match of an `Accept-Language` header, by its quality values (RFC 9110 §12.5.4).
    ///
    /// `otherwise` answers where the header is absent or names neither language.
    pub fn from_accept_language(header: Option<&str>, otherwise: Self) -> Self {
        let mut best: Option<(u32, Self)> = None;
        for part in header.unwrap_or("").split(',') {
            let mut pieces = part.split(';');
            let tag = pieces.next().unwrap_or("").trim().to_ascii_lowercase();
            let language = match tag.split('-').next() {
                Some("zh") => Self::Zh,
                Some("en") => Self::En,
                _ => continue,
            };
            let quality = pieces
                .find_map(|piece| piece.trim().strip_prefix("q=").map(str::to_owned))
                .map_or(1000, |text| thousandths(&text));
            if quality > 0 && best.is_none_or(|(other, _)| quality > other) {
                best = Some((quality, language));
            }
        }
        best.map_or(otherwise, |(_, language)| language)
    }

    /// The tag of the language for `Content-Language`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }
}

/// Reads a quality value such as `0.8` as thousandths; what cannot be read counts as 0.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u32 = whole.trim().parse().unwrap_or(0);
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    whole.min(1) * 1000 + padded.parse::<u32>().unwrap_or(0)
}

/// One message in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bilingual {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Bilingual {
    /// A message from its Chinese and its English wording.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// The wording in one language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_highest_quality_wins() {
        let choose = |header| Language::from_accept_language(Some(header), Language::Zh);
        assert_eq!(choose("en"), Language::En);
        assert_eq!(choose("en;q=0.5, zh-CN;q=0.9"), Language::Zh);
        assert_eq!(choose("fr, en-GB;q=0.7"), Language::En);
        assert_eq!(choose("en;q=0"), Language::Zh);
        assert_eq!(choose(""), Language::Zh);
        assert_eq!(Language::from_accept_language(None, Language::En), Language::En);
    }
}
