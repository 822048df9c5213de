//! The REST face of files: the lines of a plan as a table, out and in.

use crate::access::Permission;
use crate::command::CommandError;
use crate::exchange::request::plan_lines::{self, Headings, ReadLines, RowFault};
use crate::exchange::table::{self, Reading};
use crate::http::{ApiError, Caller, Cell, Filters, Form, Table};
use crate::kernel::id::ReservePlanId;
use crate::kernel::{Bilingual, Code, FaultCode, Faults, Refusal};
use crate::reserve_plan::commands::replace_lines;
use crate::reserve_plan::records;
use crate::reserve_plan::records::MAX_LINES;
use crate::reserve_plan::views::{PlanLineView, ReplacedLinesView};
use actix_web::http::header;
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

/// How to write a table of lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Headings: `names` of the fields unless said, or `zh`.
    headings: Option<String>,
}

/// Export the lines of a plan
///
/// All lines of a version, a row for each basis of a line: as CSV in UTF-8 with a byte order mark, or
/// as a workbook by `Accept`. What is exported can be imported again and gives the same lines.
#[utoipa::path(tag = "planning", operation_id = "export_reserve_plan_lines",
    params(("id" = ReservePlanId, Path, description = "The version's id"), ExportQuery),
    responses((status = 200, description = "The table",
        content((String = "text/csv",
            example = json!("store_kind,item_code,kind,quantity\nhospital,M03,fixed,5000\n")),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/reserve-plans/{id}/lines/export")]
pub async fn export_reserve_plan_lines(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<ExportQuery>,
) -> Result<HttpResponse, ApiError> {
    let headings = match query.headings.as_deref() {
        None | Some("names") => Headings::Names,
        Some("zh") => Headings::Chinese,
        Some(_) => return Err(Refusal::fault("/headings", FaultCode::NotInList).into()),
    };
    let (form, language) = (caller.form(), caller.language());
    let views = caller
        .load(Permission::ReadPlans, move |conn, _, _| {
            let missing = || Refusal::not_found("储备方案", "reserve plan", &id);
            let plan = ReservePlanId::try_from(id.to_string()).map_err(|_shape| missing())?;
            let plan = records::find_plan(conn, &plan)?.ok_or_else(missing)?;
            let lines = records::lines_of(conn, &plan.id)?;
            let views: Vec<PlanLineView> = lines.into_iter().map(Into::into).collect();
            Ok(views)
        })
        .await?;
    if form == Form::Xlsx {
        return workbook(&views, headings)?.answer(form, language);
    }
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"reserve-plan-lines.csv\"",
        ))
        .body(plan_lines::write(&views, headings)))
}

fn workbook(lines: &[PlanLineView], headings: Headings) -> Result<Table, Refusal> {
    let mut rows = plan_lines::grid(lines, headings).into_iter();
    let named = rows.next().unwrap_or_default();
    let columns = named.into_iter().map(|name| Bilingual::new(name.clone(), name)).collect();
    let mut table = Table::new("reserve-plan-lines", columns);
    for row in rows {
        let cells = row.into_iter().enumerate().map(|(column, text)| {
            let number = text.parse::<i64>().ok().filter(|_| plan_lines::is_number(column));
            match number {
                Some(number) => Cell::Number(number),
                None if text.is_empty() => Cell::Empty,
                None => Cell::Text(text),
            }
        });
        table.push(cells.collect())?;
    }
    Ok(table)
}

/// How to take a table of lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Whether to tell only what would change, and store nothing.
    dry_run: Option<bool>,
}

/// Import the lines of a plan
///
/// Puts the lines of a CSV file or a workbook in place of those of a draft, all or none. Headings are
/// the names of the fields or Chinese; UTF-8 with or without a byte order mark, UTF-16 and GB18030 are
/// read, and of a workbook (XLSX) the first visible sheet. A bad file is refused with every bad row in
/// `rejected_rows`: row, column, code, and what is wrong in both languages.
#[utoipa::path(tag = "planning", operation_id = "import_reserve_plan_lines",
    request_body(content((String = "text/csv", example =
            json!("store_kind,item_code,kind,quantity,level_percent_I\nhospital,M03,fixed,5000,200\n")),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    params(("id" = ReservePlanId, Path, description = "The version's id"), ImportQuery),
    responses((status = 200, description = "What changed, or would", body = ReplacedLinesView)),
    extensions(("x-permission" = json!("reserve_plans.write"))))]
#[post("/reserve-plans/{id}/lines/import")]
pub async fn import_reserve_plan_lines(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<ImportQuery>,
) -> Result<HttpResponse, ApiError> {
    let dry_run = query.dry_run.unwrap_or(false);
    let read = |bytes: &[u8]| {
        let table = table::read(bytes, Reading::default())?;
        let found = plan_lines::read(&table)?;
        if found.lines.len() > MAX_LINES {
            return Err(Refusal::fault("/lines", FaultCode::TooLong));
        }
        Ok(found)
    };
    caller
        .upload(Permission::WritePlans, read, move |tx, found: &ReadLines| {
            let missing = || Refusal::not_found("储备方案", "reserve plan", &id);
            let plan = ReservePlanId::try_from(id.to_string()).map_err(|_shape| missing())?;
            let others_bad = !found.faults.is_empty();
            let done = replace_lines(tx, &plan, &found.lines, others_bad, dry_run);
            done.map_err(|error| with_rows(error, found))
        })
        .await
}

/// A refusal of lines as a refusal of the rows that they came from, with those that were bad before.
fn with_rows(error: CommandError, found: &ReadLines) -> CommandError {
    match error {
        CommandError::Refused(refusal) if refusal.code == Code::ValidationFailed => {
            let mut rows = found.faults.clone();
            rows.extend(found.rows.faults_of(*refusal));
            rows.sort_by_key(|fault| fault.row);
            refusal_of_rows(&rows).into()
        }
        other @ (CommandError::Refused(_) | CommandError::Failed(_)) => other,
    }
}

fn refusal_of_rows(rows: &[RowFault]) -> Refusal {
    let mut faults = Faults::new();
    for RowFault { row, column, code, message } in rows {
        faults.add_saying(format!("/rows/{row}/{column}"), *code, message.clone());
    }
    let told = rows.iter().map(|fault| {
        serde_json::json!({"row": fault.row, "column": fault.column, "code": fault.code.as_str(),
            "zh": fault.message.zh, "en": fault.message.en})
    });
    let told: Vec<serde_json::Value> = told.collect();
    let refused = faults.check().err();
    let refused = refused.unwrap_or_else(|| Refusal::plain(Code::ValidationFailed));
    refused.with("rejected_rows", told)
}

/// The operations on files.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(export_reserve_plan_lines).service(import_reserve_plan_lines);
}
