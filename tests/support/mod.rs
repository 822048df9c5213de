//! What the tests share: a fresh database of each kind, and the service on it over real HTTP.
#![allow(dead_code, reason = "each test binary uses its own part of the support")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::type_complexity,
    reason = "a test that stumbles says so with its line number"
)]

pub mod chance;
pub mod county;
pub mod postgres;
pub mod stock;
pub mod workbook;

use changbei::app::App;
use changbei::config::Settings;
use changbei::db::{Db, DbOptions};
use changbei::kernel::server_key::ServerKey;
use changbei::kernel::time::SetClock;
use changbei::kernel::{Clock, Instant};
use changbei::server::{ServerOptions, start};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The time at which every test begins.
pub const NOW: &str = "2026-03-02T02:00:00Z";

/// A fresh database, gone when it is dropped.
pub struct TestDatabase {
    pub name: &'static str,
    pub url: String,
    pub db: Db,
    _folder: Option<tempfile::TempDir>,
}

/// Both databases, migrated and holding the small county of [`county`].
pub fn databases() -> Vec<TestDatabase> {
    let mut all = vec![sqlite()];
    all.extend(postgres::fresh().map(|url| open("PostgreSQL", url, None)));
    all
}

/// Where a fresh database lies, for those who let another process open it.
pub struct Place {
    pub name: &'static str,
    pub url: String,
    _folder: Option<tempfile::TempDir>,
}

/// A fresh SQLite file that nobody has open.
pub fn sqlite_place() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = copy_sqlite(folder.path());
    Place { name: "SQLite", url: path.to_string_lossy().into_owned(), _folder: Some(folder) }
}

/// A fresh PostgreSQL database that nobody has open; `None` where there is no PostgreSQL.
pub fn postgres_place() -> Option<Place> {
    postgres::fresh().map(|url| Place { name: "PostgreSQL", url, _folder: None })
}

/// An SQLite file copied from a migrated template.
fn sqlite() -> TestDatabase {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = copy_sqlite(folder.path());
    open("SQLite", path.to_string_lossy().into_owned(), Some(folder))
}

/// Copies the migrated template into a folder; the file's path.
pub fn copy_sqlite(folder: &Path) -> PathBuf {
    static TEMPLATE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let prepared = folder.path().join("prepared.db").to_string_lossy().into_owned();
        prepare(&Db::open(&prepared, &DbOptions::default()).expect("SQLite opens"));
        // Threads of the database that was prepared may still move its log into its file.
        let whole = folder.path().join("template.db");
        let mut conn = SqliteConnection::establish(&prepared).expect("the prepared file opens");
        let copy = format!("PRAGMA busy_timeout = 30000; VACUUM INTO '{}'", whole.display());
        conn.batch_execute(&copy).expect("it is copied");
        folder
    });
    let path = folder.join("changbei.db");
    std::fs::copy(template.path().join("template.db"), &path).expect("the template is copied");
    path
}

/// Migrates an empty database and puts the small county into it.
pub fn prepare(db: &Db) {
    db.migrate().expect("the migrations run");
    county::seed(&App::new(db.clone(), Arc::new(clock()), Settings::default()));
}

/// Opens a database as the service would.
pub fn open(name: &'static str, url: String, folder: Option<tempfile::TempDir>) -> TestDatabase {
    open_with(name, url, folder, &DbOptions::default())
}

/// The same, with other patience.
pub fn open_with(
    name: &'static str,
    url: String,
    folder: Option<tempfile::TempDir>,
    options: &DbOptions,
) -> TestDatabase {
    let db = Db::open(&url, options).expect("the database opens");
    TestDatabase { name, url, db, _folder: folder }
}

fn clock() -> SetClock {
    SetClock::at(clock_at(NOW))
}

/// An instant that a test writes down.
pub fn clock_at(instant: &str) -> Instant {
    Instant::parse(instant).unwrap()
}

/// The service on one fresh database, with a clock that the test sets.
pub struct TestApp {
    pub app: App,
    pub clock: Arc<SetClock>,
    pub database: TestDatabase,
    address: SocketAddr,
    agent: ureq::Agent,
    server: actix_web::dev::ServerHandle,
}

/// An answer of the service.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The entity tag.
    pub fn etag(&self) -> String {
        self.header("etag").expect("an ETag").to_owned()
    }

    /// Requires a status and gives the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// Requires a refusal with a code and gives the problem document.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        let problem = self.clone().expect(status);
        assert_eq!(problem["code"], code, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        problem
    }

    /// The pointers of every fault that a problem document names.
    pub fn pointers(&self) -> Vec<String> {
        let json = self.json();
        let faults = json["errors"].as_array().cloned().unwrap_or_default();
        faults.iter().filter_map(|fault| fault["pointer"].as_str().map(str::to_owned)).collect()
    }
}

