//! All lines at once, written while they are worked out.

use super::table::{about, cells, columns};
use crate::access::Permission;
use crate::command::CommandError;
use crate::db::{DbConnection, DbError};
use crate::http::stream::reader_gone;
use crate::http::table::{Sheets, csv_head, csv_row};
use crate::http::{ApiError, AskedMoment, Caller, Flow, Form};
use crate::kernel::{Bilingual, Language};
use crate::reserve_plan::plan::PlanVersion;
use crate::shortfall::queries::ground::Ground;
use crate::shortfall::queries::{Line, Question, each_line, freshness};
use crate::shortfall::views::ShortfallRow;
use crate::shortfall::views::stream::{End, Head, ShortfallStreamLine};
use actix_web::HttpResponse;
use serde::Serialize;
use std::io::{Seek, Write};

/// Characters of CSV that are handed over at a time.
const TEXT_AT_ONCE: usize = 32 << 10;

/// Answers with all lines, in the form that the caller wants.
pub(super) async fn whole(
    caller: Caller,
    question: Question,
    asked: AskedMoment,
) -> Result<HttpResponse, ApiError> {
    let (form, language) = (caller.form(), caller.language());
    caller
        .stream(Permission::ReadShortfalls, "shortfalls", move |conn, app, actor, flow| {
            let moment = asked.settle(conn, app)?;
            let question = Question {
                scope: actor.scope.stores(),
                moment: Some(moment),
                limit: None,
                ..question
            };
            let settings = &app.settings;
            let ground = Ground::of(conn, &question, settings, moment.as_of)?;
            if form == Form::Csv {
                return csv(conn, &ground, &question, language, flow);
            }
            let fresh = freshness(conn, &question, settings, moment.as_of)?;
            let head = Head::new(&ground, fresh);
            match form {
                Form::Xlsx => workbook(conn, &ground, head, &question, language, flow),
                Form::Csv | Form::Json | Form::Lines => lines(conn, &ground, head, &question, flow),
            }
        })
        .await
}

fn lines(
    conn: &mut DbConnection,
    ground: &Ground,
    head: Head,
    question: &Question,
    flow: &mut Flow,
) -> Result<(), CommandError> {
    put(flow, &ShortfallStreamLine::Head { head: Box::new(head) })?;
    let each = |line: &Line| -> Result<(), DbError> { put(flow, &ShortfallRow::from(line)) };
    let totals = each_line(conn, ground, question, each)?;
    let end = End { rows: totals.lines, totals: totals.into() };
    Ok(put(flow, &ShortfallStreamLine::End { end: Box::new(end) })?)
}

/// Writes a value and ends its line.
fn put(flow: &mut Flow, value: &impl Serialize) -> Result<(), DbError> {
    serde_json::to_writer(&mut *flow, value).map_err(|error| reader_gone(&error.into()))?;
    flow.write_all(b"\n").map_err(|error| reader_gone(&error))
}

fn csv(
    conn: &mut DbConnection,
    ground: &Ground,
    question: &Question,
    language: Language,
    flow: &mut Flow,
) -> Result<(), CommandError> {
    let mut text = csv_head(&columns(), language);
    let each = |line: &Line| -> Result<(), DbError> {
        csv_row(&mut text, &cells(line, plan_of(ground, line), ground.moment.as_of));
        if text.len() >= TEXT_AT_ONCE {
            flow.write_all(text.as_bytes()).map_err(|error| reader_gone(&error))?;
            text.clear();
        }
        Ok(())
    };
    each_line(conn, ground, question, each)?;
    Ok(flow.write_all(text.as_bytes()).map_err(|error| reader_gone(&error))?)
}

/// A workbook is whole before its first byte can be sent; until then it lies in temporary files.
fn workbook(
    conn: &mut DbConnection,
    ground: &Ground,
    head: Head,
    question: &Question,
    language: Language,
    flow: &mut Flow,
) -> Result<(), CommandError> {
    let full = |error: std::io::Error| DbError::Full(error.to_string());
    let name = Bilingual::new("缺口", "Shortfalls");
    let mut sheets = Sheets::begin(&about(&head), &name, &columns(), language)?;
    let each = |line: &Line| sheets.push(&cells(line, plan_of(ground, line), ground.moment.as_of));
    each_line(conn, ground, question, each)?;
    let mut file = tempfile::tempfile().map_err(full)?;
    sheets.save(&mut file)?;
    file.rewind().map_err(full)?;
    std::io::copy(&mut file, flow).map_err(|error| reader_gone(&error))?;
    Ok(())
}

/// The version that a line is from.
fn plan_of<'a>(ground: &'a Ground, line: &Line) -> Option<&'a PlanVersion> {
    ground.plans.iter().find(|plan| plan.id == line.plan_line.plan_id)
}
