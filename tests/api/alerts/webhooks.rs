//! Webhooks against a receiver on this machine: signed, tried again, and known by their ids.

use super::{alerts, hospital, issue, now, watch};
use crate::support::{TestApp, stock};
use changbei::alert::commands::delivering::{Round, deliver};
use changbei::alert::commands::sending::{Sender, roots_of};
use changbei::app::App;
use changbei::kernel::server_key::{ServerKey, hmac_sha256_hex};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// What a receiver was sent.
#[derive(Debug)]
struct Sent {
    headers: BTreeMap<String, String>,
    body: String,
}

impl Sent {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A receiver that answers each request with the next of these statuses, and 204 after the last; 0
/// takes the request and hangs up.
struct Hook {
    address: SocketAddr,
    sent: Receiver<Sent>,
}

impl Hook {
    fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, sent) = channel();
        let mut statuses = statuses.iter().copied();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(one) = read(stream.as_ref().unwrap()) else { continue };
                let status = statuses.next().unwrap_or(204);
                if status != 0 {
                    let mut stream = stream.unwrap();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nLocation: http://{address}/elsewhere\r\n\
                         Content-Length: 0\r\nConnection: close\r\n\r\n"
                    );
                }
                if tell.send(one).is_err() {
                    return;
                }
            }
        });
        Self { address, sent }
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    fn next(&self) -> Sent {
        self.sent.recv_timeout(std::time::Duration::from_secs(20)).expect("a request")
    }

    fn is_quiet(&self) -> bool {
        self.sent.try_recv().is_err()
    }
}

fn read(stream: impl Read) -> Option<Sent> {
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    assert!(line.starts_with("POST /hook HTTP/1.1"), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Sent { headers, body: String::from_utf8(body).ok()? })
}

fn sender() -> Sender {
    Sender::new(vec!["127.0.0.1".to_owned()], &[])
}

fn tell(app: &TestApp) -> Round {
    deliver(&app.app, &sender(), &|| true).expect("the database answers")
}

fn delivered(many: usize) -> Round {
    Round { delivered: many, ..Round::default() }
}

fn failed() -> Round {
    Round { failed: 1, ..Round::default() }
}

/// A webhook of the commander's; the answer with its secret.
fn webhook(app: &TestApp, url: &str, more: Value) -> Value {
    let mut body = json!({"url": url, "name": "信息平台", "region_code": "360729"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post("commander", "/webhooks", body).expect(201)
}

fn path(webhook: &Value, rest: &str) -> String {
    format!("/webhooks/{}{rest}", webhook["id"].as_str().unwrap())
}

fn deliveries(app: &TestApp, webhook: &Value) -> Vec<Value> {
    let page = app.get("commander", &path(webhook, "/deliveries")).expect(200);
    page["rows"].as_array().unwrap().clone()
}

#[test]
fn an_event_is_sent_signed_to_who_wants_it_once() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        let hook = Hook::answering(&[]);
        let made = webhook(app, &hook.url(), json!({"kinds": ["shortage"]}));
        issue(app, 30);
        watch(app);
        assert_eq!(tell(app), delivered(1));
        let sent = hook.next();
        let told = sent.json();
        assert_eq!(told["type"], "alert.opened");
        assert_eq!(told["event"]["alert_id"], alerts(app, "auditor", "kind=shortage")[0]["id"]);
        assert_eq!(told["event"]["facts"]["available"], 90);
        assert_eq!(sent.headers["content-type"], "application/json");
        assert_eq!(told["delivery"], *sent.headers["changbei-delivery"]);

        // As a receiver verifies it, with nothing but the secret it was shown.
        let secret = made["secret"].as_str().unwrap();
        let signature = &sent.headers["changbei-signature"];
        let (time, mac) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        assert_eq!(time, "1772416800", "2026-03-02T02:00:00Z");
        let signed = format!("{time}.{}", sent.body);
        assert_eq!(mac, hmac_sha256_hex(secret.as_bytes(), signed.as_bytes()));

        assert_eq!(tell(app), Round::default());
        let one = &deliveries(app, &made)[0];
        assert_eq!((&one["status"], &one["attempts"]), (&json!("delivered"), &json!(1)));
        assert_eq!((&one["last_status"], &one["body"]), (&json!(204), &json!(sent.body)));
        assert!(hook.is_quiet());
    });
}

