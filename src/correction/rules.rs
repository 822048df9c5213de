//! What a correction changes, and when two labels cannot be one: pure.

use crate::kernel::{Code, FaultCode, ItemCode, LotNumber, Refusal};
use crate::stock::lot::{Expiry, MakersLot};
use crate::word_enum;
use chrono::NaiveDate;

/// What was wrong with the label, as it should have been booked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Right {
    /// The item.
    pub item_code: Option<ItemCode>,
    /// The number on the label.
    pub lot_number: Option<LotNumber>,
    /// Who made it.
    pub maker: Option<String>,
    /// When it was made.
    pub manufactured_on: Option<NaiveDate>,
    /// The last day of use.
    pub expiry: Option<Expiry>,
}

/// How a label is put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutRight {
    /// Only dates change: the maker's lot stays and says so.
    InPlace(MakersLot),
    /// Item, number or maker change: everything goes to this maker's lot.
    Into(MakersLot),
}

/// Decides how a label is put right.
///
/// # Errors
/// `validation_failed` when nothing would change, or when it would expire before it was made.
pub fn put_right(booked: &MakersLot, right: &Right) -> Result<PutRight, Refusal> {
    let label = MakersLot {
        item_code: right.item_code.clone().unwrap_or_else(|| booked.item_code.clone()),
        lot_number: right.lot_number.clone().unwrap_or_else(|| booked.lot_number.clone()),
        maker: right.maker.clone().unwrap_or_else(|| booked.maker.clone()),
        manufactured_on: right.manufactured_on.or(booked.manufactured_on),
        expiry: right.expiry.unwrap_or(booked.expiry),
        is_house_number: booked.is_house_number && right.lot_number.is_none(),
        ..booked.clone()
    };
    if label == *booked {
        return Err(Refusal::fault("", FaultCode::TooShort));
    }
    check_dates(&label)?;
    let key = |lot: &MakersLot| (lot.item_code.clone(), lot.lot_number.clone(), lot.maker.clone());
    Ok(if key(&label) == key(booked) { PutRight::InPlace(label) } else { PutRight::Into(label) })
}

fn check_dates(label: &MakersLot) -> Result<(), Refusal> {
    let before_made = |made: NaiveDate| label.expiry.date().is_some_and(|last| last < made);
    match label.manufactured_on.filter(|made| before_made(*made)) {
        Some(_) => Err(Refusal::fault("/expires_on", FaultCode::Contradicts)),
        None => Ok(()),
    }
}

/// Whether everything may go into a maker's lot that the book knows already.
///
/// Where the wrong label said nothing of the expiry, what the book knows of the right one holds.
///
/// # Errors
/// `lot_conflict` when the dates contradict each other, with what the book holds; `wrong_status`
/// when the wrong one is recalled and the right one is not: a correction lifts no recall.
pub fn merge(booked: &MakersLot, wanted: &MakersLot, known: &MakersLot) -> Result<(), Refusal> {
    let expiry_differs = wanted.expiry != known.expiry && wanted.expiry != Expiry::Unknown;
    let made_differs = wanted.manufactured_on.is_some()
        && known.manufactured_on.is_some()
        && wanted.manufactured_on != known.manufactured_on;
    if expiry_differs || made_differs {
        let shown = known
            .expiry
            .date()
            .map_or_else(|| known.expiry.kind().to_owned(), |day| day.to_string());
        return Err(Refusal::new(
            Code::LotConflict,
            format!("账面已有 {} 批号 {}，效期为 {shown}", known.item_code, known.lot_number),
            format!(
                "The book holds item {} lot {} already, with expiry {shown}",
                known.item_code, known.lot_number
            ),
        )
        .with("makers_lot_id", known.id.as_str())
        .with("expiry", known.expiry.kind())
        .with("expires_on", known.expiry.date().map(|day| day.to_string()))
        .with("manufactured_on", known.manufactured_on.map(|day| day.to_string())));
    }
    if booked.recalled_at.is_some() && known.recalled_at.is_none() {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("批号已召回；请先召回 {} 再更正", known.lot_number),
            format!("It is recalled: recall lot {} before you correct into it", known.lot_number),
        )
        .with("makers_lot_id", known.id.as_str()));
    }
    Ok(())
}

word_enum! {
    /// Why an expiry changes.
    pub enum ExpiryBecause {
        /// The maker or an authority extended it: needs an authority.
        Extended = "extended",
        /// It was mistyped, or read from the label only now.
        TypingError = "typing_error",
    }
}

