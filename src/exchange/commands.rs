//! The import itself: every document through the command that its REST face runs, in one
//! transaction, each in a savepoint, so that one run names every bad row of the file.

use crate::access::Actor;
use crate::app::App;
use crate::chain::records::{LongWrite, announce, withdraw};
use crate::command::{self, Call, CommandError, Done, Tx, asking};
use crate::config::Settings;
use crate::db::savepoint::in_savepoint;
use crate::db::{DbConnection, DbError, MayConflict};
use crate::exchange::counting::{self, ItemUnits, Said};
use crate::exchange::draft::{self, Draft, Line};
use crate::exchange::fields;
use crate::exchange::fingerprint::{self, Printed};
use crate::exchange::kind::ImportKind;
use crate::exchange::mapping::Mapping;
use crate::exchange::records::{self, ImportedRow};
use crate::exchange::report::Report;
use crate::exchange::request::{Request, permission};
use crate::exchange::table::{RowFault, Table};
use crate::kernel::hash::sha256_hex;
use crate::kernel::id::LongWriteId;
use crate::kernel::{Code, FaultCode, Instant, ItemCode, Refusal, RegionCode};
use crate::stores::requests::RegionRequest;
use crate::{catalogue, dispatch, stock, stores};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What is to be imported, and how.
#[derive(Debug, Clone)]
pub struct Import {
    /// What the rows are.
    pub kind: ImportKind,
    /// SHA-256 of the file's bytes.
    pub file_hash: String,
    /// How its columns become our fields.
    pub mapping: Mapping,
    /// Whether the good rows go in although others are refused.
    pub good_rows_go_in: bool,
    /// Whether to try everything and store nothing.
    pub dry_run: bool,
}

/// Told how many rows are done of how many; may be told of the same rows again when the database
/// had to repeat them.
pub type Progress = Arc<dyn Fn(usize, usize) + Send + Sync>;

/// Documents that share a transaction where the good rows go in anyway: enough to make commits
/// cheap, few enough to let a running service write in between.
const DOCUMENTS_PER_TRANSACTION: usize = 500;

/// How long a file may take that goes in whole. Until it ends, nobody is told what was known since it
/// began.
const WHOLE_FILE_SECONDS: i64 = 3_600;

/// Rows that are written down together as imported.
const ROWS_KEPT_AT_ONCE: usize = 1_000;

/// Imports the rows of a table on behalf of a user.
///
/// The table is let go as soon as its rows have been read, so that a large file is not held twice.
///
/// A row that was imported before changes nothing. Nothing at all is stored when any row is
/// refused, unless the good rows are to go in; then an interrupted import can simply be repeated.
///
/// # Errors
/// `forbidden` when the user may not post such documents at all; failures of the database.
pub fn import(
    app: &App,
    actor: &Actor,
    import: &Import,
    table: Arc<Table>,
    progress: &Progress,
) -> Result<Report, CommandError> {
    let call = Call::internal(actor.clone(), permission(import.kind), request_id(import));
    if let Err(refusal) = actor.require(permission(import.kind)) {
        command::record_refusal(app, &call, &refusal)?;
        return Err(refusal.into());
    }
    let mut report = Report {
        kind: import.kind,
        encoding: table.encoding,
        delimiter: table.delimiter,
        rows: table.rows.len(),
        accepted: 0,
        documents: 0,
        already: 0,
        repeated: 0,
        faults: Vec::new(),
        unused: Vec::new(),
        stored: false,
        dry_run: import.dry_run,
    };
    let read = match fields::read(&table, import.kind, &import.mapping, app.settings.zone) {
        Ok(read) => read,
        Err(faults) => {
            report.faults = faults;
            return Ok(report);
        }
    };
    drop(table);
    report.unused = read.unused;
    report.faults = read.faults;
    let sorted = fingerprint::sort(
        read.good,
        import.kind,
        import.mapping.source.as_deref(),
        &import.mapping.identity,
    );
    report.repeated = sorted.repeated;
    report.faults.extend(sorted.faults);
    let lines = prepare(app, import, &read.columns, sorted.rows, &mut report)?;
    let drafts = draft::group(lines, import.kind);
    let outcome = store(app, import, &call, read.columns, drafts, &report, progress)?;
    report.accepted = outcome.accepted;
    report.documents = outcome.documents;
    report.stored = outcome.kept && outcome.documents > 0;
    report.faults.extend(outcome.faults);
    report.faults.sort_by(|a, b| a.line.cmp(&b.line).then_with(|| a.column.cmp(&b.column)));
    if !report.faults.is_empty() && !import.dry_run {
        let refused = report.refused();
        let refusal = Refusal::new(
            Code::ValidationFailed,
            format!("导入文件中有 {refused} 行被拒绝"),
            format!("{refused} rows of the imported file were refused"),
        );
        command::record_refusal(app, &call, &refusal)?;
    }
    Ok(report)
}

