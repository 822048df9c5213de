//! The real binary as a process of its own.

use crate::support::county::token;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Where the binary is.
pub const BINARY: &str = env!("CARGO_BIN_EXE_changbei");

/// A running service, killed when it is dropped.
pub struct Service {
    child: Child,
    pub base_url: String,
    folder: tempfile::TempDir,
}

/// An answer that came: its status, the headers that matter here, and its body.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub retry_after: bool,
    pub replayed: bool,
    pub body: Value,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Service {
    /// Starts the service on a database and comes back when it listens.
    pub fn start(url: &str) -> Self {
        Self::start_with(url, "", |binary| Command::new(binary))
    }

    /// The same with settings, and with a command of the test's making around the binary.
    ///
    /// The command must replace itself by the binary, so that its process id is the service's.
    pub fn start_with(url: &str, settings: &str, command: impl FnOnce(&str) -> Command) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, settings).expect("the settings are written");
        let log = File::create(folder.path().join("log")).expect("a log");
        let mut child = command(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--config"])
            .arg(&file)
            .args(["--database-url", url])
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let mut first = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut first).expect("its address");
        let service = Self { child, base_url: first.trim().to_owned(), folder };
        assert!(service.base_url.starts_with("http://"), "{first}\n{}", service.log());
        service
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends it with no chance to do anything more (SIGKILL).
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// How it ended by itself, within a time.
    pub fn ended_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return Some(status);
            }
            if started.elapsed() > time {
                return None;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::of(&self.base_url)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the service said:\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Someone who talks to the service.
#[derive(Clone)]
pub struct Client {
    base_url: String,
    agent: ureq::Agent,
}

/// What a client that waits longer has given up: enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that nobody used for longer is not used again: the service closes it after five
/// seconds, and a request that meets its closing gets no answer.
const IDLE: Duration = Duration::from_secs(2);

impl Client {
    pub fn of(base_url: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_idle_age(IDLE)
            .build()
            .into();
        Self { base_url: base_url.to_owned(), agent }
    }

    /// A read; `None` where no answer came.
    pub fn get(&self, user: &str, path: &str) -> Option<Answer> {
        let request = self.request("GET", user, path).body(()).expect("a request");
        answer_of(self.agent.run(request))
    }

    /// A posting under a key; `None` where no answer came.
    pub fn post(&self, user: &str, path: &str, key: &str, body: &Value) -> Option<Answer> {
        let request = self
            .request("POST", user, path)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body.to_string())
            .expect("a request");
        answer_of(self.agent.run(request))
    }

    fn request(&self, method: &str, user: &str, path: &str) -> ureq::http::request::Builder {
        ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header("authorization", format!("Bearer {}", token(user)))
            .header("accept-language", "en")
    }
}

fn answer_of(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<Answer> {
    let mut response = response.ok()?;
    let text = response.body_mut().read_to_string().ok()?;
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    Some(Answer {
        status: response.status().as_u16(),
        content_type: header("content-type").unwrap_or_default(),
        retry_after: header("retry-after").is_some(),
        replayed: header("idempotency-replayed").as_deref() == Some("true"),
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
    })
}

/// Runs `changbei verify`, which finds nothing wrong; nor does SQLite in its file.
pub fn verify(url: &str) {
    assert_eq!(integrity(url), ["ok"]);
    let done = Command::new(BINARY)
        .args(["verify", "--log-level", "warn", "--database-url", url])
        .env_remove("DATABASE_URL")
        .output()
        .expect("the binary runs");
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

/// What SQLite says of the pages, the indexes and the constraints of its file.
pub fn integrity(url: &str) -> Vec<String> {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::sql_types::Text;
    if url.starts_with("postgres") {
        return vec!["ok".to_owned()];
    }
    let mut conn = diesel::SqliteConnection::establish(url).expect("the file opens");
    // Whoever read it just now may still be closing it.
    conn.batch_execute("PRAGMA busy_timeout = 30000").expect("a pragma");
    let found = diesel::dsl::sql::<Text>("PRAGMA integrity_check").load(&mut conn);
    let broken: Vec<String> = diesel::dsl::sql::<Text>("PRAGMA foreign_key_check")
        .load(&mut conn)
        .expect("the references can be checked");
    assert_eq!(broken, [""; 0], "rows that refer to nothing");
    found.expect("the file can be checked")
}

/// A program of the system that a test cannot do without: said loudly where it is missing, and a
/// failure where `CI=true`.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|p| p.exists());
    if found.is_none() {
        missing(&format!("{name} is not installed"));
    }
    found
}

/// Says what is missing; a failure where `CI=true`.
pub fn missing(what: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}, and CI must test this");
    eprintln!("\n*** {what}: A TEST IS SKIPPED. ***\n");
}
