//! A throw-away PostgreSQL cluster, one for each test binary.

use super::prepare;
use changbei::db::{Db, DbOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The URL of a fresh database made from the migrated template; `None` where there is no
/// PostgreSQL, which is said loudly, and is a failure under `CI=true`.
pub fn fresh() -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = server()?;
    let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    admin(server, &format!("CREATE DATABASE {name} TEMPLATE {}", template()));
    Some(format!("{server}/{name}"))
}

/// The URL of an empty database, without any migration.
pub fn empty() -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = server()?;
    let name = format!("e{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    create_empty(server, &name);
    Some(format!("{server}/{name}"))
}

/// Ends every session with a database, as a restart of the server would.
pub fn end_sessions(url: &str) {
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    let mut conn = diesel::PgConnection::establish(url).expect("the server answers");
    conn.batch_execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .expect("they are ended");
}

/// How many deadlocks the server has had to break in a database. Ends its sessions, because each
/// tells what it has counted when it ends.
pub fn deadlocks(url: &str) -> i64 {
    use diesel::Connection;
    use diesel::prelude::*;
    end_sessions(url);
    let mut conn = diesel::PgConnection::establish(url).expect("the server answers");
    let count = "(SELECT deadlocks FROM pg_stat_database WHERE datname = current_database())";
    diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(count))
        .get_result(&mut conn)
        .expect("the server counts")
}

fn template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let server = server().expect("a server");
        let name = format!("template_{}", std::process::id());
        create_empty(server, &name);
        let options = DbOptions { connections: 1, ..DbOptions::default() };
        let db = Db::open(&format!("{server}/{name}"), &options).expect("PostgreSQL opens");
        prepare(&db);
        drop(db);
        // A template may have no sessions; the pool's may still be closing.
        admin(
            server,
            &format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            ),
        );
        name
    })
}

fn create_empty(server: &str, name: &str) {
    admin(
        server,
        &format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        ),
    );
}

/// One statement on the server's own database; one at a time, because a template that is being
/// copied may have no other session.
fn admin(server: &str, statement: &str) {
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut conn =
        diesel::PgConnection::establish(&format!("{server}/postgres")).expect("the server answers");
    let mut outcome = conn.batch_execute(statement);
    for _ in 0..50 {
        match &outcome {
            Err(error) if error.to_string().contains("being accessed by other users") => {
                std::thread::park_timeout(std::time::Duration::from_millis(20));
                outcome = conn.batch_execute(statement);
            }
            _ => break,
        }
    }
    outcome.expect(statement);
}

/// The server's URL without a database: `TEST_POSTGRES_URL`, or a cluster of our own.
fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            if let Ok(url) = std::env::var("TEST_POSTGRES_URL") {
                return Some(url.trim_end_matches('/').to_owned());
            }
            let started = binaries().and_then(|folder| Cluster::start(&folder));
            if started.is_none() {
                assert!(
                    std::env::var("CI").as_deref() != Ok("true"),
                    "PostgreSQL is not installed, and CI must test both databases"
                );
                eprintln!(
                    "\n*** PostgreSQL IS NOT INSTALLED: these tests run on SQLite only. ***\n"
                );
            }
            started.map(|cluster| cluster.server)
        })
        .as_deref()
}

/// The newest installed version's folder of programs.
fn binaries() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
        found.push((0, folder));
    }
    found.retain(|(_, folder)| folder.join("initdb").exists() && folder.join("pg_ctl").exists());
    found.sort();
    found.pop().map(|(_, folder)| folder)
}

/// A cluster of our own, in a temporary folder.
///
/// A guard process stops it: its standard input closes when the tests end, however they end.
pub struct Cluster {
    /// Its URL, without a database.
    pub server: String,
    programs: PathBuf,
    data: PathBuf,
}

/// PostgreSQL refuses to run as root; Debian's package brings a user for it.
fn as_user(script: &str) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let mut command = if is_root { Command::new("runuser") } else { Command::new("sh") };
    if is_root {
        command.args(["-u", "postgres", "--", "sh"]);
    }
    // Its user may not enter the folder of the tests.
    command.current_dir(std::env::temp_dir()).args(["-c", script]).stdin(Stdio::null());
    command
}

impl Cluster {
    /// One more cluster, for a test that breaks it; `None` where there is no PostgreSQL.
    pub fn own() -> Option<Self> {
        server().and_then(|_| binaries()).and_then(|programs| Self::start(&programs))
    }

    fn start(programs: &Path) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("changbei-pg").tempdir().ok()?.keep();
        let data = folder.join("data");
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        // Only root may; for others the folder is theirs already.
        let _ = Command::new("chown").arg("postgres").arg(&folder).stderr(Stdio::null()).status();
        let script = format!(
            "'{bin}/initdb' -D '{data}' -U postgres -A trust -E UTF8 --locale=C -N >/dev/null && \
             '{bin}/pg_ctl' -D '{data}' -w -l '{log}' -o '-p {port} -c listen_addresses=127.0.0.1 \
             -c unix_socket_directories= -c max_connections=300 -c fsync=off' start >/dev/null",
            bin = programs.display(),
            data = data.display(),
            log = folder.join("log").display(),
        );
        if !as_user(&script).status().ok()?.success() {
            return None;
        }
        let stop = format!(
            "cat >/dev/null; '{bin}/pg_ctl' -D '{data}' -m immediate stop >/dev/null 2>&1; rm -rf '{folder}'",
            bin = programs.display(),
            data = data.display(),
            folder = folder.display(),
        );
        let guard = as_user(&stop)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        // The guard's input stays open for as long as this process lives.
        std::mem::forget(guard);
        let server = format!("postgres://postgres@127.0.0.1:{port}");
        Some(Self { server, programs: programs.to_owned(), data })
    }

    /// A database of its own in it, migrated and holding the small county.
    pub fn county(&self) -> String {
        create_empty(&self.server, "county");
        let url = format!("{}/county", self.server);
        let options = DbOptions { connections: 1, ..DbOptions::default() };
        prepare(&Db::open(&url, &options).expect("PostgreSQL opens"));
        url
    }

    /// Crashes it and starts it again; comes back when it answers.
    pub fn crash_and_restart(&self) {
        let script = format!(
            "'{bin}/pg_ctl' -D '{data}' -m immediate -w -l '{data}/restarts' restart >/dev/null",
            bin = self.programs.display(),
            data = self.data.display(),
        );
        assert!(as_user(&script).status().expect("pg_ctl runs").success(), "PostgreSQL restarts");
    }
}