fn request_id(import: &Import) -> String {
    format!("import-{}", import.file_hash.get(..16).unwrap_or_default())
}

/// Sets aside the rows that were imported before, and turns what the others count into base units.
fn prepare(
    app: &App,
    import: &Import,
    columns: &BTreeMap<&'static str, String>,
    rows: Vec<Printed>,
    report: &mut Report,
) -> Result<Vec<Line>, CommandError> {
    let codes: BTreeSet<ItemCode> = rows
        .iter()
        .filter(|row| row.record.get("unit").is_some() || row.record.get("pack_text").is_some())
        .filter_map(|row| ItemCode::new(row.record.get("item_code")?).ok())
        .collect();
    let prints: Vec<String> = rows.iter().map(|row| row.fingerprint.clone()).collect();
    let (imported, units) = app.read(|conn| {
        let imported = records::find(conn, &prints)?;
        Ok::<_, DbError>((imported, item_units(conn, codes.into_iter().collect())?))
    })?;
    let mut lines = Vec::new();
    for row in rows {
        match imported.get(&row.fingerprint) {
            Some((content, _)) if *content == row.content_hash => report.already += 1,
            Some((_, document)) => report.faults.push(RowFault::new(
                row.record.line,
                import.mapping.identity.join(", "),
                format!("标识相同的行已导入（{document}），内容不同"),
                format!("a row of this identity was imported ({document}) and said something else"),
            )),
            None if import.kind.rows_are_things() => lines.push(Line { row, quantity: None }),
            None => match quantity(&row, import, &units) {
                Ok(quantity) => lines.push(Line { row, quantity: Some(quantity) }),
                Err(fault) => {
                    let column = columns.get(fault.field).map_or(fault.field, String::as_str);
                    report.faults.push(RowFault {
                        line: row.record.line,
                        column: column.to_owned(),
                        reason: fault.reason,
                    });
                }
            },
        }
    }
    Ok(lines)
}

fn item_units(
    conn: &mut DbConnection,
    codes: Vec<ItemCode>,
) -> Result<HashMap<String, ItemUnits>, DbError> {
    let mut units = HashMap::new();
    for chunk in codes.chunks(1_000) {
        for (code, item) in catalogue::records::find_all(conn, chunk)? {
            let packs = item
                .packs
                .into_iter()
                .map(|pack| (vec![pack.code, pack.name_zh, pack.name_en], pack.units.units()));
            units.insert(
                String::from(code),
                ItemUnits { base_unit: item.base_unit, packs: packs.collect() },
            );
        }
    }
    Ok(units)
}

fn quantity(
    row: &Printed,
    import: &Import,
    units: &HashMap<String, ItemUnits>,
) -> Result<crate::kernel::Quantity, counting::CountFault> {
    let record = &row.record;
    let said = Said {
        quantity: record.whole("quantity"),
        unit: record.get("unit"),
        pack_text: record.get("pack_text"),
        packs: record.whole("packs"),
        pack_units: record.whole("pack_units"),
    };
    let counted = counting::count(said, &import.mapping.units)?;
    match record.get("item_code").and_then(|code| units.get(code)) {
        Some(item) => item.in_base_units(&counted, &import.mapping.units),
        // An unknown item is refused by its own name when the document is posted.
        None => Ok(counted.number),
    }
}

/// What became of the documents.
#[derive(Debug, Default)]
struct Outcome {
    accepted: usize,
    /// Rows that went in and are not written down yet.
    rows: Vec<ImportedRow>,
    documents: usize,
    faults: Vec<RowFault>,
    kept: bool,
}

impl Outcome {
    /// Writes down which rows went in, once there are so many.
    fn keep_rows(&mut self, conn: &mut DbConnection, many: usize) -> Result<(), DbError> {
        if self.rows.len() >= many {
            records::insert(conn, &std::mem::take(&mut self.rows))?;
        }
        Ok(())
    }
}

/// Why a transaction is given up.
#[derive(Debug)]
enum GivenUp {
    /// On purpose: a dry run, or rows that are refused.
    OnPurpose(Box<Outcome>),
    Failed(CommandError),
}

