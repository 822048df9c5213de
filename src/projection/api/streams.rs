//! All projections at once, written while they are worked out.

use super::{Read, asked_of};
use crate::access::{Actor, Permission};
use crate::app::App;
use crate::command::CommandError;
use crate::db::{DbConnection, DbError};
use crate::http::stream::reader_gone;
use crate::http::{ApiError, Caller, Flow};
use crate::kernel::time::plus_days;
use crate::projection::line::Totals;
use crate::projection::queries;
use crate::projection::requests::Foreseen;
use crate::projection::views::ProjectionRow;
use crate::projection::views::stream::{End, Head, ProjectionStreamLine};
use crate::shortfall::queries::freshness;
use actix_web::HttpResponse;
use serde::Serialize;
use std::io::Write;

/// Answers with all lines, one value on each.
pub(super) async fn lines(
    caller: Caller,
    read: Read,
    foreseen: Vec<Foreseen>,
) -> Result<HttpResponse, ApiError> {
    caller
        .stream(Permission::ReadShortfalls, "projections", move |conn, app, actor, flow| {
            write(conn, app, actor, &read, &foreseen, flow)
        })
        .await
}

fn write(
    conn: &mut DbConnection,
    app: &App,
    actor: &Actor,
    read: &Read,
    foreseen: &[Foreseen],
    flow: &mut Flow,
) -> Result<(), CommandError> {
    let (mut asked, moment) = asked_of(conn, app, actor, read, foreseen)?;
    asked.question.after = None;
    let today = app.settings.zone.day_of(moment.as_of);
    let head = Head {
        as_of: moment.as_of,
        as_known_at: moment.as_known_at,
        today,
        last_day: plus_days(today, asked.days - 1),
        freshness: freshness(conn, &asked.question, &app.settings, moment.as_of)?.into(),
    };
    put(flow, &ProjectionStreamLine::Head { head: Box::new(head) })?;
    let mut totals = Totals::default();
    queries::show_all(conn, &asked, &app.settings, moment, |line| -> Result<(), DbError> {
        totals.add(line);
        put(flow, &ProjectionRow::new(line))
    })?;
    let end = End { rows: totals.lines, totals: (&totals).into() };
    Ok(put(flow, &ProjectionStreamLine::End { end: Box::new(end) })?)
}

/// Writes a value and ends its line.
fn put(flow: &mut Flow, value: &impl Serialize) -> Result<(), DbError> {
    serde_json::to_writer(&mut *flow, value).map_err(|error| reader_gone(&error.into()))?;
    flow.write_all(b"\n").map_err(|error| reader_gone(&error))
}
