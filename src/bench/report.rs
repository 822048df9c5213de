//! What was measured, as it is printed.

use crate::db::Backend;
use serde::Serialize;

/// Everything that was measured in one run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `sqlite` or `postgres`.
    pub database: &'static str,
    /// Processors of the machine.
    pub processors: usize,
    /// The machine's load when the run began and when it ended (1, 5, 15 minutes), where it tells.
    pub load_average_before: Option<String>,
    /// The same at the end.
    pub load_average: Option<String>,
    /// Lots in the book.
    pub lots: usize,
    /// Receipts of one line, one a request.
    pub receipts: Vec<Singles>,
    /// Receipts of one line, many a request.
    pub batches: Option<Batches>,
    /// The best of several runs of `pgbench`.
    pub pgbench: Option<Pgbench>,
    /// The most memory that the service held.
    pub service_peak_kilobytes: Option<u64>,
}

/// Receipts of one line at a number of connections.
#[derive(Debug, Clone, Serialize)]
pub struct Singles {
    /// Connections that posted at once.
    pub connections: usize,
    /// Receipts in a second.
    pub per_second: u64,
    /// Half of the answers took no longer.
    pub p50_micros: u64,
    /// All but one in a hundred took no longer.
    pub p99_micros: u64,
    /// Processor time of the service for each, where the system tells.
    pub service_cpu_micros: u64,
    /// What it is held against.
    pub limit: Option<Limit>,
}

/// Receipts of one line in batches.
#[derive(Debug, Clone, Serialize)]
pub struct Batches {
    /// Commands of a batch.
    pub size: usize,
    /// Connections that sent batches at once.
    pub connections: usize,
    /// Lines in a second.
    pub lines_per_second: u64,
    /// Half of the batches took no longer.
    pub p50_micros: u64,
    /// All but one in a hundred took no longer.
    pub p99_micros: u64,
    /// Processor time of the service for each line, where the system tells.
    pub service_cpu_micros: u64,
    /// What it is held against.
    pub limit: Option<Limit>,
}

/// What the database could take without the service.
#[derive(Debug, Clone, Serialize)]
pub struct Limit {
    /// Lines in a second.
    pub per_second: u64,
    /// What the service reaches of it, e.g. `0.71`.
    pub ratio: String,
}

/// What `pgbench` reached with the same statements.
#[derive(Debug, Clone, Serialize)]
pub struct Pgbench {
    /// The number of clients that reached the most.
    pub clients: usize,
    /// Postings in a second.
    pub per_second: u64,
    /// Clients and what they reached, for each run.
    pub runs: Vec<(usize, u64)>,
}

impl Report {
    /// A report before anything was measured.
    pub(super) fn begin(backend: Backend) -> Self {
        Self {
            database: match backend {
                Backend::Sqlite => "sqlite",
                Backend::Postgres => "postgres",
            },
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            load_average_before: load_average(),
            load_average: None,
            lots: super::scene::LOTS,
            receipts: Vec::new(),
            batches: None,
            pgbench: None,
            service_peak_kilobytes: None,
        }
    }
}

/// The machine's load over 1, 5 and 15 minutes, on Linux.
pub(super) fn load_average() -> Option<String> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// A share with two decimal places.
pub(super) fn ratio(part: u64, whole: u64) -> String {
    let hundredths = part.saturating_mul(100).checked_div(whole).unwrap_or_default();
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_cut_to_hundredths_and_nothing_has_no_share() {
        assert_eq!(ratio(710, 1_000), "0.71");
        assert_eq!(ratio(3_059, 1_000), "3.05");
        assert_eq!(ratio(5, 0), "0.00");
    }
}