#[test]
fn a_receiver_that_fails_is_tried_again_later_and_later_with_the_same_body() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        // An error, a redirect, which is not followed, and one who hangs up after taking it.
        let hook = Hook::answering(&[500, 302, 0]);
        let made = webhook(app, &hook.url(), json!({"kinds": ["shortage"]}));
        issue(app, 30);
        watch(app);
        let mut bodies = Vec::new();
        let mut ids = Vec::new();
        let mut signatures = Vec::new();
        for (attempt, least) in [(1, 30), (2, 60), (3, 120)] {
            assert_eq!(tell(app), failed(), "attempt {attempt}");
            let sent = hook.next();
            bodies.push(sent.body);
            ids.push(sent.headers["changbei-delivery"].clone());
            signatures.push(sent.headers["changbei-signature"].clone());
            assert_eq!(tell(app), Round::default(), "not before it has waited");
            let one = deliveries(app, &made)[0].clone();
            assert_eq!((&one["status"], &one["attempts"]), (&json!("pending"), &json!(attempt)));
            let next =
                changbei::kernel::Instant::parse(one["next_attempt_at"].as_str().unwrap()).unwrap();
            let wait = next.micros() - app.app.clock.now().micros();
            assert!((least..=least + least / 2).contains(&(wait / 1_000_000)), "{wait}");
            let failing = app.get("commander", &path(&made, "")).expect(200);
            assert_eq!(failing["failing_since"], "2026-03-02T02:00:00Z");
            app.clock.set(next);
        }
        assert_eq!(tell(app), delivered(1));
        let sent = hook.next();
        bodies.push(sent.body);
        ids.push(sent.headers["changbei-delivery"].clone());
        signatures.push(sent.headers["changbei-signature"].clone());
        bodies.dedup();
        ids.dedup();
        signatures.dedup();
        assert_eq!((bodies.len(), ids.len()), (1, 1), "the receiver knows what it had");
        assert_eq!(signatures.len(), 4, "signed anew, so that no old message can be passed off");
        let well = app.get("commander", &path(&made, "")).expect(200);
        assert_eq!((&well["failing_since"], &well["rests_until"]), (&Value::Null, &Value::Null));
    });
}

#[test]
fn what_is_never_taken_is_given_up_shown_and_sent_again_by_hand() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        let hook = Hook::answering(&[500]);
        let made = webhook(app, &hook.url(), json!({"kinds": ["shortage"]}));
        issue(app, 30);
        watch(app);
        assert_eq!(tell(app), failed());
        let first = hook.next();
        app.set_time("2026-03-05T02:00:01Z");
        assert_eq!(tell(app), Round { dead: 1, ..Round::default() }, "after three days");
        let one = deliveries(app, &made)[0].clone();
        assert_eq!((&one["status"], &one["last_status"]), (&json!("dead"), &json!(500)));
        assert_eq!(one["last_error"], "the receiver answered 500");
        let dead = app.get("commander", &path(&made, "/deliveries?status=dead")).expect(200);
        assert_eq!(dead["rows"][0], one);
        let again = path(&made, &format!("/deliveries/{}/redeliver", one["id"].as_str().unwrap()));
        let put = app.post("commander", &again, json!({})).expect(201);
        assert_eq!((&put["status"], &put["attempts"]), (&json!("pending"), &json!(0)));
        app.post("commander", &again, json!({})).refused(409, "wrong_status");
        assert_eq!(tell(app), delivered(1));
        assert_eq!(hook.next().body, first.body);
    });
}

#[test]
fn what_was_recorded_before_the_process_died_is_told_by_the_next() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        let hook = Hook::answering(&[]);
        let made = webhook(app, &hook.url(), json!({"kinds": ["shortage"]}));
        issue(app, 30);
        watch(app);
        // The next process has nothing but the database and the key file.
        let settings = (*app.app.settings).clone();
        let next = App::new(app.database.db.clone(), app.app.clock.clone(), settings);
        assert_eq!(deliver(&next, &sender(), &|| true).unwrap(), delivered(1));
        assert_eq!(hook.next().json()["event"]["transition"], "opened");
        assert_eq!(deliveries(app, &made).len(), 1);
    });
}

