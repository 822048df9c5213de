//! Pack texts: what `200个/箱` says of the content of a carton, and what `50箱（*1000）` does not.
//!
//! Written against the notices of the Wuhan Red Cross of January 2020. A text that can be read in
//! two ways is refused: a wrong factor in the book is worse than a line that a person looks at.

use crate::kernel::Bilingual;
use crate::kernel::text::fold_for_search;

/// What a pack text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackText {
    /// How many of which unit one container holds.
    Content(Content),
    /// Nothing of the content: a size such as `500ml`, a model, a colour, or no text at all.
    NoContent,
}

/// The content of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Units in one container, above zero.
    pub units: i64,
    /// The unit counted, e.g. `个`.
    pub unit: String,
    /// The container, e.g. `箱`, where the text names it; else it is the unit of the line.
    pub container: Option<String>,
}

/// Why a pack text cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Ambiguous {
    /// `50箱（*1000）`: a count of containers, and a number whose unit nobody wrote.
    #[error("a count of containers is not their content, and the other number has no unit")]
    CountOfContainers,
    /// `200ML*12`: twelve of what?
    #[error("the number after the times sign has no unit")]
    NoUnit,
    /// `55*28*56`: the measures of a carton.
    #[error("measures of a carton say nothing of its content")]
    Measures,
    /// `10盒/箱*20个/包`: the links of the chain do not meet.
    #[error("the parts of the text do not fit together")]
    BrokenChain,
    /// `0个/箱`, or a number that is too large.
    #[error("the number is zero or too large")]
    OutOfRange,
}

impl Ambiguous {
    /// The reason for people.
    pub fn reason(self) -> Bilingual {
        match self {
            Self::CountOfContainers => Bilingual::new(
                "包装说明写的是箱数，另一个数字没有单位，无法确定每箱数量",
                "the pack text counts containers and its other number has no unit, so the content is unknown",
            ),
            Self::NoUnit => Bilingual::new(
                "包装说明乘号后的数字没有单位，无法确定每箱数量",
                "the number after the times sign of the pack text has no unit, so the content is unknown",
            ),
            Self::Measures => Bilingual::new(
                "包装说明是外箱尺寸，不是每箱数量",
                "the pack text gives the measures of a carton, not its content",
            ),
            Self::BrokenChain => Bilingual::new(
                "包装说明各段单位衔接不上",
                "the parts of the pack text do not fit together",
            ),
            Self::OutOfRange => Bilingual::new(
                "包装说明中的数量为零或过大",
                "the number in the pack text is zero or too large",
            ),
        }
    }
}

/// Units that measure a substance and never count pieces.
const MEASURES: [&str; 14] =
    ["ml", "l", "ul", "g", "kg", "mg", "ug", "cm", "mm", "m", "毫升", "升", "克", "千克"];
/// Words for what stands stacked in a warehouse.
const CONTAINERS: [&str; 5] = ["箱", "件", "托", "carton", "case"];

