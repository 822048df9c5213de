//! The service that is measured, in a process of its own as it always is.

use crate::bench::{BenchError, io};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How the service is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// This binary.
    pub program: PathBuf,
    /// Its data folder.
    pub data_dir: PathBuf,
    /// Its database; always named, so that no setting can lead it to another.
    pub database_url: String,
    /// Its other settings.
    pub config: Option<PathBuf>,
}

/// The running service; it ends with this value.
pub(super) struct Service {
    child: Child,
    address: SocketAddr,
}

impl Launch {
    /// Starts the service and waits until it takes requests.
    pub(super) fn start(&self) -> Result<Service, BenchError> {
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"])
            .arg("--data-dir")
            .arg(&self.data_dir)
            .env("DATABASE_URL", &self.database_url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        let mut child = command.spawn().map_err(io("starting the service"))?;
        let mut line = String::new();
        let out = child.stdout.take();
        if let Some(out) = out {
            BufReader::new(out).read_line(&mut line).map_err(io("starting the service"))?;
        }
        let address = line.trim().strip_prefix("http://").and_then(|text| text.parse().ok());
        match address {
            Some(address) => Ok(Service { child, address }),
            None => {
                // It has ended, or will not be needed.
                let _ = child.kill();
                let _ = child.wait();
                Err(BenchError::Answer(format!("no address: {line}")))
            }
        }
    }
}

impl Service {
    /// Where it answers.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The most memory that it held, on Linux.
    pub(super) fn peak_kilobytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// The processor time that it took, on Linux in ticks of ten milliseconds; nothing elsewhere.
    pub(super) fn cpu(&self) -> Duration {
        let ticks = || -> Option<u64> {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
            let (_, fields) = stat.rsplit_once(") ")?;
            let mut fields = fields.split(' ').skip(11);
            let user: u64 = fields.next()?.parse().ok()?;
            let system: u64 = fields.next()?.parse().ok()?;
            Some(user.saturating_add(system))
        };
        Duration::from_millis(ticks().unwrap_or_default().saturating_mul(10))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing of it is kept.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