#[test]
fn a_server_with_another_key_signs_nothing_with_it() {
    TestApp::each(|app| {
        let hook = Hook::answering(&[]);
        let made = webhook(app, &hook.url(), json!({}));
        app.post("commander", &path(&made, "/test"), json!({})).expect(201);
        let mut settings = (*app.app.settings).clone();
        settings.webhook_key = Some(ServerKey::new([8; 32]));
        let other = App::new(app.database.db.clone(), app.app.clock.clone(), settings);
        assert_eq!(deliver(&other, &sender(), &|| true).unwrap(), failed());
        assert!(hook.is_quiet());
        let why = deliveries(app, &made)[0]["last_error"].clone();
        assert_eq!(why, "the server's key is not the one that made the secret");
    });
}

#[test]
fn a_test_is_sent_and_another_secret_signs_once_it_was_rotated() {
    TestApp::each(|app| {
        let hook = Hook::answering(&[]);
        let made = webhook(app, &hook.url(), json!({}));
        app.post("commander", &path(&made, "/test"), json!({})).expect(201);
        assert_eq!(tell(app), delivered(1));
        assert_eq!(hook.next().json()["type"], "test");
        let rotated =
            app.act("commander", &path(&made, "/rotate-secret"), "\"v1\"", json!({})).expect(200);
        assert_ne!(rotated["secret"], made["secret"]);
        app.post("commander", &path(&made, "/test"), json!({})).expect(201);
        assert_eq!(tell(app), delivered(1));
        let sent = hook.next();
        let signature = &sent.headers["changbei-signature"];
        let time = signature.strip_prefix("t=").unwrap().split_once(',').unwrap().0;
        let message = format!("{time}.{}", sent.body);
        let secret = rotated["secret"].as_str().unwrap();
        let mac = hmac_sha256_hex(secret.as_bytes(), message.as_bytes());
        assert_eq!(*signature, format!("t={time},v1={mac}"));
    });
}

#[test]
fn a_secret_is_shown_once_and_stands_nowhere_in_the_database() {
    TestApp::each(|app| {
        let body = json!({"url": "https://example.org/", "name": "平台", "region_code": "360729"});
        let send = || {
            let request = app.request("POST", "/api/v1/webhooks").by("commander").key("hook");
            request.json(body.clone()).send()
        };
        let made = send().expect(201);
        let secret = made["secret"].as_str().unwrap();
        assert!(secret.starts_with("whsec_") && secret.len() == 70, "{secret}");
        let again = send().expect(201);
        assert_eq!((&again["id"], &again["secret"]), (&made["id"], &json!("")));
        let read = app.get("commander", &path(&made, "")).expect(200);
        assert_eq!(read.get("secret"), None);
        let audit = app.get("auditor", "/audit?limit=1000").expect(200).to_string();
        assert!(!audit.contains(secret.trim_start_matches("whsec_")));
    });
}

#[test]
fn a_webhook_is_told_of_its_region_kinds_and_severity_only_and_of_nothing_once_it_is_off() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        let hook = Hook::answering(&[]);
        let town = webhook(app, &hook.url(), json!({"region_code": "360729101"}));
        let grave = webhook(app, &hook.url(), json!({"severity": "critical"}));
        let expiry = webhook(app, &hook.url(), json!({"kinds": ["expiry"]}));
        let all = webhook(app, &hook.url(), json!({}));
        let off = webhook(app, &hook.url(), json!({}));
        let gone = webhook(app, &hook.url(), json!({}));
        let patch = |body: Value| {
            let request = app.storing("PATCH", "commander", &path(&off, "")).if_match("\"v1\"");
            request.json(body).send()
        };
        patch(json!({"active": false})).expect(200);
        patch(json!({"active": true})).refused(412, "stale_version");
        app.storing("DELETE", "commander", &path(&gone, "")).send().expect(200);
        issue(app, 30);
        watch(app);
        let counts: Vec<usize> =
            [&town, &grave, &expiry, &all, &off].map(|one| deliveries(app, one).len()).to_vec();
        assert_eq!(counts, [0, 0, 0, 1, 0]);
        assert_eq!(deliveries(app, &gone).len(), 0);
        let listed = app.get("commander", "/webhooks").expect(200);
        assert_eq!(listed["rows"].as_array().unwrap().len(), 5);
        let removed = app.get("commander", &path(&gone, "")).expect(200);
        assert_eq!(removed["removed_at"], now(app));
        // What is to be told to one who is off waits until it is on again.
        issue(app, 90);
        watch(app);
        assert_eq!(deliveries(app, &grave).len(), 1);
    });
}

