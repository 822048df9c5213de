//! A sheet as CSV, to be printed and filled in by hand.

use crate::kernel::Quantity;
use crate::stocktake::sheet::Stocktake;
use crate::stocktake::views::SheetRow;

/// The columns, the last four to be filled in.
const COLUMNS: [&str; 17] = [
    "stocktake",
    "line",
    "item_code",
    "name",
    "lot_number",
    "maker",
    "expires_on",
    "state",
    "owner",
    "earmarked_for",
    "base_unit",
    "pack_units",
    "book",
    "counted",
    "counted_by",
    "witnessed_by",
    "counted_at",
];

/// The sheet as CSV in UTF-8, with a mark at its beginning by which spreadsheets know that.
///
/// # Errors
/// When a row cannot be written, which memory that runs out could cause.
pub fn sheet_csv(stocktake: &Stocktake, rows: &[SheetRow]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for row in rows {
        let goods = &row.goods;
        let line = goods.line.to_string();
        let day = goods.expires_on.map(|day| day.to_string()).unwrap_or_default();
        let units = |units: Option<Quantity>| units.map(|n| n.to_string()).unwrap_or_default();
        let (pack, book) = (units(row.pack_units), units(row.book));
        let text = |text: Option<&str>| safe(text.unwrap_or_default());
        writer.write_record([
            stocktake.number.as_str(),
            line.as_str(),
            goods.item_code.as_str(),
            text(row.name_zh.as_deref()).as_str(),
            text(goods.lot_number.as_ref().map(|number| number.as_str())).as_str(),
            text(goods.maker.as_deref()).as_str(),
            day.as_str(),
            goods.state.as_str(),
            text(row.owner_code.as_deref()).as_str(),
            text(row.earmarked_for.as_deref()).as_str(),
            text(row.base_unit.as_deref()).as_str(),
            pack.as_str(),
            book.as_str(),
            "",
            "",
            "",
            "",
        ])?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(format!("\u{feff}{}", String::from_utf8_lossy(&bytes)))
}

/// A text that no spreadsheet takes for a formula.
fn safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_a_formula() {
        assert_eq!(safe("=1+1"), "'=1+1");
        assert_eq!(safe("20260101A"), "20260101A");
    }
}