/// A request that a test builds up.
pub struct Request<'a> {
    app: &'a TestApp,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request<'_> {
    /// With the token of a user of the small county.
    pub fn by(self, user: &str) -> Self {
        let token = format!("Bearer {}", county::token(user));
        self.header("authorization", &token)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(key, _)| key != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn if_match(self, tag: &str) -> Self {
        self.header("if-match", tag)
    }

    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body.to_string().into_bytes());
        self.header("content-type", "application/json")
    }

    pub fn text(self, body: &str, kind: &str) -> Self {
        self.bytes(body.as_bytes(), kind)
    }

    pub fn bytes(mut self, body: &[u8], kind: &str) -> Self {
        self.body = Some(body.to_owned());
        self.header("content-type", kind)
    }

    pub fn send(self) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(self.method)
            .uri(format!("http://{}{}", self.app.address, self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = match self.body {
            Some(body) => self.app.agent.run(request.body(body).expect("a request")),
            None => self.app.agent.run(request.body(()).expect("a request")),
        };
        let mut response = response.expect("the service answers");
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let status = response.status().as_u16();
        let bytes = response.body_mut().with_config().limit(1 << 30).read_to_vec();
        let bytes = bytes.expect("a body");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status, headers, text, bytes }
    }
}

impl TestApp {
    /// The service on each database in turn.
    pub fn each(test: impl Fn(&Self)) {
        for database in databases() {
            let name = database.name;
            let app = Self::on(database);
            eprintln!("on {name}");
            test(&app);
        }
    }

    /// The service on one database, with the usual settings and webhooks to this machine.
    pub fn on(database: TestDatabase) -> Self {
        let webhook_key = Some(ServerKey::new([7; 32]));
        let webhook_hosts = vec!["127.0.0.1".to_owned()];
        let settings = Settings { webhook_key, webhook_hosts, ..Settings::default() };
        Self::with_settings(database, settings)
    }

    /// The service on one database.
    pub fn with_settings(database: TestDatabase, settings: Settings) -> Self {
        let clock = Arc::new(clock());
        let app = App::new(database.db.clone(), clock.clone() as Arc<dyn Clock>, settings);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (tell, told) = std::sync::mpsc::channel();
        let serving = app.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let options = ServerOptions { workers: 2, ..ServerOptions::default() };
                let server = start(serving, listener, &options).expect("the server starts");
                tell.send(server.handle()).expect("the test waits");
                server.await.expect("the server runs");
            });
        });
        let server = told.recv().expect("the server started");
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        Self { app, clock, database, address, agent, server }
    }

    /// The address at which the service answers.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at the clock as a service does that starts anew on the same database.
    pub fn restart(&self) {
        changbei::server::start::watch_clock(&self.app).expect("the database answers");
    }

    /// Sets the service's clock.
    pub fn set_time(&self, instant: &str) {
        self.clock.set(Instant::parse(instant).unwrap());
    }

    /// A request as it comes: no token, no key.
    pub fn request(&self, method: &'static str, path: &str) -> Request<'_> {
        Request { app: self, method, path: path.to_owned(), headers: Vec::new(), body: None }
    }

    /// A read by a user, in English.
    pub fn get(&self, user: &str, path: &str) -> Answer {
        let path = format!("/api/v1{path}");
        self.request("GET", &path).by(user).header("accept-language", "en").send()
    }

    /// A storing request by a user with a fresh key, in English.
    pub fn storing(&self, method: &'static str, user: &str, path: &str) -> Request<'_> {
        static KEYS: AtomicU64 = AtomicU64::new(1);
        let key = format!("key-{}", KEYS.fetch_add(1, Ordering::SeqCst));
        let path = format!("/api/v1{path}");
        self.request(method, &path).by(user).key(&key).header("accept-language", "en")
    }

    /// Posts a body.
    pub fn post(&self, user: &str, path: &str, body: Value) -> Answer {
        self.storing("POST", user, path).json(body).send()
    }

    /// Posts a question, which stores nothing and takes no key.
    pub fn ask(&self, user: &str, path: &str, body: Value) -> Answer {
        let path = format!("/api/v1{path}");
        self.request("POST", &path).by(user).header("accept-language", "en").json(body).send()
    }

    /// Posts an action on the current version of a document.
    pub fn act(&self, user: &str, path: &str, tag: &str, body: Value) -> Answer {
        self.storing("POST", user, path).if_match(tag).json(body).send()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // Not awaited: the thread ends by itself, and the test has its answers.
        drop(self.server.stop(false));
    }
}