impl From<DbError> for GivenUp {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<CommandError> for GivenUp {
    fn from(error: CommandError) -> Self {
        Self::Failed(error)
    }
}

impl MayConflict for GivenUp {
    fn is_conflict(&self) -> bool {
        match self {
            Self::OnPurpose(_) => false,
            Self::Failed(error) => error.is_conflict(),
        }
    }
}

/// What posting needs, beside the connection.
struct Poster {
    call: Call,
    settings: Arc<Settings>,
    import: Import,
    columns: BTreeMap<&'static str, String>,
}

/// What everyone is told while a file goes in whole.
struct Announced {
    long: Option<LongWrite>,
}

impl Announced {
    fn new(app: &App, is_long: bool) -> Result<Self, DbError> {
        let begun_at = app.clock.now();
        let ends_by = begun_at.plus_seconds(WHOLE_FILE_SECONDS);
        let long = is_long.then(|| LongWrite { id: LongWriteId::generate(), begun_at, ends_by });
        if let Some(long) = long.clone() {
            app.db.write(move |conn| announce(conn, &long))?;
        }
        Ok(Self { long })
    }

    fn given_up(&self, app: &App) -> Result<(), DbError> {
        match self.long.clone() {
            Some(long) => app.db.write(move |conn| withdraw(conn, &long.id)),
            None => Ok(()),
        }
    }
}

fn store(
    app: &App,
    import: &Import,
    call: &Call,
    columns: BTreeMap<&'static str, String>,
    drafts: Vec<Draft>,
    report: &Report,
    progress: &Progress,
) -> Result<Outcome, CommandError> {
    let all: usize = drafts.iter().map(Vec::len).sum();
    let whole = !import.good_rows_go_in || import.dry_run || import.kind.rows_are_things();
    let chunk_size = if whole { drafts.len().max(1) } else { DOCUMENTS_PER_TRANSACTION };
    let faults_before = !report.faults.is_empty();
    let poster = Arc::new(Poster {
        call: call.clone(),
        settings: app.settings.clone(),
        import: import.clone(),
        columns,
    });
    let mut outcome = Outcome { kept: true, ..Outcome::default() };
    let announced = Announced::new(app, whole && !import.dry_run)?;
    let drafts = Arc::new(drafts);
    for begin in (0..drafts.len()).step_by(chunk_size) {
        let (poster, clock, drafts) = (poster.clone(), app.clock.clone(), drafts.clone());
        let watch = app.clock_watch.clone();
        let long = announced.long.clone();
        let (progress, done_before) = (progress.clone(), outcome.accepted + outcome.faults.len());
        let give_up = import.dry_run || (faults_before && !import.good_rows_go_in);
        let part = app.db.write(move |conn| {
            let told = |rows: usize| progress(done_before + rows, all);
            let chunk = drafts.iter().skip(begin).take(chunk_size);
            // A clock that is not believed dates no history either.
            watch.check(&*clock).map_err(CommandError::from)?;
            let begun = clock.now();
            let part = poster.post_all(conn, begun, chunk, told)?;
            // What was known at a time is told a while later, so a part may take no longer than a
            // command; nor is it lost then: rows that went in are known when the file comes again.
            let latest = begun.plus_seconds(poster.settings.command_seconds);
            let latest = long.as_ref().map_or(latest, |long| long.ends_by);
            if clock.now() > latest && !poster.import.dry_run {
                return Err(DbError::Busy("the file took too long".to_owned()).into());
            }
            if give_up || (!part.faults.is_empty() && !poster.import.good_rows_go_in) {
                return Err(GivenUp::OnPurpose(Box::new(part)));
            }
            if let Some(long) = &long {
                withdraw(conn, &long.id)?;
            }
            Ok(part)
        });
        if part.is_err() {
            announced.given_up(app)?;
        }
        let (part, kept) = match part {
            Ok(part) => (part, true),
            Err(GivenUp::OnPurpose(part)) => (*part, false),
            Err(GivenUp::Failed(error)) => return Err(error),
        };
        outcome.kept &= kept;
        outcome.documents += part.documents;
        outcome.accepted += part.accepted;
        outcome.faults.extend(part.faults);
    }
    progress(all, all);
    Ok(outcome)
}

impl Poster {
    /// Posts every draft; what is refused for the sake of another that comes later in the file (a
    /// store supplied by a later one) is tried again as long as that helps.
    fn post_all<'a>(
        &self,
        conn: &mut DbConnection,
        now: Instant,
        drafts: impl Iterator<Item = &'a Draft>,
        told: impl Fn(usize),
    ) -> Result<Outcome, GivenUp> {
        let mut outcome = Outcome::default();
        let mut done = 0;
        let mut waiting: Vec<(&Draft, Vec<RowFault>)> = Vec::new();
        for draft in drafts {
            let faults = self.post(conn, now, draft, &mut outcome)?;
            if !faults.is_empty() {
                waiting.push((draft, faults));
            }
            done += draft.len();
            told(done);
        }
        while self.import.kind.rows_are_things() && !waiting.is_empty() {
            let before = waiting.len();
            for (draft, _) in std::mem::take(&mut waiting) {
                let faults = self.post(conn, now, draft, &mut outcome)?;
                if !faults.is_empty() {
                    waiting.push((draft, faults));
                }
            }
            if waiting.len() == before {
                break;
            }
        }
        outcome.keep_rows(conn, 1)?;
        outcome.faults = waiting.into_iter().flat_map(|(_, faults)| faults).collect();
        Ok(outcome)
    }

