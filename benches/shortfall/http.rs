//! The service in a process of its own, asked over HTTP.

use crate::meter::{of_process, of_server, server_of};
use crate::scene::{Scene, TOKEN};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Service {
    child: Child,
    address: String,
    agent: ureq::Agent,
    server: Option<u32>,
}

/// Questions before those that count.
const WARM_UP: usize = 50;

impl Service {
    pub fn start(scene: &Scene, folder: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_changbei"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"])
            .arg("--data-dir")
            .arg(folder)
            .env("DATABASE_URL", &scene.url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().to_owned();
        assert!(address.starts_with("http://"), "{line}");
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(600)))
            .build()
            .into();
        Self { child, address, agent, server: server_of(scene) }
    }

    /// All measurements, and how long the whole report took as a stream of lines.
    pub fn measure(&self, scene: &Scene) -> (Value, Duration) {
        let store = &scene.store;
        let one_store = self.repeat(&format!("/shortfalls?store={store}&limit=1000"), 300);
        let store_page = self.repeat(&format!("/shortfalls?store={store}"), 300);
        let page = self.repeat("/shortfalls", 300);
        let level_change = self.level_change(scene);
        scene.forget_declaration();
        let before = self.peak_kilobytes();
        let (ndjson, took) = self.drain("/shortfalls", "application/x-ndjson");
        let (csv, _) = self.drain("/shortfalls", "text/csv");
        let (totals, _) = self.drain("/shortfalls/totals?by=region&limit=1000", "application/json");
        let (workbook, _) = self.drain(
            "/shortfalls",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        );
        let measured = json!({
            "one_store": one_store,
            "one_store_page": store_page,
            "first_page": page,
            "level_change": level_change,
            "peak_kilobytes_before_streams": before,
            "ndjson": ndjson,
            "csv": csv,
            "totals_by_region": totals,
            "workbook": workbook,
        });
        (measured, took)
    }

    /// A level for the whole, and the first answer after it.
    fn level_change(&self, scene: &Scene) -> Value {
        let path = format!("/shortfalls?store={}&limit=1000", scene.store);
        let targets = || -> i64 {
            let mut answer = self.get(&path, "application/json");
            let page: Value =
                serde_json::from_slice(&answer.body_mut().read_to_vec().unwrap()).unwrap();
            page["rows"].as_array().unwrap().iter().filter_map(|row| row["target"].as_i64()).sum()
        };
        let before = targets();
        let begin = Instant::now();
        scene.declare("I");
        let declared = begin.elapsed();
        let begin = Instant::now();
        let after = targets();
        assert!(after > before, "the level must raise the targets: {before} {after}");
        json!({
            "declared_micros": declared.as_micros() as u64,
            "next_answer_micros": begin.elapsed().as_micros() as u64,
            "targets_before": before,
            "targets_after": after,
        })
    }

    fn get(&self, path: &str, accept: &str) -> ureq::http::Response<ureq::Body> {
        self.agent
            .get(format!("{}/api/v1{path}", self.address))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("accept", accept)
            .call()
            .unwrap()
    }

    /// The times of an answer, asked again and again on one connection.
    fn repeat(&self, path: &str, count: usize) -> Value {
        let mut micros = Vec::with_capacity(count);
        let mut bytes = 0;
        let mut spent = Duration::ZERO;
        for at in 0..count + WARM_UP {
            if at == WARM_UP {
                spent = self.processor();
            }
            let begin = Instant::now();
            let mut answer = self.get(path, "application/json");
            bytes = answer.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap().len();
            if at >= WARM_UP {
                micros.push(begin.elapsed().as_micros() as u64);
            }
        }
        let spent = (self.processor() - spent) / count as u32;
        micros.sort_unstable();
        json!({"p50_micros": micros[count / 2], "p99_micros": micros[count * 99 / 100],
            "processor_micros": spent.as_micros() as u64, "bytes": bytes})
    }

    /// Reads an answer to its end without keeping it.
    fn drain(&self, path: &str, accept: &str) -> (Value, Duration) {
        self.forget_peak();
        let spent = self.processor();
        let begin = Instant::now();
        let answer = self.get(path, accept);
        let mut body = answer.into_body().into_reader();
        let mut buffer = vec![0_u8; 1 << 16];
        let (mut bytes, mut first) = (0_u64, None);
        loop {
            let count = body.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            first.get_or_insert(begin.elapsed());
            bytes += count as u64;
        }
        let took = begin.elapsed();
        let measured = json!({
            "seconds": took.as_secs_f64(),
            "processor_seconds": (self.processor() - spent).as_secs_f64(),
            "first_byte_millis": first.unwrap_or_default().as_millis() as u64,
            "bytes": bytes,
            "peak_kilobytes": self.peak_kilobytes(),
        });
        eprintln!("  {accept} {path}: {measured}");
        (measured, took)
    }

    /// Of the service and its database server.
    fn processor(&self) -> Duration {
        of_process(self.child.id()) + self.server.map_or(Duration::ZERO, of_server)
    }

    /// Begins to look for the most memory anew.
    fn forget_peak(&self) {
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5");
    }

    /// The most memory that the service held at once since then.
    fn peak_kilobytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
