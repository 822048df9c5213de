//! GS1 element strings as scanners send them: GTIN, lot number and dates.
//!
//! Source: GS1 General Specifications §3 (application identifiers) and §7.12 (two-digit years);
//! day `00` means the last day of the month.

use chrono::{Datelike, NaiveDate};

/// The separator that ends a field of variable length.
const FNC1: char = '\u{1d}';

/// What a label says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// AI 01 or 02: the trade item.
    pub gtin: Option<String>,
    /// AI 10: batch or lot number.
    pub lot_number: Option<String>,
    /// AI 17: the last day of use.
    pub expires_on: Option<NaiveDate>,
    /// AI 11: the production date.
    pub manufactured_on: Option<NaiveDate>,
    /// AI 21: serial number.
    pub serial: Option<String>,
    /// AI 30 or 37: count.
    pub count: Option<i64>,
}

/// A text that is no element string that the service can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a GS1 element string that can be read: {0}")]
pub struct Unreadable(pub String);

/// Reads `(01)06901234567892(17)280131(10)A1`, or the same without brackets and with FNC1 after
/// fields of variable length, with or without a symbology prefix such as `]d2`.
///
/// # Errors
/// When an application identifier is unknown to the service, or a field has the wrong shape.
pub fn parse(text: &str) -> Result<Label, Unreadable> {
    let refuse = || Unreadable(text.to_owned());
    let body = text.trim();
    let body = ["]d2", "]C1", "]Q3", "]e0"]
        .iter()
        .find_map(|prefix| body.strip_prefix(prefix))
        .unwrap_or(body);
    let fields = if body.starts_with('(') { bracketed(body) } else { plain(body) };
    let mut label = Label::default();
    for (ai, value) in fields.ok_or_else(refuse)? {
        take(&mut label, &ai, &value).ok_or_else(refuse)?;
    }
    Ok(label)
}

/// The length of a field that has a fixed one, by its application identifier.
fn fixed_length(ai: &str) -> Option<usize> {
    match ai {
        "00" => Some(18),
        "01" | "02" => Some(14),
        "11" | "12" | "13" | "15" | "16" | "17" => Some(6),
        "20" => Some(2),
        _ => None,
    }
}

/// The application identifiers of two digits that the service knows; 240 and 241 have three.
fn identifier(rest: &str) -> Option<&str> {
    let known = |ai: &&str| {
        fixed_length(ai).is_some()
            || matches!(*ai, "10" | "21" | "22" | "30" | "37" | "240" | "241")
    };
    rest.get(..2).filter(known).or_else(|| rest.get(..3).filter(known))
}

fn bracketed(body: &str) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    for part in body.split('(').skip(1) {
        let (ai, value) = part.split_once(')')?;
        fields.push((ai.to_owned(), value.to_owned()));
    }
    Some(fields)
}

fn plain(body: &str) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    let mut rest = body.trim_start_matches(FNC1);
    while !rest.is_empty() {
        let ai = identifier(rest)?;
        let after = rest.get(ai.len()..)?;
        let value = match fixed_length(ai) {
            Some(length) => after.get(..length)?,
            None => after.split(FNC1).next()?,
        };
        fields.push((ai.to_owned(), value.to_owned()));
        rest = after.get(value.len()..)?.trim_start_matches(FNC1);
    }
    (!fields.is_empty()).then_some(fields)
}

fn take(label: &mut Label, ai: &str, value: &str) -> Option<()> {
    identifier(ai).filter(|known| *known == ai)?;
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    if fixed_length(ai).is_some_and(|length| !digits || value.len() != length) || value.is_empty() {
        return None;
    }
    match ai {
        "01" | "02" => label.gtin = Some(value.to_owned()),
        "10" if value.chars().count() <= 20 => label.lot_number = Some(value.to_owned()),
        "17" => label.expires_on = Some(date(value)?),
        "11" => label.manufactured_on = Some(date(value)?),
        "21" if value.chars().count() <= 20 => label.serial = Some(value.to_owned()),
        "30" | "37" if digits && value.len() <= 8 => label.count = Some(value.parse().ok()?),
        "10" | "21" | "30" | "37" => return None,
        _ => {}
    }
    Some(())
}

/// Reads YYMMDD; day 00 is the last of the month. Labels of this service are of this century.
fn date(value: &str) -> Option<NaiveDate> {
    let part = |range| value.get(range).and_then(|text: &str| text.parse::<u32>().ok());
    let (year, month, day) = (part(0..2)?, part(2..4)?, part(4..6)?);
    let year = 2000 + i32::try_from(year).ok()?;
    if day > 0 {
        return NaiveDate::from_ymd_opt(year, month, day);
    }
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    let next = if first.month() == 12 {
        NaiveDate::from_ymd_opt(year + 1, 1, 1)
    } else {
        NaiveDate::from_ymd_opt(year, month + 1, 1)
    };
    next?.pred_opt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn brackets_and_separators_say_the_same() {
        let bracketed = parse("(01)06901234567892(11)260101(17)280131(10)A213B1(21)1234").unwrap();
        let scanned = parse("]d2010690123456789211260101172801311 0".replace(' ', "").as_str());
        assert!(scanned.is_err(), "an empty lot number is no lot number");
        let scanned = parse("]d20106901234567892112601011728013110A213B1\u{1d}211234").unwrap();
        assert_eq!(bracketed, scanned);
        assert_eq!(scanned.lot_number.as_deref(), Some("A213B1"));
        assert_eq!(scanned.expires_on, Some(day("2028-01-31")));
    }

    #[test]
    fn day_zero_is_the_last_of_the_month() {
        assert_eq!(parse("(17)280200").unwrap().expires_on, Some(day("2028-02-29")));
        assert_eq!(parse("(17)271200").unwrap().expires_on, Some(day("2027-12-31")));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["", "hello", "(99)x", "(01)123", "(17)281301", "0106901234567892ABC", "(10)"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
