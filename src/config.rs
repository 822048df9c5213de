//! Settings of the service, each with its unit and its default.

use crate::kernel::server_key::ServerKey;
use crate::kernel::{BusinessZone, Language, Money, Quantity};

/// What a county may decide differently. All have defaults that work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The zone in which calendar days are counted.
    pub zone: BusinessZone,
    /// The language of messages where a request names none.
    pub language: Language,
    /// A write-off of at most this many base units in all, and of at most
    /// [`Settings::write_off_value`], is posted at once; a larger one waits for approval.
    pub write_off_units: Quantity,
    /// The value up to which a write-off is posted at once; lots without a cost count nothing.
    pub write_off_value: Money,
    /// A stocktake whose differences are at most this many base units in all, and at most
    /// [`Settings::stocktake_value`] in value, is posted by the keeper alone; above it another
    /// user approves it.
    pub stocktake_units: Quantity,
    /// The value of differences up to which a stocktake is posted by the keeper alone; shortages
    /// and surpluses add up, and lots without a cost count nothing.
    pub stocktake_value: Money,
    /// A line of an issue above this many base units needs an authority.
    pub large_issue_units: Quantity,
    /// How far ahead of the service's clock business time may run, in minutes.
    pub future_minutes: i64,
    /// After an act on a spoken authority its paperwork is due within this many hours.
    pub paperwork_hours: i64,
    /// Stock taken from below its floor is to be replenished within this many days.
    pub replenish_days: i64,
    /// Goods in transit count in the net shortfall when they arrive within this many days.
    pub horizon_days: i64,
    /// Average daily consumption looks back this many days.
    pub consumption_window_days: i64,
    /// A store whose newest movement is older than this many hours counts as silent.
    pub stale_hours: i64,
    /// A stock report is due this many hours after the beginning of its business day, unless its
    /// store has an hour of its own.
    pub report_due_hour: i64,
    /// The answer to a request can be had again under its idempotency key for this many days;
    /// never fewer than [`Settings::MIN_IDEMPOTENCY_DAYS`].
    pub idempotency_days: i64,
    /// A keeper or procurement officer posts at most this many business days back.
    pub keeper_days_back: i64,
    /// Everyone else posts at most this many business days back.
    pub commander_days_back: i64,
    /// The longest that a command may take, in seconds, before it is given up. Questions about
    /// what was known at a time look at least twice as far back, so that nothing still at work
    /// can add to their answer.
    pub command_seconds: i64,
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// A lot counts as near its expiry when its last day lies within this many days.
    pub expiry_warning_days: i64,
    /// The watch looks at every store again after this many minutes, whatever it has noticed.
    pub watch_minutes: i64,
    /// The single changes of an alert, and the tellings of them, are kept for this many days after it
    /// was cleared; never fewer than [`Settings::MIN_ALERT_DAYS`]. The alert itself stays.
    pub alert_days: i64,
    /// Telling a webhook of an event is given up after this many days.
    pub webhook_days: i64,
    /// Hosts that webhooks may name although they lie in the county's own network, and to which
    /// plain HTTP is allowed. All others are reached by HTTPS and at public addresses only.
    pub webhook_hosts: Vec<String>,
    /// Certificates in DER by one of which receivers of webhooks must be certified; none for those
    /// that the machine trusts.
    pub webhook_roots: Vec<Vec<u8>>,
    /// The key from which the secrets of webhooks come; without it there are none.
    pub webhook_key: Option<ServerKey>,
}

impl Settings {
    /// A store may be cut off for a week, and must be able to repeat what it sent before.
    pub const MIN_IDEMPOTENCY_DAYS: i64 = 7;

    /// Who was away for a month can still resume a stream of alerts.
    pub const MIN_ALERT_DAYS: i64 = 31;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zone: BusinessZone::default(),
            language: Language::Zh,
            write_off_units: Quantity::new(100).unwrap_or(Quantity::ZERO),
            write_off_value: Money::from_ten_thousandths(5_000_000),
            stocktake_units: Quantity::new(100).unwrap_or(Quantity::ZERO),
            stocktake_value: Money::from_ten_thousandths(5_000_000),
            large_issue_units: Quantity::new(10_000).unwrap_or(Quantity::MAX),
            future_minutes: 10,
            paperwork_hours: 48,
            replenish_days: 30,
            horizon_days: 7,
            consumption_window_days: 60,
            stale_hours: 72,
            report_due_hour: 20,
            idempotency_days: 14,
            keeper_days_back: 92,
            commander_days_back: 366,
            command_seconds: 30,
            body_limit: 1 << 20,
            expiry_warning_days: 90,
            watch_minutes: 60,
            alert_days: 400,
            webhook_days: 3,
            webhook_hosts: Vec::new(),
            webhook_roots: Vec::new(),
            webhook_key: None,
        }
    }
}
