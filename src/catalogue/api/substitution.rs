//! The REST face of lists of substitutes.

use crate::access::Permission;
use crate::catalogue::commands::substitution as commands;
use crate::catalogue::records::substitution as records;
use crate::catalogue::requests::substitution::SubstitutionListRequest;
use crate::catalogue::substitution::{SubstitutionList, UseScene};
use crate::catalogue::views::substitution::SubstitutionListView;
use crate::http::{ApiError, Caller, Filters, Problem, page_after};
use crate::kernel::id::SubstitutionListId;
use crate::kernel::page::{Page, PageSize};
use crate::kernel::starting::moment;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, RegionCode};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;

page_of! {
    /// A page of lists of substitutes, the newest record first.
    SubstitutionListPage, SubstitutionListView
}

/// Which lists of substitutes to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubstitutionListQuery {
    /// Of what is wanted.
    #[param(example = "M02")]
    item: Option<String>,
    /// With this substitute on them.
    #[param(example = "M03")]
    substitute: Option<String>,
    /// For this use: `general`, `isolation`, `clinical`, `laboratory`, `sampling` or `public`.
    scene: Option<String>,
    /// Declared for this region itself.
    #[param(example = "360729")]
    region: Option<String>,
    /// Only those in force at this time: an instant with an offset, or a date for its end.
    at: Option<String>,
    /// With it, by what had been recorded at this time; by what is known today unless said.
    known_at: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The place of a list among others: the newest record first.
type Place = (Instant, SubstitutionListId);

fn place(list: &SubstitutionList) -> Place {
    (list.recorded_at, list.id.clone())
}

/// List lists of substitutes
///
/// Every list that was ever recorded, the newest first, or with `at` those that were in force then:
/// of several for the same item, use and region that which began last. Where one holds, a list for
/// the use itself comes before one for any use, and the nearest region's before those above it.
#[utoipa::path(tag = "catalogue", operation_id = "list_substitution_lists",
    params(SubstitutionListQuery),
    responses((status = 200, description = "A page of lists", body = SubstitutionListPage)),
    extensions(("x-permission" = json!("items.read"))))]
#[get("/substitution-lists")]
pub async fn list_substitution_lists(
    caller: Caller,
    Filters(query): Filters<SubstitutionListQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let zone = caller.app().settings.zone;
    let (size, after) = page_after::<Place>(query.limit, query.cursor.as_deref(), &mut faults);
    let at = moment(query.at.as_deref(), "/at", zone, &mut faults);
    let known_at = moment(query.known_at.as_deref(), "/known_at", zone, &mut faults);
    if known_at.is_some() && query.at.is_none() {
        faults.add("/at", FaultCode::Required);
    }
    let filter = filter_of(query, &mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadItems, move |conn, _, _| {
            let lists = match at {
                None => records::list(conn, &filter, after.as_ref(), size.probe())?,
                Some(at) => {
                    let items = filter.item.as_ref().map(std::slice::from_ref);
                    let in_force = records::in_force(conn, items, at, known_at)?;
                    page_of_those(in_force.iter().cloned(), &filter, after.as_ref(), size)
                }
            };
            let page = Page::from_probe(lists, size, place);
            Ok(SubstitutionListPage::from(page.map(SubstitutionListView::from)))
        })
        .await
}

fn filter_of(query: SubstitutionListQuery, faults: &mut Faults) -> records::Filter {
    let mut item = |pointer: &str, text: Option<String>| {
        text.and_then(|text| faults.keep(pointer, ItemCode::new(&text)))
    };
    let (wanted, substitute) = (item("/item", query.item), item("/substitute", query.substitute));
    records::Filter {
        item: wanted,
        substitute,
        scene: query.scene.and_then(|word| {
            faults.keep("/scene", UseScene::from_word(&word).ok_or(FaultCode::NotInList))
        }),
        region: query.region.and_then(|text| faults.keep("/region", RegionCode::new(&text))),
    }
}

/// Of the lists in force, of which there are few, those of a page.
fn page_of_those(
    lists: impl Iterator<Item = SubstitutionList>,
    filter: &records::Filter,
    after: Option<&Place>,
    size: PageSize,
) -> Vec<SubstitutionList> {
    let mut lists: Vec<SubstitutionList> = lists
        .filter(|list| {
            let with = |code: &ItemCode| list.entries.iter().any(|one| one.item_code == *code);
            filter.substitute.as_ref().is_none_or(with)
                && filter.scene.is_none_or(|scene| scene == list.scene)
                && filter.region.as_ref().is_none_or(|of| list.region.as_ref() == Some(of))
        })
        .filter(|list| after.is_none_or(|after| place(list) < *after))
        .collect();
    lists.sort_by_key(|list| std::cmp::Reverse(place(list)));
    lists.truncate(usize::try_from(size.probe()).unwrap_or(usize::MAX));
    lists
}

/// Read a list of substitutes
///
/// The list of an id, whether it still holds or not.
#[utoipa::path(tag = "catalogue", operation_id = "get_substitution_list",
    params(("id" = SubstitutionListId, Path, description = "The list's id")),
    responses((status = 200, description = "The list", body = SubstitutionListView),
        (status = 404, description = "No such list", body = Problem,
            content_type = "application/problem+json")),
    extensions(("x-permission" = json!("items.read"))))]
#[get("/substitution-lists/{id}")]
pub async fn get_substitution_list(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read(Permission::ReadItems, move |conn, _, _| {
            let known = SubstitutionListId::try_from(id.to_string()).ok();
            let list = match &known {
                Some(known) => records::find(conn, known)?,
                None => None,
            };
            let list = list.ok_or_else(|| commands::not_found(&id))?;
            Ok(SubstitutionListView::from(list))
        })
        .await
}

/// Say what may stand in for an item
///
/// Records a list with its reason and the paper or standard that permits it, for a use, a region and
/// a time. One way only: a list for surgical masks with respirators on it says nothing of the
/// reverse. It takes the place of the list for the same item, use and region from then on; with
/// `valid_to` what held before holds again afterwards, and without entries nothing stands in. None
/// is amended: questions about the past are answered by the list in force then. Shortfalls show what
/// would stand in beside what is missing; picking and allocations allow what is on the list.
#[utoipa::path(tag = "catalogue", operation_id = "create_substitution_list",
    request_body = SubstitutionListRequest,
    responses((status = 201, description = "The list", body = SubstitutionListView)),
    extensions(("x-permission" = json!("substitution_lists.write"))))]
#[post("/substitution-lists")]
pub async fn create_substitution_list(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .command(
            Permission::WriteSubstitutions,
            Ok::<SubstitutionListRequest, _>,
            commands::create_list,
        )
        .await
}