    /// Posts one draft without the rows that are refused; gives their faults.
    fn post(
        &self,
        conn: &mut DbConnection,
        now: Instant,
        draft: &Draft,
        outcome: &mut Outcome,
    ) -> Result<Vec<RowFault>, GivenUp> {
        let mut draft = draft.clone();
        let mut faults = Vec::new();
        while !draft.is_empty() {
            let posted = in_savepoint(conn, |conn| self.post_once(conn, now, &draft));
            let refused = match posted {
                Ok(document) => {
                    outcome.documents += 1;
                    outcome.accepted += draft.len();
                    outcome.rows.extend(draft.iter().map(|line| self.kept(line, &document, now)));
                    outcome.keep_rows(conn, ROWS_KEPT_AT_ONCE)?;
                    break;
                }
                Err(NotPosted::Refused(refused)) => refused,
                Err(NotPosted::Failed(error)) => return Err(error.into()),
            };
            let bad: BTreeSet<u64> = refused.iter().map(|fault| fault.line).collect();
            let before = draft.len();
            draft.retain(|line| !bad.contains(&line.row.record.line));
            faults.extend(refused);
            // A refusal names at least one row of the draft; were it to name none, trying the same
            // again would never end.
            assert!(draft.len() < before, "a refusal must name a row of its document");
        }
        Ok(faults)
    }

    fn post_once(
        &self,
        conn: &mut DbConnection,
        now: Instant,
        draft: &Draft,
    ) -> Result<Document, NotPosted> {
        let kind = self.import.kind;
        let request = Request::of(kind, draft).map_err(|wrong| {
            let faults = wrong.into_iter().map(|wrong| RowFault {
                line: wrong.line,
                column: self.column(wrong.field),
                reason: wrong.reason,
            });
            NotPosted::Refused(faults.collect())
        })?;
        let mut call = self.call.clone();
        let lines: Vec<u64> = draft.iter().map(|line| line.row.record.line).collect();
        call.asked = asking(&serde_json::json!({
            "import": { "file": self.import.file_hash, "lines": lines },
            "request": request.asked(),
        }));
        let done = command::within(conn, &self.settings, now, &call, |tx| run(tx, &request));
        match done {
            Ok(done) => Ok(Document {
                kind: done.subject().map_or("", |subject| subject.kind).to_owned(),
                id: done.subject().map(|subject| subject.id.clone()).unwrap_or_default(),
            }),
            Err(CommandError::Refused(refusal)) => {
                Err(NotPosted::Refused(self.faults_of(&refusal, draft)))
            }
            Err(error @ CommandError::Failed(_)) => Err(NotPosted::Failed(error)),
        }
    }

    /// The faults of the rows of a draft that was refused.
    ///
    /// Where the refusal points at lines, only these are named; the others may do without them.
    fn faults_of(&self, refusal: &Refusal, draft: &Draft) -> Vec<RowFault> {
        let mut of_lines = Vec::new();
        let mut of_all = Vec::new();
        for fault in &refusal.faults {
            let place = Place::of(&fault.pointer);
            let column = place.field.as_deref().map_or_else(String::new, |f| self.column(f));
            // A bare "is unknown" says more with the value beside it.
            match place.line.and_then(|at| draft.get(at)) {
                Some(line) => of_lines.push(self.fault(line, column, place, fault)),
                None => of_all.extend(
                    draft.iter().map(|line| self.fault(line, column.clone(), place.clone(), fault)),
                ),
            }
        }
        if !of_all.is_empty() {
            of_all.extend(of_lines);
            return of_all;
        }
        if !of_lines.is_empty() {
            return of_lines;
        }
        let whole = |line: &Line| RowFault {
            line: line.row.record.line,
            column: String::new(),
            reason: refusal.detail.clone(),
        };
        draft.iter().map(whole).collect()
    }

