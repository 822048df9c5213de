use super::*;
use crate::authority::AuthorityKind;
use crate::catalogue::substitution::{Rate, Standby};
use crate::dispatch::order::Urgency;
use crate::kernel::id::{DispatchId, SubstitutionListId};
use proptest::prelude::*;

fn units(n: i64) -> Quantity {
    Quantity::new(n).unwrap()
}

fn item(code: &str) -> ItemCode {
    ItemCode::new(code).unwrap()
}

fn store(code: &str) -> StoreCode {
    StoreCode::new(code).unwrap()
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn now() -> Instant {
    at("2026-01-15T04:00:00Z")
}

fn asked(lines: &[(&str, i64)]) -> Order {
    Order {
        id: DispatchId::generate(),
        number: "DB-QN-DEPOT-2026-000001".to_owned(),
        status: Status::Requested,
        from_store: Some(store("QN-DEPOT")),
        to_store: store("QN-PH"),
        needed_by: None,
        urgency: Urgency::Urgent,
        reason: None,
        order_number: None,
        authority: None,
        note: None,
        follows: None,
        created_by: "chen".to_owned(),
        created_at: now(),
        approved_by: None,
        approved_at: None,
        expected_at: None,
        version: 1,
        lines: lines
            .iter()
            .zip(1..)
            .map(|((code, requested), line)| Line {
                line,
                item_code: item(code),
                lot_id: None,
                requested: units(*requested),
                approved: None,
                picked: None,
                carried_over: Quantity::ZERO,
                reserved: Vec::new(),
                loads: Vec::new(),
            })
            .collect(),
    }
}

fn commander() -> Standing {
    Standing { by_office: true, is_own: false, emergency_limit: None }
}

/// What the ledger does after an approval: one lot for each line holds all that was granted.
fn reserve(mut order: Order) -> Order {
    for line in &mut order.lines {
        let quantity = line.approved.unwrap();
        if !quantity.is_zero() {
            line.reserved = vec![LotQuantity {
                lot_id: LotId::generate(),
                item_code: line.item_code.clone(),
                quantity,
            }];
        }
    }
    order
}

fn approved(lines: &[(&str, i64)]) -> Order {
    let command = Approve::default();
    reserve(approve(&asked(lines), &command, commander(), "zhong", now()).unwrap().0)
}

fn picked(lines: &[(&str, i64)]) -> Order {
    pick(&approved(lines), &[], &Pickable::default()).unwrap()
}

fn lorry(lines: Option<Vec<ShippedLine>>, last: bool) -> Ship {
    Ship {
        shipment_id: ShipmentId::generate(),
        occurred_at: now(),
        expected_at: now().plus_hours(3),
        lines,
        last,
    }
}

fn shipped(lines: &[(&str, i64)]) -> Order {
    ship(&picked(lines), &lorry(None, true)).unwrap().order
}

fn came(line: i64, counts: &[(Fate, i64)]) -> Receive {
    let counts = counts.iter().map(|(fate, n)| (*fate, units(*n))).collect();
    Receive {
        shipment_id: None,
        lines: Some(vec![ReceivedLine { line, lot_id: None, counts }]),
        unexpected: 0,
    }
}

fn pointers(refusal: &Refusal) -> Vec<(&str, &str)> {
    refusal.faults.iter().map(|f| (f.pointer.as_str(), f.code.as_str())).collect()
}

#[test]
fn the_receiver_requests_and_everybody_else_drafts() {
    use Role::{Admin, Commander, Keeper, Procurement};
    let rows = [
        (Keeper, true, false, Some(Status::Draft)),
        (Keeper, false, true, Some(Status::Requested)),
        (Keeper, false, false, None),
        (Procurement, false, true, Some(Status::Requested)),
        (Procurement, true, false, None),
        (Commander, false, true, Some(Status::Draft)),
        (Commander, false, false, None),
        (Admin, true, true, None),
    ];
    for (maker, sender, receiver, expected) in rows {
        assert_eq!(begins_as(maker, sender, receiver), expected, "{maker} {sender} {receiver}");
    }
}

#[test]
fn a_cut_needs_a_reason_and_stays_open_as_a_request() {
    let cut = |reason: Option<&str>| Approve {
        lines: vec![ApprovedLine {
            line: 1,
            approved: units(300),
            reason_code: reason.map(str::to_owned),
        }],
        ..Approve::default()
    };
    let order = asked(&[("M03", 500)]);
    let refusal = approve(&order, &cut(None), commander(), "zhong", now()).unwrap_err();
    assert_eq!(pointers(&refusal), [("/lines/0/reason_code", "required")]);
    let (order, ground) =
        approve(&order, &cut(Some("other")), commander(), "zhong", now()).unwrap();
    assert_eq!(ground, Ground::Office);
    let order = reserve(order);
    assert_eq!(order.lines[0].open_remainder(), units(200));
    assert!(order.has_open_remainder());
}

#[test]
fn every_fault_of_an_approval_is_told_at_once() {
    let order = Order { from_store: None, ..asked(&[("M03", 500), ("G01", 10)]) };
    let line = |line, approved| ApprovedLine { line, approved: units(approved), reason_code: None };
    let command = Approve {
        lines: vec![line(1, 501), line(2, 9), line(2, 10), line(7, 1)],
        ..Approve::default()
    };
    let refusal = approve(&order, &command, commander(), "zhong", now()).unwrap_err();
    assert_eq!(
        pointers(&refusal),
        [
            ("/lines/2/line", "duplicate"),
            ("/lines/3/line", "unknown"),
            ("/lines/0/approved", "out_of_range"),
            ("/lines/1/reason_code", "required"),
            ("/from_store", "required"),
        ]
    );
}

#[test]
fn cutting_everything_is_a_cancellation() {
    let command = Approve {
        lines: vec![ApprovedLine {
            line: 1,
            approved: Quantity::ZERO,
            reason_code: Some("other".to_owned()),
        }],
        ..Approve::default()
    };
    let refusal =
        approve(&asked(&[("M03", 5)]), &command, commander(), "zhong", now()).unwrap_err();
    assert_eq!(pointers(&refusal), [("/lines", "out_of_range")]);
}

#[test]
fn at_night_a_keeper_approves_an_own_draft_on_a_spoken_word_within_the_limit() {
    let spoken = Authority {
        kind: AuthorityKind::Verbal,
        number: None,
        issued_by: "钟卫国".to_owned(),
        post: None,
        phone: None,
        issued_at: Some(now()),
        heard_by: Some("曾小兰".to_owned()),
    };
    let keeper = Standing { by_office: false, is_own: true, emergency_limit: Some(units(500)) };
    let draft = Order { status: Status::Draft, ..asked(&[("M03", 500)]) };
    let refusal = approve(&draft, &Approve::default(), keeper, "zeng", now()).unwrap_err();
    assert_eq!(refusal.code, Code::OwnDocument);
    let draft = Order { authority: Some(spoken), ..draft };
    let (order, ground) = approve(&draft, &Approve::default(), keeper, "zeng", now()).unwrap();
    assert_eq!((order.status, ground), (Status::Approved, Ground::SpokenWord));
    let too_much = Order { lines: asked(&[("M03", 501)]).lines, ..draft };
    let refusal = approve(&too_much, &Approve::default(), keeper, "zeng", now()).unwrap_err();
    assert_eq!(refusal.code, Code::EmergencyLimit);
}

#[test]
fn picking_other_lots_or_less_needs_a_reason() {
    let order = approved(&[("M03", 300)]);
    let (other, foreign) = (LotId::generate(), LotId::generate());
    let list = SubstitutionListId::generate();
    let standby = Standby { item: item("M04"), rate: Rate::ONE, list };
    let pickable = Pickable {
        lots: [(other.clone(), item("M04")), (foreign.clone(), item("G01"))].into(),
        substitutes: [(UseScene::General, [(item("M03"), vec![standby])].into())].into(),
    };
    let with = |lots: Vec<(LotId, i64)>, reason: Option<&str>| PickedLine {
        line: 1,
        lots: lots.into_iter().map(|(lot, n)| (lot, units(n))).collect(),
        reason_code: reason.map(str::to_owned),
        scene: UseScene::General,
    };
    let silent = with(vec![(other.clone(), 300)], None);
    let refusal = pick(&order, &[silent], &pickable).unwrap_err();
    assert_eq!(pointers(&refusal), [("/lines/0/reason_code", "required")]);
    let wrong = with(vec![(foreign, 200), (other.clone(), 101)], Some("other"));
    let refusal = pick(&order, &[wrong], &pickable).unwrap_err();
    assert_eq!(
        pointers(&refusal),
        [("/lines/0/lots/0/lot_id", "contradicts"), ("/lines/0/lots", "out_of_range")]
    );
    let less = with(vec![(other, 250)], Some("other"));
    let order = pick(&order, &[less], &pickable).unwrap();
    assert_eq!(order.status, Status::Picked);
    assert_eq!(order.lines[0].picked, Some(units(250)));
    assert_eq!(order.lines[0].open_remainder(), units(50));
}

#[test]
fn two_lorries_carry_it_and_the_last_releases_the_rest() {
    let half = |n| Some(vec![ShippedLine { line: 1, quantity: Some(units(n)), lots: vec![] }]);
    let first = ship(&picked(&[("M03", 300)]), &lorry(half(200), false)).unwrap();
    assert_eq!(first.order.lines[0].reserved(), units(100));
    assert!(first.released.is_empty());
    let too_much = ship(&first.order, &lorry(half(101), true)).unwrap_err();
    assert_eq!(pointers(&too_much), [("/lines/0/quantity", "out_of_range")]);
    let second = ship(&first.order, &lorry(half(60), true)).unwrap();
    assert_eq!(second.order.in_transit(), units(260));
    assert_eq!(second.released.iter().map(|(_, lot)| lot.quantity.units()).sum::<i64>(), 40);
    assert_eq!(second.order.reserved(), Quantity::ZERO);
    let empty = ship(&second.order, &lorry(None, false)).unwrap_err();
    assert_eq!(empty.code, Code::InsufficientStock);
    assert_eq!(pointers(&empty), [("/lines", "too_short")]);
}

#[test]
fn a_lorry_does_not_arrive_before_it_leaves() {
    let early = Ship { expected_at: at("2026-01-15T03:59:59Z"), ..lorry(None, false) };
    let refusal = ship(&picked(&[("M03", 300)]), &early).unwrap_err();
    assert_eq!(pointers(&refusal), [("/expected_at", "contradicts")]);
}

#[test]
fn what_was_lost_reopens_the_need() {
    let order = shipped(&[("M03", 300)]);
    let (order, pieces) =
        receive(&order, &came(1, &[(Fate::Received, 260), (Fate::Lost, 40)])).unwrap();
    assert_eq!(order.status, Status::Received);
    assert_eq!(pieces.len(), 2);
    assert_eq!(order.lines[0].open_remainder(), units(40));
    let (closed, released) = close(&order).unwrap();
    assert_eq!((closed.status, released.len()), (Status::Closed, 0));
    let (closed, wanted) = carry_over(&closed).unwrap();
    assert_eq!(wanted, [(1, item("M03"), units(40))]);
    assert!(!closed.has_open_remainder());
}

#[test]
fn more_than_is_on_the_way_is_over_not_received() {
    let order = shipped(&[("M03", 300)]);
    let refusal = receive(&order, &came(1, &[(Fate::Received, 301)])).unwrap_err();
    assert_eq!(pointers(&refusal), [("/lines/0/received", "out_of_range")]);
    let (order, _) = receive(&order, &came(1, &[(Fate::Received, 300), (Fate::Over, 7)])).unwrap();
    assert_eq!((order.lines[0].received(), order.lines[0].over()), (units(300), units(7)));
    let (late, _) = receive(&order, &came(1, &[(Fate::Over, 1)])).unwrap();
    assert_eq!(late.lines[0].over(), units(8));
}

#[test]
fn the_first_lorry_is_emptied_first() {
    let half = Some(vec![ShippedLine { line: 1, quantity: Some(units(100)), lots: vec![] }]);
    let first = ship(&picked(&[("M03", 300)]), &lorry(half, false)).unwrap().order;
    let both = ship(&first, &lorry(None, true)).unwrap().order;
    let (order, pieces) =
        receive(&both, &came(1, &[(Fate::Received, 90), (Fate::Lost, 30)])).unwrap();
    let ended: Vec<(Fate, i64)> = pieces.iter().map(|p| (p.fate, p.quantity.units())).collect();
    assert_eq!(ended, [(Fate::Received, 90), (Fate::Lost, 10), (Fate::Lost, 20)]);
    assert_eq!(order.status, Status::Shipped);
    let second = order.lines[0].loads[1].shipment_id.clone();
    let by_lorry = Receive { shipment_id: Some(second), ..Receive::default() };
    assert_eq!(receive(&order, &by_lorry).unwrap().0.status, Status::Received);
}

#[test]
fn a_dispatch_closes_only_when_nothing_is_on_the_way() {
    let order = shipped(&[("M03", 300)]);
    let refusal = close(&order).unwrap_err();
    assert_eq!(refusal.code, Code::TransitNotEmpty);
    assert_eq!(refusal.facts["in_transit"], 300);
    assert_eq!(close(&picked(&[("M03", 300)])).unwrap_err().code, Code::WrongStatus);
}

#[test]
fn cancelling_releases_and_is_too_late_after_shipping() {
    let (order, released) = cancel(&picked(&[("M03", 300)])).unwrap();
    assert_eq!(order.reserved(), Quantity::ZERO);
    assert_eq!(released.len(), 1);
    assert!(!order.has_open_remainder());
    assert_eq!(cancel(&shipped(&[("M03", 300)])).unwrap_err().code, Code::WrongStatus);
}

#[test]
fn goods_on_the_way_are_redirected_but_not_to_where_they_came_from() {
    let order = shipped(&[("M03", 300)]);
    assert_eq!(redirect(&order, &store("QN-CDC")).unwrap().to_store, store("QN-CDC"));
    for same in ["QN-PH", "QN-DEPOT"] {
        let refusal = redirect(&order, &store(same)).unwrap_err();
        assert_eq!(pointers(&refusal), [("/to_store", "contradicts")]);
    }
}

#[test]
fn every_status_refuses_what_it_does_not_allow() {
    let with = |status| Order { status, ..picked(&[("M03", 300)]) };
    let mut allowed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for status in Status::ALL {
        let order = with(*status);
        let wrong = |refusal: Option<Refusal>| refusal.is_some_and(|r| r.code == Code::WrongStatus);
        let tries = [
            ("approve", approve(&order, &Approve::default(), commander(), "z", now()).err()),
            ("pick", pick(&order, &[], &Pickable::default()).err()),
            ("ship", ship(&order, &lorry(None, false)).err()),
            ("receive", receive(&order, &Receive::default()).err()),
            ("redirect", redirect(&order, &store("QN-CDC")).err()),
            ("close", close(&order).err()),
            ("cancel", cancel(&order).err()),
        ];
        for (action, refusal) in tries {
            if !wrong(refusal) {
                allowed.entry(action).or_default().push(status.as_str());
            }
        }
    }
    let expected: BTreeMap<&str, Vec<&str>> = [
        ("approve", vec!["requested", "draft"]),
        ("pick", vec!["approved", "picked", "shipped"]),
        ("ship", vec!["picked", "shipped"]),
        ("receive", vec!["shipped", "received"]),
        ("redirect", vec!["requested", "draft", "approved", "picked", "shipped"]),
        ("close", vec!["shipped", "received"]),
        ("cancel", vec!["requested", "draft", "approved", "picked"]),
    ]
    .into();
    assert_eq!(allowed, expected);
}

/// A step that somebody tries, sensible or not.
#[derive(Debug, Clone)]
enum Try {
    Approve(i64),
    Pick(i64),
    Ship(i64, bool),
    Receive([i64; 5]),
    Reverse,
    Redirect,
    Close,
    Cancel,
}

fn tries() -> impl Strategy<Value = Try> {
    prop_oneof![
        (0i64..120).prop_map(Try::Approve),
        (0i64..120).prop_map(Try::Pick),
        (0i64..120, any::<bool>()).prop_map(|(n, last)| Try::Ship(n, last)),
        prop::array::uniform5(0i64..60).prop_map(Try::Receive),
        Just(Try::Reverse),
        Just(Try::Redirect),
        Just(Try::Close),
        Just(Try::Cancel),
    ]
}

fn attempt(order: &Order, step: &Try, signed: &mut Vec<Vec<Piece>>) -> Option<Order> {
    match step {
        Try::Approve(n) => {
            let line = ApprovedLine {
                line: 1,
                approved: units(*n),
                reason_code: Some("other".to_owned()),
            };
            let command = Approve { lines: vec![line], ..Approve::default() };
            approve(order, &command, commander(), "z", now()).ok().map(|(order, _)| reserve(order))
        }
        Try::Pick(n) => {
            let lot = LotId::generate();
            let pickable =
                Pickable { lots: [(lot.clone(), item("M03"))].into(), ..Pickable::default() };
            let line = PickedLine {
                line: 1,
                lots: vec![(lot, units(*n))],
                reason_code: Some("other".to_owned()),
                scene: UseScene::General,
            };
            pick(order, &[line], &pickable).ok()
        }
        Try::Ship(n, last) => {
            let line = ShippedLine { line: 1, quantity: Some(units(*n)), lots: vec![] };
            ship(order, &lorry(Some(vec![line]), *last)).ok().map(|shipped| shipped.order)
        }
        Try::Receive(numbers) => {
            let lot_id = order.lines[0].loads.first().map(|load| load.lot_id.clone());
            let counts = Fate::ALL.iter().copied().zip(numbers.map(units)).collect();
            let command = Receive {
                lines: Some(vec![ReceivedLine { line: 1, lot_id, counts }]),
                ..Receive::default()
            };
            let (order, pieces) = receive(order, &command).ok()?;
            signed.push(pieces);
            Some(order)
        }
        Try::Reverse => {
            let pieces = signed.pop()?;
            Some(reverse_receipt(order, &pieces).unwrap())
        }
        Try::Redirect => redirect(order, &store("QN-CDC")).ok(),
        Try::Close => close(order).ok().map(|(order, _)| order),
        Try::Cancel => cancel(order).ok().map(|(order, _)| order),
    }
}

proptest! {
    #[test]
    fn whatever_is_tried_every_piece_is_accounted_for(
        requested in 1i64..120,
        steps in prop::collection::vec(tries(), 1..40),
    ) {
        let mut order = asked(&[("M03", requested), ("G01", 10)]);
        let mut signed = Vec::new();
        for step in &steps {
            let Some(next) = attempt(&order, step, &mut signed) else { continue };
            order = next;
            for line in &order.lines {
                let n = |quantity: Quantity| quantity.units();
                let (approved, picked) = (
                    line.approved.map_or(0, n),
                    line.picked.map_or(0, n),
                );
                let shipped = n(line.shipped());
                let ended =
                    n(line.received()) + n(line.damaged()) + n(line.lost()) + n(line.returned());
                prop_assert!(ended <= shipped, "no more ends than was shipped");
                prop_assert_eq!(n(line.in_transit()), shipped - ended);
                prop_assert!(approved <= n(line.requested));
                prop_assert!(picked <= approved);
                prop_assert!(shipped <= picked || line.picked.is_none());
                let promised = line.picked.map_or(approved, n) - shipped;
                if matches!(order.status, Status::Approved | Status::Picked) {
                    prop_assert_eq!(n(line.reserved()), promised, "nothing is lost on the shelf");
                } else {
                    prop_assert!(n(line.reserved()) <= promised);
                }
                prop_assert!(n(line.open_remainder()) <= n(line.requested));
            }
            match order.status {
                Status::Received => {
                    prop_assert!(order.in_transit().is_zero() && order.reserved().is_zero());
                }
                Status::Closed => prop_assert!(order.in_transit().is_zero()),
                Status::Cancelled => prop_assert!(order.reserved().is_zero()),
                Status::Shipped => prop_assert!(
                    !order.in_transit().is_zero() || !order.reserved().is_zero()
                ),
                Status::Requested | Status::Draft | Status::Approved | Status::Picked => {
                    prop_assert!(order.in_transit().is_zero());
                }
            }
        }
    }
}
