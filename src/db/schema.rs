//! Every table as Diesel sees it; written by hand and held against both migrated databases.
#![allow(missing_docs, reason = "the derive and table! generate items that no text can be put on")]

diesel::table! {
    /// A person or program that may call the service.
    ///
    /// Owner: access.
    app_user (id) {
        id -> Text,
        name -> Text,
        display_name -> Text,
        role -> Text,
        region_code -> Nullable<Text>,
        emergency_release_limit -> Nullable<BigInt>,
        active -> Bool,
        version -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    /// The own stores of a keeper or procurement officer.
    ///
    /// Owner: access.
    app_user_store (user_id, store_code) {
        user_id -> Text,
        store_code -> Text,
    }
}

diesel::table! {
    /// A bearer token, of which only the SHA-256 is kept.
    ///
    /// Owner: access.
    api_token (id) {
        id -> Text,
        user_id -> Text,
        hash -> Text,
        label -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// The newest link of each hash chain; locked last in every command.
    ///
    /// Owner: chain.
    chain_head (chain) {
        chain -> Text,
        seq -> BigInt,
        hash -> Text,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    /// Writes under way that may take longer than a command.
    ///
    /// Owner: chain.
    long_write (id) {
        id -> Text,
        begun_at -> BigInt,
        ends_by -> BigInt,
    }
}

diesel::table! {
    /// What was done or refused, by whom; append-only, chained by hash for each store and the county.
    ///
    /// Owner: audit. Append-only.
    audit_entry (id) {
        id -> Text,
        chain -> Text,
        chain_seq -> BigInt,
        recorded_at -> BigInt,
        actor -> Text,
        role -> Text,
        action -> Text,
        object_kind -> Nullable<Text>,
        object_id -> Nullable<Text>,
        store_code -> Nullable<Text>,
        outcome -> Text,
        code -> Nullable<Text>,
        request_id -> Text,
        detail -> Text,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    /// The answer that a storing request got, given again when the request is repeated.
    ///
    /// Owner: idempotency.
    idempotency_key (user_id, key) {
        user_id -> Text,
        key -> Text,
        fingerprint -> Text,
        status -> BigInt,
        body -> Text,
        etag -> Nullable<Text>,
        location -> Nullable<Text>,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    /// An item with its one base unit.
    ///
    /// Owner: catalogue.
    item (code) {
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        search_text -> Text,
        category -> Text,
        base_unit -> Text,
        storage -> Text,
        shelf_life_months -> Nullable<BigInt>,
        near_expiry_days -> BigInt,
        registration_number -> Nullable<Text>,
        standard -> Nullable<Text>,
        active -> Bool,
        version -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    /// A pack in which an item is handled, in base units.
    ///
    /// Owner: catalogue.
    item_pack (item_code, code) {
        item_code -> Text,
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        units -> BigInt,
    }
}

diesel::table! {
    /// A trade item number of an item, padded to fourteen digits.
    ///
    /// Owner: catalogue.
    item_gtin (gtin) {
        gtin -> Text,
        item_code -> Text,
    }
}

diesel::table! {
    /// What may stand in for an item while it holds, for a use and in a region. Append-only.
    ///
    /// Owner: catalogue.
    substitution_list (id) {
        id -> Text,
        item_code -> Text,
        version -> BigInt,
        scene -> Text,
        region_code -> Nullable<Text>,
        valid_from -> BigInt,
        valid_to -> Nullable<BigInt>,
        reason -> Text,
        source -> Text,
        recorded_at -> BigInt,
        recorded_by -> Text,
    }
}

diesel::table! {
    /// A substitute on a list, one way only. Append-only.
    ///
    /// Owner: catalogue.
    substitution_entry (list_id, rank) {
        list_id -> Text,
        rank -> BigInt,
        substitute_code -> Text,
        substitute_units -> BigInt,
        item_units -> BigInt,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    /// A division of GB/T 2260 or a statistical sub-division.
    ///
    /// Owner: stores.
    region (code) {
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        parent_code -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    /// A kind of store; commanders add kinds in an emergency.
    ///
    /// Owner: stores.
    store_kind (code) {
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    /// A place that holds stock.
    ///
    /// Owner: stores.
    store (code) {
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        search_text -> Text,
        kind -> Text,
        region_code -> Text,
        supplied_by -> Nullable<Text>,
        priority_class -> BigInt,
        consumption_by -> Text,
        duty_phone -> Nullable<Text>,
        latitude_microdegrees -> Nullable<BigInt>,
        longitude_microdegrees -> Nullable<BigInt>,
        active -> Bool,
        version -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    /// A storage condition that a store can keep.
    ///
    /// Owner: stores.
    store_storage (store_code, condition) {
        store_code -> Text,
        condition -> Text,
    }
}

diesel::table! {
    /// A maker's lot: what a recall or a correction acts on, in all stores at once.
    ///
    /// Owner: stock.
    makers_lot (id) {
        id -> Text,
        item_code -> Text,
        lot_number -> Text,
        maker -> Text,
        is_house_number -> Bool,
        manufactured_on -> Nullable<Date>,
        expiry -> Text,
        expires_on -> Nullable<Date>,
        recalled_at -> Nullable<BigInt>,
        recall_reason -> Nullable<Text>,
        version -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    /// A maker's lot with its provenance: the grain of the ledger.
    ///
    /// Owner: stock.
    lot (id) {
        id -> Text,
        makers_lot_id -> Text,
        item_code -> Text,
        provenance_key -> Text,
        owner_code -> Nullable<Text>,
        source_kind -> Text,
        source_name -> Nullable<Text>,
        fund_source -> Nullable<Text>,
        donor -> Nullable<Text>,
        earmarked_for -> Nullable<Text>,
        unit_cost -> Nullable<BigInt>,
        cost_is_estimated -> Bool,
        pack_units -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    /// A document that posts to the ledger: receipt, issue, write-off, adjustment, state change.
    ///
    /// Owner: stock.
    stock_document (id) {
        id -> Text,
        kind -> Text,
        number -> Text,
        store_code -> Text,
        status -> Text,
        occurred_at -> BigInt,
        recorded_at -> BigInt,
        created_by -> Text,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<BigInt>,
        detail -> Text,
        version -> BigInt,
    }
}

diesel::table! {
    /// The last number given by a store for a kind of document in a year.
    ///
    /// Owner: stock.
    number_counter (store_code, kind, year) {
        store_code -> Text,
        kind -> Text,
        year -> BigInt,
        last -> BigInt,
    }
}

diesel::table! {
    /// What the movements of one lot in one state at one store add up to, and how much is promised.
    ///
    /// Owner: stock.
    stock_balance (store_code, lot_id, state) {
        store_code -> Text,
        lot_id -> Text,
        state -> Text,
        item_code -> Text,
        on_hand -> BigInt,
        reserved -> BigInt,
        last_occurred_at -> BigInt,
        last_day -> Date,
        live_until -> BigInt,
    }
}

diesel::table! {
    /// What is on one lorry: the transit account of a dispatch, by shipment and lot.
    ///
    /// Owner: stock.
    transit_balance (dispatch_id, shipment_id, lot_id) {
        dispatch_id -> Text,
        shipment_id -> Text,
        lot_id -> Text,
        item_code -> Text,
        from_store -> Text,
        to_store -> Text,
        expected_at -> BigInt,
        on_hand -> BigInt,
        loaded_at -> BigInt,
        live_until -> BigInt,
    }
}

diesel::table! {
    /// Stock promised to a line of a document; its sum is the balance's reserved.
    ///
    /// Owner: stock.
    reservation (document_kind, document_id, line_no, store_code, lot_id) {
        document_kind -> Text,
        document_id -> Text,
        line_no -> BigInt,
        store_code -> Text,
        lot_id -> Text,
        item_code -> Text,
        quantity -> BigInt,
        promised_at -> BigInt,
    }
}

diesel::table! {
    /// One immutable line of the ledger: a quantity of one lot from one account to another.
    ///
    /// Owner: stock. Append-only.
    stock_movement (id) {
        id -> Text,
        kind -> Text,
        store_code -> Text,
        chain_seq -> BigInt,
        item_code -> Text,
        lot_id -> Text,
        quantity -> BigInt,
        from_kind -> Text,
        from_name -> Text,
        from_state -> Nullable<Text>,
        to_kind -> Text,
        to_name -> Text,
        to_state -> Nullable<Text>,
        shipment_id -> Nullable<Text>,
        document_kind -> Text,
        document_id -> Text,
        document_number -> Text,
        line_no -> BigInt,
        reason_code -> Nullable<Text>,
        note -> Nullable<Text>,
        reverses -> Nullable<Text>,
        after_the_fact -> Bool,
        slip_number -> Nullable<Text>,
        occurred_at -> BigInt,
        business_day -> Date,
        recorded_at -> BigInt,
        actor -> Text,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    /// A version of a reserve plan.
    ///
    /// Owner: reserve_plan.
    reserve_plan (id) {
        id -> Text,
        number -> Text,
        version -> BigInt,
        name -> Text,
        status -> Text,
        authors -> Text,
        copied_from -> Nullable<Text>,
        created_by -> Text,
        created_at -> BigInt,
        submitted_by -> Nullable<Text>,
        submitted_at -> Nullable<BigInt>,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<BigInt>,
        approval_number -> Nullable<Text>,
        effective_from -> Nullable<BigInt>,
        revision -> BigInt,
        region_code -> Nullable<Text>,
    }
}

diesel::table! {
    /// What a plan says of one item in the stores of one scope: a store, a kind or a region.
    ///
    /// Owner: reserve_plan.
    reserve_plan_line (id) {
        id -> Text,
        plan_id -> Text,
        line_no -> BigInt,
        item_code -> Text,
        store_code -> Nullable<Text>,
        store_kind -> Nullable<Text>,
        region_code -> Nullable<Text>,
        bases -> Text,
        floor -> Nullable<BigInt>,
        ceiling -> Nullable<BigInt>,
        level_percent -> Text,
        floor_percent -> Text,
    }
}

diesel::table! {
    /// A response level that a region declared for itself.
    ///
    /// Owner: reserve_plan.
    response_level (id) {
        id -> Text,
        region_code -> Text,
        level -> Text,
        reason -> Text,
        authority -> Text,
        effective_at -> BigInt,
        recorded_at -> BigInt,
        declared_by -> Text,
    }
}

diesel::table! {
    /// The paper that is due after something was done on a spoken word.
    ///
    /// Owner: authority.
    paperwork (id) {
        id -> Text,
        document_kind -> Text,
        document_id -> Text,
        document_number -> Nullable<Text>,
        store_code -> Nullable<Text>,
        other_store_code -> Nullable<Text>,
        authority -> Text,
        acted_by -> Text,
        involved -> Text,
        acted_at -> BigInt,
        due_at -> BigInt,
        status -> Text,
        decided_by -> Nullable<Text>,
        decided_at -> Nullable<BigInt>,
        paper_number -> Nullable<Text>,
        note -> Nullable<Text>,
        version -> BigInt,
    }
}

diesel::table! {
    /// Stock taken from below its floor.
    ///
    /// Owner: draw_down.
    draw_down (id) {
        id -> Text,
        store_code -> Text,
        item_code -> Text,
        quantity -> BigInt,
        available_after -> BigInt,
        floor -> BigInt,
        plan_id -> Text,
        plan_version -> BigInt,
        authority -> Text,
        document_kind -> Text,
        document_id -> Text,
        document_number -> Text,
        taken_by -> Text,
        taken_at -> BigInt,
        replenish_by -> Date,
        status -> Text,
        closed_by -> Nullable<Text>,
        closed_at -> Nullable<BigInt>,
        note -> Nullable<Text>,
        version -> BigInt,
    }
}

diesel::table! {
    /// The order to move stock between two stores.
    ///
    /// Owner: dispatch.
    dispatch (id) {
        id -> Text,
        number -> Text,
        status -> Text,
        from_store -> Nullable<Text>,
        to_store -> Text,
        needed_by -> Nullable<Text>,
        urgency -> Text,
        reason -> Nullable<Text>,
        order_number -> Nullable<Text>,
        authority -> Nullable<Text>,
        note -> Nullable<Text>,
        follows -> Nullable<Text>,
        created_by -> Text,
        created_at -> BigInt,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<BigInt>,
        expected_at -> Nullable<BigInt>,
        open_remainder -> Bool,
        version -> BigInt,
    }
}

diesel::table! {
    /// One item of a dispatch: what was asked for, granted and set aside.
    ///
    /// Owner: dispatch.
    dispatch_line (dispatch_id, line_no) {
        dispatch_id -> Text,
        line_no -> BigInt,
        item_code -> Text,
        lot_id -> Nullable<Text>,
        requested -> BigInt,
        approved -> Nullable<BigInt>,
        picked -> Nullable<BigInt>,
        carried_over -> BigInt,
    }
}

diesel::table! {
    /// Who set or added to a number of a line, when and why; nothing is taken back, only added.
    ///
    /// Owner: dispatch.
    dispatch_step (dispatch_id, seq) {
        dispatch_id -> Text,
        seq -> BigInt,
        line_no -> BigInt,
        step -> Text,
        quantity -> BigInt,
        actor -> Text,
        at -> BigInt,
        reason_code -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    /// One lorry of a dispatch.
    ///
    /// Owner: dispatch.
    dispatch_shipment (id) {
        id -> Text,
        dispatch_id -> Text,
        seq -> BigInt,
        occurred_at -> BigInt,
        recorded_at -> BigInt,
        shipped_by -> Text,
        carrier -> Nullable<Text>,
        vehicle -> Nullable<Text>,
        driver -> Nullable<Text>,
        phone -> Nullable<Text>,
        expected_at -> BigInt,
    }
}

diesel::table! {
    /// What a lorry carries of one lot for one line, and what has become of it.
    ///
    /// Owner: dispatch.
    dispatch_load (shipment_id, line_no, lot_id) {
        shipment_id -> Text,
        line_no -> BigInt,
        lot_id -> Text,
        dispatch_id -> Text,
        item_code -> Text,
        shipped -> BigInt,
        received -> BigInt,
        damaged -> BigInt,
        lost -> BigInt,
        returned -> BigInt,
        surplus -> BigInt,
    }
}

diesel::table! {
    /// A signing for goods.
    ///
    /// Owner: dispatch.
    dispatch_receipt (id) {
        id -> Text,
        dispatch_id -> Text,
        seq -> BigInt,
        store_code -> Text,
        occurred_at -> BigInt,
        recorded_at -> BigInt,
        received_by -> Nullable<Text>,
        signed_by -> Text,
        note -> Nullable<Text>,
        reversed_at -> Nullable<BigInt>,
        reversed_by -> Nullable<Text>,
        reversal_reason -> Nullable<Text>,
    }
}

diesel::table! {
    /// Some pieces of one lot that were signed for, how they ended, and the movement that says so.
    ///
    /// Owner: dispatch.
    dispatch_piece (receipt_id, seq) {
        receipt_id -> Text,
        seq -> BigInt,
        dispatch_id -> Text,
        line_no -> Nullable<BigInt>,
        shipment_id -> Nullable<Text>,
        lot_id -> Text,
        item_code -> Text,
        fate -> Text,
        quantity -> BigInt,
        movement_id -> Text,
        reason_code -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    /// What happened to a dispatch, in order.
    ///
    /// Owner: dispatch.
    dispatch_event (dispatch_id, seq) {
        dispatch_id -> Text,
        seq -> BigInt,
        at -> BigInt,
        actor -> Text,
        what -> Text,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    /// A row of a file that was imported, and the document that it made; kept for ever.
    ///
    /// Owner: exchange. Append-only.
    import_row (fingerprint) {
        fingerprint -> Text,
        content_hash -> Text,
        kind -> Text,
        file_hash -> Text,
        line -> BigInt,
        document_kind -> Text,
        document_id -> Text,
        imported_by -> Text,
        imported_at -> BigInt,
    }
}

diesel::table! {
    /// A fact that the book could not cover, until a receipt, a count or a reversal clears it.
    ///
    /// Owner: stock.
    unmatched_fact (id) {
        id -> Text,
        store_code -> Text,
        item_code -> Text,
        lot_id -> Text,
        named_lot -> Nullable<Text>,
        quantity -> BigInt,
        still_open -> BigInt,
        purpose -> Text,
        movement_id -> Text,
        document_kind -> Text,
        document_id -> Text,
        document_number -> Text,
        line_no -> BigInt,
        slip_number -> Text,
        occurred_at -> BigInt,
        business_day -> Date,
        recorded_at -> BigInt,
        actor -> Text,
        version -> BigInt,
    }
}

diesel::table! {
    /// A movement that cleared a fact, wholly or in part.
    ///
    /// Owner: stock. Append-only.
    unmatched_clearing (movement_id) {
        movement_id -> Text,
        unmatched_id -> Text,
        how -> Text,
        by_kind -> Text,
        by_id -> Text,
        by_number -> Text,
        quantity -> BigInt,
        recorded_at -> BigInt,
        actor -> Text,
    }
}

diesel::table! {
    /// A promise that a fact cut, until the document that lost it goes on without it.
    ///
    /// Owner: stock.
    reservation_cut (id) {
        id -> Text,
        document_kind -> Text,
        document_id -> Text,
        line_no -> BigInt,
        store_code -> Text,
        lot_id -> Text,
        item_code -> Text,
        quantity -> BigInt,
        by_kind -> Text,
        by_id -> Text,
        by_number -> Text,
        slip_number -> Text,
        cut_at -> BigInt,
        actor -> Text,
        acknowledged_at -> Nullable<BigInt>,
        acknowledged_by -> Nullable<Text>,
    }
}

diesel::table! {
    /// What was corrected of a maker's lot: what the book said before, what it says now, and why.
    ///
    /// Owner: stock. Append-only.
    makers_lot_event (id) {
        id -> Text,
        makers_lot_id -> Text,
        seq -> BigInt,
        kind -> Text,
        number -> Text,
        recorded_at -> BigInt,
        actor -> Text,
        reason_code -> Text,
        note -> Nullable<Text>,
        authority -> Nullable<Text>,
        label_before -> Text,
        label_after -> Text,
        corrected_to -> Nullable<Text>,
    }
}

diesel::table! {
    /// What a lot was said to cost before, and who settled it.
    ///
    /// Owner: stock. Append-only.
    lot_cost_event (id) {
        id -> Text,
        lot_id -> Text,
        seq -> BigInt,
        old_cost -> Nullable<BigInt>,
        was_estimated -> Bool,
        new_cost -> BigInt,
        document_id -> Text,
        line_no -> BigInt,
        reason_code -> Nullable<Text>,
        note -> Nullable<Text>,
        recorded_at -> BigInt,
        actor -> Text,
    }
}

diesel::table! {
    /// What a store held of one lot in one state, and promised of it, at the end of a business day
    /// on which either changed.
    ///
    /// Owner: stock.
    stock_closing (store_code, lot_id, state, business_day) {
        store_code -> Text,
        lot_id -> Text,
        state -> Text,
        business_day -> Date,
        item_code -> Text,
        on_hand -> BigInt,
        reserved -> BigInt,
    }
}

diesel::table! {
    /// A promise that was made or taken back.
    ///
    /// Owner: stock. Append-only.
    reservation_event (id) {
        id -> Text,
        document_kind -> Text,
        document_id -> Text,
        line_no -> BigInt,
        store_code -> Text,
        lot_id -> Text,
        item_code -> Text,
        change -> BigInt,
        occurred_at -> BigInt,
        business_day -> Date,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    /// Where goods on a lorry were bound before they were sent elsewhere.
    ///
    /// Owner: stock. Append-only.
    transit_redirect (dispatch_id, shipment_id, lot_id, redirected_at) {
        dispatch_id -> Text,
        shipment_id -> Text,
        lot_id -> Text,
        redirected_at -> BigInt,
        previous_to_store -> Text,
    }
}

diesel::table! {
    /// A period that was closed for a store or a region.
    ///
    /// Owner: stock.
    stock_period (id) {
        id -> Text,
        store_code -> Nullable<Text>,
        region_code -> Nullable<Text>,
        through_day -> Date,
        status -> Text,
        closed_by -> Text,
        closed_by_role -> Text,
        closed_at -> BigInt,
        note -> Nullable<Text>,
        reopened_by -> Nullable<Text>,
        reopened_at -> Nullable<BigInt>,
        reopen_reason -> Nullable<Text>,
        version -> BigInt,
    }
}

diesel::table! {
    /// A clock that was off, and that someone accepted.
    ///
    /// Owner: chain. Append-only.
    clock_acceptance (id) {
        id -> Text,
        recorded_head -> BigInt,
        shown -> BigInt,
        reason -> Text,
        accepted_by -> Text,
    }
}

diesel::table! {
    /// Something that takes several items at once, e.g. a nucleic-acid test.
    ///
    /// Owner: capability.
    capability (code) {
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        unit -> Text,
        active -> Bool,
        version -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    /// A part without which it cannot be done; its items stand in for one another.
    ///
    /// Owner: capability.
    capability_component (capability_code, line_no) {
        capability_code -> Text,
        line_no -> BigInt,
        name_zh -> Text,
        name_en -> Text,
        uses -> BigInt,
        serves -> BigInt,
    }
}

diesel::table! {
    /// An item of a part.
    ///
    /// Owner: capability.
    capability_item (capability_code, item_code) {
        capability_code -> Text,
        line_no -> BigInt,
        item_code -> Text,
    }
}

diesel::table! {
    /// A lot in a state at a store was counted then, also where nothing differed.
    ///
    /// Owner: stock. Append-only.
    stock_count_mark (store_code, lot_id, state, document_id) {
        store_code -> Text,
        lot_id -> Text,
        state -> Text,
        document_id -> Text,
        document_number -> Text,
        counted -> BigInt,
        counted_at -> BigInt,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    /// A stocktake: what is counted at a store, and how far it has come.
    ///
    /// Owner: stocktake.
    stocktake (id) {
        id -> Text,
        number -> Text,
        store_code -> Text,
        status -> Text,
        category -> Nullable<Text>,
        items -> Nullable<Text>,
        blind -> Bool,
        rounds -> BigInt,
        not_counted -> Text,
        note -> Nullable<Text>,
        frozen_at -> BigInt,
        frozen_seq -> BigInt,
        created_by -> Text,
        created_at -> BigInt,
        submitted_by -> Nullable<Text>,
        submitted_at -> Nullable<BigInt>,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
        posted_seq -> Nullable<BigInt>,
        decision_note -> Nullable<Text>,
        version -> BigInt,
    }
}

diesel::table! {
    /// A line of a stocktake's sheet, and its outcome once posted.
    ///
    /// Owner: stocktake.
    stocktake_line (stocktake_id, line_no) {
        stocktake_id -> Text,
        line_no -> BigInt,
        item_code -> Text,
        lot_id -> Nullable<Text>,
        state -> Text,
        lot_number -> Nullable<Text>,
        maker -> Nullable<Text>,
        manufactured_on -> Nullable<Date>,
        expiry -> Nullable<Text>,
        expires_on -> Nullable<Date>,
        frozen -> BigInt,
        added -> Bool,
        reason_code -> Nullable<Text>,
        reason_note -> Nullable<Text>,
        approved_difference -> Nullable<BigInt>,
        counted -> Nullable<BigInt>,
        counted_at -> Nullable<BigInt>,
        decided_round -> Nullable<BigInt>,
        rounds_counted -> Nullable<BigInt>,
        book -> Nullable<BigInt>,
        unit_cost -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// What somebody counted in a round; a slip is superseded by a further entry.
    ///
    /// Owner: stocktake. Append-only.
    stocktake_count (id) {
        id -> Text,
        stocktake_id -> Text,
        line_no -> BigInt,
        round -> BigInt,
        quantity -> Nullable<BigInt>,
        counted_at -> BigInt,
        counted_by -> Text,
        witnessed_by -> Text,
        note -> Nullable<Text>,
        supersedes -> Nullable<Text>,
        reason -> Nullable<Text>,
        entered_by -> Text,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    /// How true the book was, for each posted stocktake.
    ///
    /// Owner: stocktake.
    stocktake_result (stocktake_id) {
        stocktake_id -> Text,
        store_code -> Text,
        number -> Text,
        posted_at -> BigInt,
        lines_counted -> BigInt,
        lines_exact -> BigInt,
        lines_not_counted -> BigInt,
        lines_recounted -> BigInt,
        lines_without_cost -> BigInt,
        rounds -> BigInt,
        book_units -> BigInt,
        absolute_units -> BigInt,
        net_units -> BigInt,
        absolute_value -> BigInt,
        net_value -> BigInt,
        counters -> Text,
    }
}

diesel::table! {
    /// A proposal of who gets what from whom, and what became of it.
    ///
    /// Owner: allocation.
    allocation (id) {
        id -> Text,
        number -> Text,
        status -> Text,
        rehearsal -> Bool,
        policy -> Text,
        measure -> Text,
        urgency -> Text,
        needed_by -> Nullable<Text>,
        reason -> Nullable<Text>,
        inputs -> Text,
        input_hash -> Text,
        outcome -> Text,
        follows -> Nullable<Text>,
        round_no -> BigInt,
        created_by -> Text,
        created_at -> BigInt,
        authors -> Text,
        decided_by -> Nullable<Text>,
        decided_at -> Nullable<BigInt>,
        authority -> Nullable<Text>,
        accepted -> Nullable<Text>,
        note -> Nullable<Text>,
        version -> BigInt,
    }
}

diesel::table! {
    /// What one store is to get of one item from another: as proposed, and as decided.
    ///
    /// Owner: allocation.
    allocation_line (allocation_id, line_no) {
        allocation_id -> Text,
        line_no -> BigInt,
        part_no -> BigInt,
        item_code -> Text,
        from_store -> Text,
        to_store -> Text,
        proposed -> BigInt,
        proposed_lots -> Text,
        decided -> BigInt,
        decided_lots -> Text,
        reason -> Nullable<Text>,
        edited_by -> Nullable<Text>,
        edited_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// Every store and item that a proposal looked at.
    ///
    /// Owner: allocation.
    allocation_scope (allocation_id, store_code, item_code) {
        allocation_id -> Text,
        store_code -> Text,
        item_code -> Text,
    }
}

diesel::table! {
    /// The dispatches into which an allocation was turned.
    ///
    /// Owner: allocation.
    allocation_dispatch (dispatch_id) {
        dispatch_id -> Text,
        allocation_id -> Text,
    }
}

diesel::table! {
    /// What happened to an allocation, in order.
    ///
    /// Owner: allocation.
    allocation_event (allocation_id, seq) {
        allocation_id -> Text,
        seq -> BigInt,
        at -> BigInt,
        actor -> Text,
        what -> Text,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    /// What is known of the road from one store to another.
    ///
    /// Owner: allocation.
    route (from_store, to_store) {
        from_store -> Text,
        to_store -> Text,
        cost -> Nullable<BigInt>,
        distance_m -> Nullable<BigInt>,
        travel_minutes -> Nullable<BigInt>,
        cold_chain -> Bool,
        closed -> Bool,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    /// Counts the changes of all routes together; one row.
    ///
    /// Owner: allocation.
    route_table (id) {
        id -> BigInt,
        version -> BigInt,
        changed_by -> Nullable<Text>,
        changed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// What people say of a version of a plan, and what was decided on it.
    ///
    /// Owner: reserve_plan. Append-only.
    reserve_plan_comment (id) {
        id -> Text,
        plan_id -> Text,
        reply_to -> Nullable<Text>,
        line_no -> Nullable<BigInt>,
        act -> Text,
        text -> Nullable<Text>,
        author -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    /// By what hour a store's reports are due; its row keeps two reports of one store apart.
    ///
    /// Owner: report.
    stock_report_schedule (store_code) {
        store_code -> Text,
        due_hour -> Nullable<BigInt>,
        set_by -> Nullable<Text>,
        set_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    /// What a store says it holds on a business day: the newest version of it.
    ///
    /// Owner: report.
    stock_report (id) {
        id -> Text,
        number -> Text,
        store_code -> Text,
        business_day -> Date,
        due_at -> BigInt,
        first_recorded_at -> BigInt,
        version -> BigInt,
        as_of -> BigInt,
        nil -> Nullable<Text>,
        recorded_at -> BigInt,
        differences -> BigInt,
    }
}

diesel::table! {
    /// Every version of a stock report.
    ///
    /// Owner: report. Append-only.
    stock_report_version (report_id, version) {
        report_id -> Text,
        version -> BigInt,
        as_of -> BigInt,
        nil -> Nullable<Text>,
        reason -> Nullable<Text>,
        note -> Nullable<Text>,
        consumption_by -> Text,
        reported_by -> Text,
        recorded_at -> BigInt,
        differences -> BigInt,
    }
}

diesel::table! {
    /// What a version of a stock report says of an item.
    ///
    /// Owner: report. Append-only.
    stock_report_line (report_id, version, line_no) {
        report_id -> Text,
        version -> BigInt,
        line_no -> BigInt,
        item_code -> Text,
        on_hand -> BigInt,
        used -> Nullable<BigInt>,
        book -> BigInt,
    }
}

diesel::table! {
    /// A daily use that somebody set by hand for a while.
    ///
    /// Owner: consumption.
    daily_use (id) {
        id -> Text,
        store_code -> Text,
        item_code -> Text,
        numerator -> BigInt,
        denominator -> BigInt,
        through_day -> Date,
        reason -> Text,
        sample -> Nullable<Text>,
        author -> Text,
        recorded_at -> BigInt,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
        end_reason -> Nullable<Text>,
        version -> BigInt,
    }
}

diesel::table! {
    /// The watch: one row, locked by whatever adds an event.
    ///
    /// Owner: alert.
    alert_watch (id) {
        id -> Text,
        world -> Text,
        generation -> BigInt,
        county_seq -> BigInt,
        event_seq -> BigInt,
        holder -> Text,
        held_until -> BigInt,
        forgotten_seq -> BigInt,
    }
}

diesel::table! {
    /// How far the watch has come with a store.
    ///
    /// Owner: alert.
    alert_watched_store (store_code) {
        store_code -> Text,
        links -> BigInt,
        generation -> BigInt,
        looked_at -> BigInt,
        due_at -> BigInt,
    }
}

diesel::table! {
    /// Something that somebody should know of, from when it was first seen until it is over.
    ///
    /// Owner: alert.
    alert (id) {
        id -> Text,
        subject -> Text,
        kind -> Text,
        status -> Text,
        severity -> Text,
        store_code -> Text,
        item_code -> Nullable<Text>,
        lot_id -> Nullable<Text>,
        document_kind -> Nullable<Text>,
        document_id -> Nullable<Text>,
        occurrence -> BigInt,
        previous_id -> Nullable<Text>,
        first_seen_at -> BigInt,
        last_changed_at -> BigInt,
        cleared_at -> Nullable<BigInt>,
        acknowledged_at -> Nullable<BigInt>,
        acknowledged_by -> Nullable<Text>,
        acknowledged_note -> Nullable<Text>,
        facts -> Text,
        version -> BigInt,
    }
}

diesel::table! {
    /// A change of an alert, numbered in the order in which all are told.
    ///
    /// Owner: alert. Never amended; forgotten once its alert has been cleared for long.
    alert_event (seq) {
        seq -> BigInt,
        alert_id -> Text,
        transition -> Text,
        store_code -> Text,
        status_before -> Nullable<Text>,
        status -> Text,
        severity -> Text,
        facts -> Text,
        happened_at -> BigInt,
        actor -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    /// A program elsewhere that is told of alerts.
    ///
    /// Owner: alert.
    webhook (id) {
        id -> Text,
        url -> Text,
        name -> Text,
        region_code -> Nullable<Text>,
        kinds -> Text,
        severity -> Text,
        active -> Bool,
        secret_no -> BigInt,
        secret_hash -> Text,
        rests_until -> Nullable<BigInt>,
        failing_since -> Nullable<BigInt>,
        created_by -> Text,
        created_at -> BigInt,
        removed_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    /// The outbox: one telling of one event to one webhook.
    ///
    /// Owner: alert.
    webhook_delivery (id) {
        id -> Text,
        webhook_id -> Text,
        event_seq -> Nullable<BigInt>,
        body -> Text,
        status -> Text,
        attempts -> BigInt,
        queued_at -> BigInt,
        next_attempt_at -> BigInt,
        last_attempt_at -> Nullable<BigInt>,
        last_status -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        delivered_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// What a store expects from outside: an order, an agreement, or capacity to produce.
    ///
    /// Owner: expected.
    expected_receipt (id) {
        id -> Text,
        number -> Text,
        kind -> Text,
        store_code -> Text,
        expected_at -> Nullable<BigInt>,
        supplier -> Text,
        contract_number -> Nullable<Text>,
        note -> Nullable<Text>,
        lead_days -> Nullable<BigInt>,
        created_by -> Text,
        created_at -> BigInt,
        cancelled_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    /// An item that is expected.
    ///
    /// Owner: expected.
    expected_line (expected_id, line_no) {
        expected_id -> Text,
        line_no -> BigInt,
        item_code -> Text,
        quantity -> BigInt,
        unit_price -> Nullable<BigInt>,
        per_day -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// What became of an expected receipt, and when.
    ///
    /// Owner: expected.
    expected_event (expected_id, seq) {
        expected_id -> Text,
        seq -> BigInt,
        kind -> Text,
        expected_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        actor -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    /// Which movement of a receipt fulfils which line of an expected receipt.
    ///
    /// Owner: stock.
    expected_fulfilment (movement_id) {
        movement_id -> Text,
        expected_id -> Text,
        line_no -> BigInt,
        store_code -> Text,
    }
}

diesel::joinable!(api_token -> app_user (user_id));
diesel::joinable!(app_user_store -> app_user (user_id));
diesel::joinable!(lot -> makers_lot (makers_lot_id));
diesel::joinable!(stock_balance -> lot (lot_id));
diesel::joinable!(transit_balance -> lot (lot_id));
diesel::joinable!(reservation -> lot (lot_id));
diesel::joinable!(stock_movement -> lot (lot_id));
diesel::joinable!(stock_balance -> store (store_code));
diesel::joinable!(stock_balance -> item (item_code));
diesel::joinable!(unmatched_fact -> store (store_code));
diesel::joinable!(reserve_plan_line -> reserve_plan (plan_id));
diesel::joinable!(dispatch_load -> dispatch_shipment (shipment_id));
diesel::joinable!(dispatch_line -> dispatch (dispatch_id));
diesel::joinable!(stocktake_line -> stocktake (stocktake_id));
diesel::joinable!(allocation_dispatch -> allocation (allocation_id));
diesel::joinable!(allocation_dispatch -> dispatch (dispatch_id));
diesel::joinable!(stock_report_version -> stock_report (report_id));
diesel::joinable!(stock_report_line -> stock_report (report_id));
diesel::joinable!(alert -> store (store_code));
diesel::joinable!(alert_event -> alert (alert_id));
diesel::joinable!(webhook_delivery -> webhook (webhook_id));
diesel::joinable!(expected_line -> expected_receipt (expected_id));
diesel::joinable!(expected_event -> expected_receipt (expected_id));

diesel::allow_tables_to_appear_in_same_query!(
    app_user,
    app_user_store,
    api_token,
    chain_head,
    audit_entry,
    idempotency_key,
    item,
    item_pack,
    item_gtin,
    substitution_list,
    substitution_entry,
    region,
    store_kind,
    store,
    store_storage,
    makers_lot,
    lot,
    stock_document,
    number_counter,
    stock_balance,
    transit_balance,
    reservation,
    stock_movement,
    reserve_plan,
    reserve_plan_line,
    response_level,
    paperwork,
    draw_down,
    dispatch,
    dispatch_line,
    dispatch_step,
    dispatch_shipment,
    dispatch_load,
    dispatch_receipt,
    dispatch_piece,
    dispatch_event,
    import_row,
    unmatched_fact,
    unmatched_clearing,
    reservation_cut,
    makers_lot_event,
    lot_cost_event,
    stock_closing,
    reservation_event,
    transit_redirect,
    stock_period,
    clock_acceptance,
    long_write,
    capability,
    capability_component,
    capability_item,
    stock_count_mark,
    stocktake,
    stocktake_line,
    stocktake_count,
    stocktake_result,
    allocation,
    allocation_line,
    allocation_scope,
    allocation_dispatch,
    allocation_event,
    route,
    route_table,
    reserve_plan_comment,
    stock_report_schedule,
    stock_report,
    stock_report_version,
    stock_report_line,
    daily_use,
    alert_watch,
    alert_watched_store,
    alert,
    alert_event,
    webhook,
    webhook_delivery,
    expected_receipt,
    expected_line,
    expected_event,
    expected_fulfilment,
);