    fn fault(
        &self,
        line: &Line,
        column: String,
        place: Place,
        fault: &crate::kernel::Fault,
    ) -> RowFault {
        let value = place.field.as_deref().and_then(|field| line.row.record.get(field));
        let plain = fault.message == fault.code.message();
        let reason = match value {
            Some(value) if plain && fault.code != FaultCode::Required => {
                crate::kernel::Bilingual::new(
                    format!("“{value}”{}", fault.message.zh),
                    format!("\"{value}\" {}", fault.message.en),
                )
            }
            Some(_) | None => fault.message.clone(),
        };
        RowFault { line: line.row.record.line, column, reason }
    }

    fn column(&self, field: &str) -> String {
        self.columns.get(field).map_or(field, String::as_str).to_owned()
    }

    fn kept(&self, line: &Line, document: &Document, now: Instant) -> ImportedRow {
        ImportedRow {
            fingerprint: line.row.fingerprint.clone(),
            content_hash: line.row.content_hash.clone(),
            kind: self.import.kind,
            file_hash: self.import.file_hash.clone(),
            line: i64::try_from(line.row.record.line).unwrap_or(i64::MAX),
            document_kind: document.kind.clone(),
            document_id: document.id.clone(),
            imported_by: self.call.actor.name.clone(),
            imported_at: now,
        }
    }
}

/// Runs the command that clients of the REST face run with the same request.
fn run(tx: &mut Tx<'_>, request: &Request) -> Result<Done, CommandError> {
    match request {
        Request::Item(request) => catalogue::commands::create_item(tx, request),
        Request::Receipt(request) => stock::commands::post_receipt(tx, request),
        Request::Dispatch(request) => dispatch::commands::create(tx, request),
        Request::Store(request, region) => {
            if let Some(region) = region {
                create_missing_region(tx, region)?;
            }
            stores::commands::create_store(tx, request)
        }
    }
}

fn create_missing_region(tx: &mut Tx<'_>, region: &RegionRequest) -> Result<(), CommandError> {
    // A code that is none is named by the store's own faults.
    let Ok(code) = RegionCode::new(&region.code) else { return Ok(()) };
    if stores::records::find_region(tx.conn, &code)?.is_none() {
        stores::commands::create_region(tx, region)?;
    }
    Ok(())
}

/// What a draft became.
struct Document {
    kind: String,
    id: String,
}

enum NotPosted {
    Refused(Vec<RowFault>),
    Failed(CommandError),
}

impl From<DbError> for NotPosted {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

/// Where in a draft a JSON pointer points.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    line: Option<usize>,
    field: Option<String>,
}

impl Place {
    fn of(pointer: &str) -> Self {
        let mut parts = pointer.split('/').skip(1).peekable();
        let mut line = None;
        if parts.peek() == Some(&"lines") {
            parts.next();
            line = parts.next().and_then(|at| at.parse().ok());
        }
        let field = match parts.next() {
            // `/source/name` is our field `source_name`, but its number is `document_number`.
            Some("source") => match parts.next() {
                Some("document_number") => Some("document_number".to_owned()),
                Some(part) => Some(format!("source_{part}")),
                None => Some("source_kind".to_owned()),
            },
            Some(field) if !field.is_empty() => Some(field.to_owned()),
            Some(_) | None => None,
        };
        Self { line, field }
    }
}

/// The SHA-256 by which a file is known.
pub fn file_hash(bytes: &[u8]) -> String {
    sha256_hex(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_names_the_line_and_our_field() {
        let place = |pointer: &str| {
            let place = Place::of(pointer);
            (place.line, place.field)
        };
        assert_eq!(place("/lines/3/lot_number"), (Some(3), Some("lot_number".to_owned())));
        assert_eq!(place("/lines/3"), (Some(3), None));
        assert_eq!(place("/source/name"), (None, Some("source_name".to_owned())));
        assert_eq!(place("/source/document_number"), (None, Some("document_number".to_owned())));
        assert_eq!(place("/packs/0/units"), (None, Some("packs".to_owned())));
        assert_eq!(place(""), (None, None));
    }
}
