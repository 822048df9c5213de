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
            let started = binaries().and_then(|folder| start(&folder));
            if started.is_none() {
                assert!(
                    std::env::var("CI").as_deref() != Ok("true"),
                    "PostgreSQL is not installed, and CI must test both databases"
                );
                eprintln!(
                    "\n*** PostgreSQL IS NOT INSTALLED: these tests run on SQLite only. ***\n"
                );
            }
            started
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

/// Starts a cluster in a temporary folder, as an ordinary user when the tests run as root.
///
/// A guard process stops it: its standard input closes when the tests end, however they end.
fn start(programs: &Path) -> Option<String> {
    let folder = tempfile::Builder::new().prefix("changbei-pg").tempdir().ok()?.keep();
    let data = folder.join("data");
    let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if is_root {
        Command::new("chown").arg("postgres").arg(&folder).status().ok()?;
    }
    let script = format!(
        "'{bin}/initdb' -D '{data}' -U postgres -A trust -E UTF8 --locale=C -N >/dev/null && \
         '{bin}/pg_ctl' -D '{data}' -w -l '{log}' -o '-p {port} -c listen_addresses=127.0.0.1 \
         -c unix_socket_directories= -c max_connections=300 -c fsync=off' start >/dev/null",
        bin = programs.display(),
        data = data.display(),
        log = folder.join("log").display(),
    );
    let as_user = |script: &str| {
        let mut command = if is_root { Command::new("runuser") } else { Command::new("sh") };
        if is_root {
            command.args(["-u", "postgres", "--", "sh"]);
        }
        command.args(["-c", script]);
        command
    };
    let started = as_user(&script).stdin(Stdio::null()).status().ok()?;
    if !started.success() {
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
    Some(format!("postgres://postgres@127.0.0.1:{port}"))
}
