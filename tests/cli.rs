//! The built binary as its users meet it: flags, exit codes, output, signals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that stumbles says so with its line number"
)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use support::{TestApp, TestDatabase, county, databases};

/// The binary in an environment that says nothing.
fn changbei(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changbei"));
    for name in ["DATABASE_URL", "CHANGBEI_CONFIG", "CHANGBEI_DATA_DIR", "CHANGBEI_LANGUAGE"] {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    changbei(arguments).output().expect("the binary starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// A running service of the binary; killed when a test gives it up.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        lines.read_line(&mut address).unwrap();
        assert!(address.starts_with("http://127.0.0.1:"), "{address}");
        Self { child, address: address.trim().to_owned() }
    }

    /// Sends SIGTERM.
    fn ask_to_stop(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    fn agent() -> ureq::Agent {
        ureq::Agent::config_builder().http_status_as_error(false).build().into()
    }

    /// The status of a read with a token.
    fn status(&self, path: &str, token: &str) -> u16 {
        let url = format!("{}{path}", self.address);
        let token = format!("Bearer {token}");
        let answer = Self::agent().get(url).header("authorization", &token).call().unwrap();
        answer.status().as_u16()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn every_command_tells_what_it_does_with_an_example() {
    let commands: &[&[&str]] = &[
        &[],
        &["serve"],
        &["demo"],
        &["import"],
        &["verify"],
        &["migrate"],
        &["openapi"],
        &["user"],
        &["user", "add"],
        &["user", "list"],
        &["user", "token"],
        &["user", "disable"],
    ];
    for command in commands {
        let help = output(&[command, &["--help"][..]].concat());
        assert_eq!(help.status.code(), Some(0), "{command:?}");
        assert!(out(&help).contains("Example:\n  changbei "), "{command:?}: {}", out(&help));
        assert!(out(&help).contains("--data-dir"), "{command:?}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2_and_a_refusal_with_1() {
    for wrong in [&["fly"][..], &["serve", "--lissten", "x"], &["user", "add", "x"], &[]] {
        assert_eq!(output(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let data = folder();
    let missing = output(&["user", "list", "--data-dir", &text(&data.path().join("none"))]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(err(&missing).contains("changbei migrate"), "{}", err(&missing));
    assert!(!data.path().join("none").exists(), "a question makes no folder");
}

#[test]
fn the_database_is_made_by_migrate_and_a_second_run_finds_nothing_to_do() {
    let data = folder();
    let dir = text(&data.path().join("new"));
    let first = output(&["migrate", "--data-dir", &dir]);
    assert_eq!(first.status.code(), Some(0), "{}", err(&first));
    assert!(out(&first).lines().count() >= 4);
    let second = output(&["migrate", "--data-dir", &dir]);
    assert_eq!((second.status.code(), out(&second)), (Some(0), String::new()));
}

#[test]
fn without_migrating_the_service_refuses_an_empty_database() {
    let data = folder();
    let dir = text(data.path());
    let refused = output(&["serve", "--no-migrate", "--listen", "127.0.0.1:0", "--data-dir", &dir]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("changbei migrate"), "{}", err(&refused));
}

#[test]
fn an_address_that_others_reach_is_refused_unless_allowed() {
    let data = folder();
    let dir = text(data.path());
    let refused =
        output(&["serve", "--listen", "0.0.0.0:0", "--data-dir", &dir, "--language", "en"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("--allow-remote"), "{}", err(&refused));
    assert!(!data.path().join("changbei.db").exists(), "it refuses before it touches anything");
}

#[test]
fn flags_go_before_the_environment_before_the_file_before_the_default() {
    let data = folder();
    let dir = text(data.path());
    assert!(output(&["migrate", "--data-dir", &dir]).status.success());
    let file = data.path().join("changbei.toml");
    std::fs::write(&file, format!("data_dir = {dir:?}\n[county]\nlanguage = \"en\"\n")).unwrap();
    let asked = |file: bool, environment: Option<&str>, flag: Option<&str>| {
        let mut command = changbei(&["user", "disable", "nobody"]);
        if file {
            command.args(["--config", &text(&data.path().join("changbei.toml"))]);
        } else {
            command.args(["--data-dir", &dir]);
        }
        if let Some(language) = environment {
            command.env("CHANGBEI_LANGUAGE", language);
        }
        command.args(flag.map(|language| ["--language", language]).iter().flatten());
        err(&command.output().unwrap())
    };
    let is_chinese = |said: &str| said.contains("用户");
    assert!(is_chinese(&asked(false, None, None)), "the default");
    assert!(!is_chinese(&asked(true, None, None)), "the file");
    assert!(is_chinese(&asked(true, Some("zh"), None)), "the environment before the file");
    assert!(!is_chinese(&asked(true, Some("zh"), Some("en"))), "the flag before both");
}

#[test]
fn a_setting_that_nobody_knows_is_a_usage_fault_that_is_named() {
    let data = folder();
    let file = data.path().join("changbei.toml");
    std::fs::write(&file, "lissten = \"127.0.0.1:1\"\n").unwrap();
    let refused = output(&["migrate", "--config", &text(&file)]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("lissten"), "{}", err(&refused));
}

#[test]
fn the_contract_is_printed_as_the_service_serves_it() {
    let printed = output(&["openapi"]);
    assert_eq!(printed.status.code(), Some(0));
    let served = changbei::server::openapi::openapi_json().unwrap();
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), served);
}

#[test]
fn a_token_works_from_when_it_is_shown_until_its_user_is_disabled() {
    for TestDatabase { url, .. } in &databases() {
        let with = |arguments: &[&str]| output(&[arguments, &["--database-url", url]].concat());
        let added = with(&["user", "add", "root", "--role", "admin"]);
        assert_eq!(added.status.code(), Some(0), "{}", err(&added));
        let again = with(&["user", "add", "root", "--role", "admin"]);
        assert_eq!(again.status.code(), Some(1), "a name is taken once");
        let second = with(&["user", "token", "root", "--label", "phone", "--valid-days", "2"]);
        let (first, second) = (out(&added), out(&second));
        assert_ne!(first, second);

        let listed = out(&with(&["user", "list"]));
        assert!(listed.contains("root\tadmin\t*\tactive\troot"), "{listed}");
        assert!(listed.contains("keeper.depot\tkeeper\tQN-DEPOT\tactive"), "{listed}");
        assert!(!listed.contains(&first), "a token is shown once");

        let mut serving = changbei(&["serve", "--listen", "127.0.0.1:0"]);
        serving.env("DATABASE_URL", url);
        let service = Served::start(serving);
        assert_eq!(service.status("/api/v1/me", &first), 200);
        assert_eq!(service.status("/api/v1/me", &second), 200);
        assert_eq!(with(&["user", "disable", "root"]).status.code(), Some(0));
        assert_eq!(service.status("/api/v1/me", &first), 401);
        assert_eq!(service.status("/api/v1/me", &second), 401);
    }
}

#[test]
fn a_stop_ends_open_streams_at_once_and_hands_the_watch_over() {
    let data = folder();
    let dir = text(data.path());
    assert!(output(&["migrate", "--data-dir", &dir]).status.success());
    let token = out(&output(&["user", "add", "watcher", "--role", "auditor", "--data-dir", &dir]));
    let mut served =
        Served::start(changbei(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &dir]));
    let mut stream = TcpStream::connect(served.address.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "GET /api/v1/alerts/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while line.trim() != "retry: 3000" {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream opens");
    }
    let asked = Instant::now();
    served.ask_to_stop();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the stream ends");
    assert_eq!(served.wait().code(), Some(0));
    // Whoever waits for streams to end waits for the whole thirty seconds.
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let key = std::fs::metadata(data.path().join("webhook.key")).unwrap();
    assert_eq!(key.len(), 65, "the key of webhooks is made beside the database");
}

#[test]
fn what_was_acknowledged_before_a_sigterm_is_in_the_database_after_it() {
    for database in databases() {
        let mut serving = changbei(&["serve", "--listen", "127.0.0.1:0"]);
        serving.env("DATABASE_URL", &database.url);
        let mut service = Served::start(serving);
        let acknowledged = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for client in 0..8 {
                let (acknowledged, service) = (&acknowledged, &service);
                scope.spawn(move || post_until_it_is_gone(service, client, acknowledged));
            }
        });
        let status = service.wait();
        assert_eq!(status.code(), Some(0), "{}: {status}", database.name);
        let app = TestApp::on(database);
        let acknowledged = acknowledged.into_inner().unwrap();
        assert!(acknowledged.len() >= ENOUGH);
        for code in acknowledged {
            app.get("admin", &format!("/items/{code}")).expect(200);
        }
    }
}

/// Acknowledged requests after which the service is told to stop.
const ENOUGH: usize = 50;

fn post_until_it_is_gone(service: &Served, client: usize, acknowledged: &Mutex<Vec<String>>) {
    let agent = Served::agent();
    for count in 0.. {
        let code = format!("X{client}-{count}");
        let body = serde_json::json!({
            "code": code, "name_zh": "口罩", "name_en": "Mask", "category": "ppe",
            "base_unit": "只",
        });
        let sent = agent
            .post(format!("{}/api/v1/items", service.address))
            .header("authorization", format!("Bearer {}", county::token("admin")))
            .header("idempotency-key", &code)
            .send_json(body);
        let Ok(answer) = sent else { return };
        assert_eq!(answer.status().as_u16(), 201);
        let mut acknowledged = acknowledged.lock().unwrap();
        acknowledged.push(code);
        if acknowledged.len() == ENOUGH {
            service.ask_to_stop();
        }
    }
}