/// Decides a change of an expiry.
///
/// # Errors
/// `authority_required` for an extension that names none; `validation_failed` when nothing would
/// change, when it would expire before it was made, or when an extension makes it shorter.
pub fn change_expiry(
    booked: &MakersLot,
    to: Expiry,
    because: ExpiryBecause,
    has_authority: bool,
) -> Result<MakersLot, Refusal> {
    if to == booked.expiry {
        return Err(Refusal::fault("/expires_on", FaultCode::Duplicate));
    }
    let label = MakersLot { expiry: to, ..booked.clone() };
    check_dates(&label)?;
    if because == ExpiryBecause::Extended {
        let shorter = match (booked.expiry, to) {
            (Expiry::Dated(old), Expiry::Dated(new)) => new < old,
            (Expiry::None | Expiry::Unknown, _) | (_, Expiry::Unknown) => true,
            (Expiry::Dated(_), Expiry::None) => false,
        };
        if shorter {
            return Err(Refusal::fault("/expires_on", FaultCode::Contradicts));
        }
        if !has_authority {
            return Err(Refusal::new(
                Code::AuthorityRequired,
                "延长效期须注明依据（authority）",
                "An extension of the expiry needs an authority",
            )
            .at("/authority", FaultCode::Required));
        }
    }
    Ok(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Instant;
    use crate::kernel::id::MakersLotId;
    use crate::kernel::time::parse_date;

    fn day(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn lot(item: &str, number: &str, expires: &str) -> MakersLot {
        MakersLot {
            id: MakersLotId::generate(),
            item_code: ItemCode::new(item).unwrap(),
            lot_number: LotNumber::new(number).unwrap(),
            maker: String::new(),
            is_house_number: false,
            manufactured_on: Some(day("2019-12-01")),
            expiry: Expiry::Dated(day(expires)),
            recalled_at: None,
            recall_reason: None,
            version: 3,
            created_at: Instant::parse("2020-01-31T00:00:00Z").unwrap(),
        }
    }

    #[test]
    fn dates_are_put_right_in_place_and_names_by_moving() {
        let booked = lot("N95", "20191201", "2022-11-30");
        let dates = Right { expiry: Some(Expiry::Dated(day("2023-11-30"))), ..Right::default() };
        assert!(matches!(put_right(&booked, &dates), Ok(PutRight::InPlace(_))));
        let item = Right { item_code: Some(ItemCode::new("KN95").unwrap()), ..Right::default() };
        let Ok(PutRight::Into(right)) = put_right(&booked, &item) else { panic!("it moves") };
        assert_eq!((right.item_code.as_str(), right.expiry), ("KN95", booked.expiry));
        let nothing = put_right(&booked, &Right::default()).unwrap_err();
        assert_eq!(nothing.code, Code::ValidationFailed);
        let dead = Right { expiry: Some(Expiry::Dated(day("2019-11-30"))), ..Right::default() };
        assert_eq!(put_right(&booked, &dead).unwrap_err().code, Code::ValidationFailed);
    }

    #[test]
    fn two_labels_become_one_unless_their_dates_contradict() {
        let booked = lot("N95", "A", "2022-11-30");
        let known = lot("KN95", "A", "2022-11-30");
        let wanted = |expiry| MakersLot { expiry, ..known.clone() };
        assert_eq!(merge(&booked, &wanted(known.expiry), &known), Ok(()));
        assert_eq!(merge(&booked, &wanted(Expiry::Unknown), &known), Ok(()));
        let other = wanted(Expiry::Dated(day("2022-12-31")));
        assert_eq!(merge(&booked, &other, &known).unwrap_err().code, Code::LotConflict);
    }

    #[test]
    fn a_correction_lifts_no_recall() {
        let recalled = MakersLot {
            recalled_at: Some(Instant::parse("2020-02-01T00:00:00Z").unwrap()),
            ..lot("N95", "A", "2022-11-30")
        };
        let known = lot("KN95", "A", "2022-11-30");
        let refusal = merge(&recalled, &known, &known).unwrap_err();
        assert_eq!(refusal.code, Code::WrongStatus);
        let both = MakersLot { recalled_at: recalled.recalled_at, ..known.clone() };
        assert_eq!(merge(&recalled, &known, &both), Ok(()));
    }

    #[test]
    fn an_extension_needs_an_authority_and_a_typing_error_does_not() {
        let booked = lot("N95", "A", "2022-11-30");
        let later = Expiry::Dated(day("2023-05-31"));
        let change = |to, because, authority| change_expiry(&booked, to, because, authority);
        let bare = change(later, ExpiryBecause::Extended, false).unwrap_err();
        assert_eq!(bare.code, Code::AuthorityRequired);
        assert_eq!(change(later, ExpiryBecause::Extended, true).unwrap().expiry, later);
        assert!(change(later, ExpiryBecause::TypingError, false).is_ok());
        let earlier = Expiry::Dated(day("2022-10-31"));
        assert!(change(earlier, ExpiryBecause::TypingError, false).is_ok());
        let shorter = change(earlier, ExpiryBecause::Extended, true).unwrap_err();
        assert_eq!(shorter.code, Code::ValidationFailed);
        let same = change(booked.expiry, ExpiryBecause::TypingError, false).unwrap_err();
        assert_eq!(same.code, Code::ValidationFailed);
    }
}