/// Reads a pack text.
///
/// # Errors
/// [`Ambiguous`] when it has numbers that could mean the content, but not for certain.
pub fn parse(text: &str) -> Result<PackText, Ambiguous> {
    let folded = normalised(text);
    // `每箱200个` begins with the container.
    let folded = turned_about(&folded).unwrap_or(folded);
    if folded.contains('(') || folded.contains(')') {
        return Err(in_brackets(&folded));
    }
    let factors: Vec<Factor> = folded.split('*').map(factor).collect();
    match factors.as_slice() {
        // One part and nothing to multiply.
        [Factor::PerContainer(number, unit, container)] => {
            content(*number, unit, Some(container.clone()))
        }
        [Factor::Counted(_, unit)] if CONTAINERS.contains(&unit.as_str()) => {
            Err(Ambiguous::CountOfContainers)
        }
        [_] => Ok(PackText::NoContent),
        // `500ml*30瓶`, `500ml*30瓶/箱`: a size, then the content.
        [Factor::Measure, Factor::Counted(number, unit)] if !is_container(unit) => {
            content(*number, unit, None)
        }
        [Factor::Measure, Factor::PerContainer(number, unit, container)] => {
            content(*number, unit, Some(container.clone()))
        }
        [first, rest @ ..] if first.is_per_container() => chain(first, rest),
        [Factor::Bare(_), rest @ ..] if rest.iter().all(Factor::is_bare) => {
            // `33*27*28` are measures; `1*100` could be anything.
            Err(if rest.len() >= 2 { Ambiguous::Measures } else { Ambiguous::NoUnit })
        }
        parts
            if parts
                .iter()
                .any(|part| matches!(part, Factor::Counted(_, unit) if is_container(unit))) =>
        {
            Err(Ambiguous::CountOfContainers)
        }
        parts if parts.iter().all(|part| matches!(part, Factor::Words)) => Ok(PackText::NoContent),
        parts if parts.iter().any(Factor::is_bare) => Err(Ambiguous::NoUnit),
        _ => Err(Ambiguous::BrokenChain),
    }
}

/// Folded, with one sign for times and one for per.
fn normalised(text: &str) -> String {
    let folded: Vec<char> = fold_for_search(text).chars().collect();
    let mut normal = String::new();
    for (at, c) in folded.iter().enumerate() {
        let digit_follows = folded.get(at + 1).is_some_and(char::is_ascii_digit);
        normal.push(match c {
            '×' | '✕' | '✖' | '╳' => '*',
            'x' if at > 0 && digit_follows => '*',
            '每' => '/',
            other => *other,
        });
    }
    normal
}

fn is_container(unit: &str) -> bool {
    CONTAINERS.contains(&unit)
}

/// `/箱200个` (from `每箱200个`) as `200个/箱`.
fn turned_about(folded: &str) -> Option<String> {
    let rest = folded.strip_prefix('/')?;
    let at = rest.find(|c: char| c.is_ascii_digit())?;
    let (container, content) = rest.split_at_checked(at)?;
    (!container.is_empty()).then(|| format!("{content}/{container}"))
}

/// The reason why a text with brackets is not read: what is inside them qualifies we know not what.
fn in_brackets(folded: &str) -> Ambiguous {
    let counts = CONTAINERS.iter().any(|word| {
        folded.split_once(word).is_some_and(|(before, _)| {
            before.chars().next_back().is_some_and(|c| c.is_ascii_digit())
        })
    });
    if counts { Ambiguous::CountOfContainers } else { Ambiguous::NoUnit }
}

/// One part of a text, between times signs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Factor {
    /// `30`
    Bare(i64),
    /// `30瓶`
    Counted(i64, String),
    /// `30瓶/箱`
    PerContainer(i64, String, String),
    /// `500ml`, `0.5l`
    Measure,
    /// `S小号`
    Words,
}

impl Factor {
    const fn is_bare(&self) -> bool {
        matches!(self, Self::Bare(_))
    }

    const fn is_per_container(&self) -> bool {
        matches!(self, Self::PerContainer(..))
    }
}

fn factor(part: &str) -> Factor {
    let digits = part.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(part.len());
    let (number, rest) = part.split_at_checked(digits).unwrap_or((part, ""));
    let words = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_alphabetic()) && text.chars().count() <= 8
    };
    if !number.is_empty() && MEASURES.contains(&rest) {
        return Factor::Measure;
    }
    if number.is_empty() || number.contains('.') {
        return Factor::Words;
    }
    // Ten digits and more are no content; they are kept as zero, which is refused.
    let number = number.parse::<i64>().ok().filter(|n| *n <= 999_999_999).unwrap_or(0);
    match rest.split_once('/') {
        None if rest.is_empty() => Factor::Bare(number),
        None if words(rest) => Factor::Counted(number, rest.to_owned()),
        Some((unit, container)) if words(unit) && words(container) && unit != container => {
            Factor::PerContainer(number, unit.to_owned(), container.to_owned())
        }
        _ => Factor::Words,
    }
}