#[test]
fn a_webhook_leads_neither_inside_nor_beyond_its_makers_region() {
    TestApp::each(|app| {
        let create = |user: &str, url: &str, region: Value| {
            let body = json!({"url": url, "name": "x", "region_code": region});
            app.post(user, "/webhooks", body)
        };
        for inside in [
            "http://example.org/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "ftp://example.org/",
            "https://user:word@example.org/",
            "https://2130706433/",
            "",
        ] {
            let refused = create("commander", inside, json!("360729"));
            assert_eq!(refused.pointers(), ["/url"], "{inside}");
        }
        let outside = "https://example.org/hook";
        create("commander", outside, json!("360722")).refused(403, "forbidden");
        assert_eq!(create("commander", outside, Value::Null).pointers(), ["/region_code"]);
        assert_eq!(create("admin", outside, json!("360799")).pointers(), ["/region_code"]);
        let all = create("admin", outside, Value::Null).expect(201);
        app.get("commander", &path(&all, "")).refused(404, "not_found");
        app.storing("DELETE", "commander", &path(&all, "")).send().refused(404, "not_found");
        let town = create("commander", outside, json!("360729101")).expect(201);
        app.get("foreign.commander", &path(&town, "")).refused(404, "not_found");
        create("keeper.hospital", outside, json!("360729")).refused(403, "forbidden");
        let odd = json!({"url": outside, "name": "", "region_code": "x", "kinds": ["x"], "severity": "x"});
        let odd = app.post("commander", "/webhooks", odd);
        assert_eq!(odd.pointers(), ["/name", "/region_code", "/kinds/0", "/severity"]);
    });
}

#[test]
fn one_who_does_not_answer_keeps_nobody_else_waiting() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        let (well, ill) = (Hook::answering(&[]), Hook::answering(&[500, 500, 500]));
        webhook(app, &ill.url(), json!({}));
        webhook(app, &well.url(), json!({}));
        for units in [30, 60] {
            issue(app, units);
            watch(app);
        }
        stock::put(app, "QN-HOSP", "M03", "L2", "2027-12-31", 500);
        watch(app);
        assert_eq!(tell(app), Round { delivered: 3, failed: 1, dead: 0 });
        let told: Vec<Value> =
            (0..3).map(|_| well.next().json()["event"]["transition"].clone()).collect();
        assert_eq!(told, ["opened", "escalated", "cleared"], "in order");
        ill.next();
        assert!(ill.is_quiet(), "one attempt tells enough");
    });
}

/// A receiver that speaks TLS, certified by a county's own authority; the key was made for this test
/// and is good for nothing else.
fn secure_hook() -> Hook {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/receiver.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/receiver.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, sent) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            // Who does not trust it hangs up before a word is said.
            let Some(one) = read(&mut stream) else { continue };
            let answer = "HTTP/1.1 204 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
            stream.flush().unwrap();
            if tell.send(one).is_err() {
                return;
            }
        }
    });
    Hook { address, sent }
}

#[test]
fn a_receiver_with_a_certificate_of_the_countys_own_authority_is_told_by_https() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        let hook = secure_hook();
        let url = format!("https://{}/hook", hook.address);
        let made = webhook(app, &url, json!({"kinds": ["shortage"]}));
        issue(app, 30);
        watch(app);
        // Whom the machine does not trust is told nothing.
        assert_eq!(tell(app), failed());
        assert!(hook.is_quiet());
        let error = deliveries(app, &made)[0]["last_error"].as_str().unwrap().to_lowercase();
        assert!(error.contains("certificate") || error.contains("issuer"), "{error}");
        app.clock.set(app.app.clock.now().plus_minutes(10));
        let roots = roots_of(include_bytes!("tls/ca.pem")).unwrap();
        let sender = Sender::new(vec!["127.0.0.1".to_owned()], &roots);
        let told = deliver(&app.app, &sender, &|| true).expect("the database answers");
        assert_eq!(told, delivered(1));
        let sent = hook.next();
        assert_eq!(sent.json()["type"], "alert.opened");
        assert!(sent.headers.contains_key("changbei-signature"));
    });
}

#[test]
fn a_file_without_certificates_is_no_file_of_certificates() {
    assert!(roots_of(b"nothing").is_err());
    assert!(roots_of(include_bytes!("tls/receiver.key")).is_err());
    let rubbish = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(roots_of(rubbish).is_err());
    assert_eq!(roots_of(include_bytes!("tls/ca.pem")).unwrap().len(), 1);
}