fn content(units: i64, unit: &str, container: Option<String>) -> Result<PackText, Ambiguous> {
    if units < 1 {
        return Err(Ambiguous::OutOfRange);
    }
    Ok(PackText::Content(Content { units, unit: unit.to_owned(), container }))
}

/// `50只/盒*40盒/箱` is 2000只/箱, in this order or the other.
fn chain(first: &Factor, rest: &[Factor]) -> Result<PackText, Ambiguous> {
    let Factor::PerContainer(number, unit, container) = first else {
        return Err(Ambiguous::BrokenChain);
    };
    let (mut number, mut unit, mut container) = (*number, unit.clone(), container.clone());
    for link in rest {
        let Factor::PerContainer(more, inner, outer) = link else {
            return Err(Ambiguous::BrokenChain);
        };
        if *inner == container {
            container.clone_from(outer);
        } else if *outer == unit {
            unit.clone_from(inner);
        } else {
            return Err(Ambiguous::BrokenChain);
        }
        number = number.checked_mul(*more).ok_or(Ambiguous::OutOfRange)?;
    }
    content(number, &unit, Some(container))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(units: i64, unit: &str, container: Option<&str>) -> Result<PackText, Ambiguous> {
        Ok(PackText::Content(Content {
            units,
            unit: unit.to_owned(),
            container: container.map(str::to_owned),
        }))
    }

    #[test]
    fn what_says_the_content_is_read() {
        for (text, expected) in [
            ("200个/箱", holds(200, "个", Some("箱"))),
            ("36盒/箱", holds(36, "盒", Some("箱"))),
            ("24 包／箱", holds(24, "包", Some("箱"))),
            ("２０００只/箱", holds(2000, "只", Some("箱"))),
            ("500ml*30瓶", holds(30, "瓶", None)),
            ("500ML×30瓶/箱", holds(30, "瓶", Some("箱"))),
            ("500mlx30瓶", holds(30, "瓶", None)),
            ("0.5L*20瓶", holds(20, "瓶", None)),
            ("每箱200个", holds(200, "个", Some("箱"))),
            ("200个每箱", holds(200, "个", Some("箱"))),
            ("50只/盒*40盒/箱", holds(2000, "只", Some("箱"))),
            ("40盒/箱*50只/盒", holds(2000, "只", Some("箱"))),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_says_nothing_of_the_content_is_no_content() {
        for text in ["", "500ML", "S小号", "M中号", "9250p500ML", "B125", "白色"] {
            assert_eq!(parse(text), Ok(PackText::NoContent), "{text}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (text, expected) in [
            ("50箱（*1000）", Ambiguous::CountOfContainers),
            ("80箱*100", Ambiguous::CountOfContainers),
            ("50箱", Ambiguous::CountOfContainers),
            ("200ML*12", Ambiguous::NoUnit),
            ("1*100", Ambiguous::NoUnit),
            ("(1*100)", Ambiguous::NoUnit),
            ("55*28*56", Ambiguous::Measures),
            ("33×27×28", Ambiguous::Measures),
            ("10盒/箱*20个/包", Ambiguous::BrokenChain),
            ("0个/箱", Ambiguous::OutOfRange),
            ("99999999999999999999个/箱", Ambiguous::OutOfRange),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_content_reads_back(units in 1_i64..1_000_000, unit in "[个只瓶包盒]", spaces in " {0,2}") {
            let text = format!("{units}{spaces}{unit}{spaces}/{spaces}箱");
            prop_assert_eq!(parse(&text), holds(units, &unit, Some("箱")));
        }

        #[test]
        fn no_text_makes_a_content_of_nothing(text in "[0-9个只瓶箱件盒/*（）()xX.mlML每 ]{0,14}") {
            if let Ok(PackText::Content(content)) = parse(&text) {
                prop_assert!(content.units >= 1);
                prop_assert!(!content.unit.is_empty());
                prop_assert_ne!(Some(content.unit), content.container);
            }
        }
    }
}
