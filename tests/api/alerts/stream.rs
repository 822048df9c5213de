//! The stream over a real connection: nothing is lost or told twice, and nothing that is not theirs.

use super::{alert, alerts, hospital, issue, watch};
use crate::support::county::token;
use crate::support::{TestApp, stock};
use changbei::alert::commands::tidying::forget_old_events;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A client that reads a stream as it comes.
struct Listener(BufReader<TcpStream>);

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    id: i64,
    name: String,
    data: Value,
}

impl Listener {
    fn open(app: &TestApp, token: &str, query: &str, last: Option<i64>) -> Self {
        let address = app.base_url().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let last = last.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        write!(
            stream,
            "GET /api/v1/alerts/stream?{query} HTTP/1.1\r\nHost: {address}\r\n{last}\
             Authorization: Bearer {token}\r\n\r\n"
        )
        .unwrap();
        let mut listener = Self(BufReader::new(stream));
        let head = listener.until_blank();
        assert!(head[0].starts_with("HTTP/1.1 200"), "{head:?}");
        let kind = "content-type: text/event-stream; charset=utf-8".to_owned();
        assert!(head.contains(&kind), "{head:?}");
        listener
    }

    /// One line without its end; `None` when the stream is over.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).expect("the stream goes on or ends");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    fn until_blank(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line() {
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        lines
    }

    /// The next event with data; `None` when the stream ends before.
    fn next(&mut self) -> Option<Event> {
        let (mut id, mut name) = (0, String::new());
        loop {
            // Lines of the chunked encoding stand in between: they have no colon.
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", number)) => id = number.parse().unwrap(),
                Some(("event", word)) => name = word.to_owned(),
                Some(("data", json)) => {
                    return Some(Event { id, name, data: serde_json::from_str(json).unwrap() });
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_listener_hears_what_happens_and_resumes_where_it_broke_off() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        let mut first = Listener::open(app, &token("commander"), "", None);
        issue(app, 30);
        watch(app);
        let opened = first.next().unwrap();
        assert_eq!(opened.name, "opened");
        assert_eq!(opened.data["seq"], opened.id);
        let open = alerts(app, "commander", "kind=shortage");
        assert_eq!(opened.data["alert_id"], open[0]["id"]);
        assert_eq!(
            (&opened.data["status"], &opened.data["store_code"]),
            (&json!("short"), &json!("QN-HOSP"))
        );
        drop(first);
        issue(app, 60);
        watch(app);
        stock::put(app, "QN-HOSP", "M03", "L2", "2027-12-31", 500);
        watch(app);
        let mut second = Listener::open(app, &token("commander"), "", Some(opened.id));
        let missed: Vec<Event> = (0..2).map(|_| second.next().unwrap()).collect();
        assert_eq!(missed[0].name, "escalated");
        assert_eq!(missed[1].name, "cleared");
        assert!(opened.id < missed[0].id && missed[0].id < missed[1].id);
        issue(app, 440);
        watch(app);
        assert_eq!(second.next().unwrap().name, "opened", "it goes on with what happens");
        let mut again = Listener::open(app, &token("auditor"), "after=0&follow=false", None);
        let mut told = Vec::new();
        while let Some(event) = again.next() {
            told.push(event);
        }
        assert_eq!(told.len(), 4);
        assert_eq!(told[1..3], missed, "told again, an event is the same");
    });
}

#[test]
fn many_listeners_hear_the_same_and_each_only_what_is_theirs() {
    TestApp::each(|app| {
        hospital(app);
        stock::put(app, "QN-TOWN", "D03", "L8", "2026-03-20", 5);
        let mut hospital: Vec<Listener> = (0..20)
            .map(|_| Listener::open(app, &token("keeper.hospital"), "after=0", None))
            .collect();
        let mut town = Listener::open(app, &token("keeper.town"), "after=0", None);
        let mut grave = Listener::open(app, &token("auditor"), "severity=warning", Some(0));
        issue(app, 100);
        watch(app);
        let heard: Vec<Event> = hospital.iter_mut().map(|one| one.next().unwrap()).collect();
        assert!(heard.iter().all(|event| *event == heard[0]));
        assert_eq!(heard[0].data["status"], "below_floor");
        assert_eq!(town.next().unwrap().data["status"], "near_expiry");
        assert_eq!(grave.next().unwrap().data["status"], "below_floor");
        let mut all =
            Listener::open(app, &token("foreign.commander"), "after=0&follow=false", None);
        assert_eq!(all.next(), None);
        let mut region =
            Listener::open(app, &token("auditor"), "after=0&follow=false&region=360729101", None);
        assert_eq!(region.next().unwrap().data["store_code"], "QN-TOWN");
        assert_eq!(region.next(), None);
    });
}

#[test]
fn a_stream_ends_when_its_token_no_longer_holds() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        let made = app.post("admin", "/users/auditor/tokens", json!({"label": "屏"})).expect(201);
        let mut screen = Listener::open(app, made["token"].as_str().unwrap(), "", None);
        let path = format!("/users/auditor/tokens/{}", made["id"].as_str().unwrap());
        app.storing("DELETE", "admin", &path).send().expect(200);
        issue(app, 30);
        watch(app);
        assert_eq!(screen.next(), None);
    });
}

#[test]
fn a_stream_is_refused_like_any_other_request() {
    TestApp::each(|app| {
        app.request("GET", "/api/v1/alerts/stream").send().refused(401, "unauthenticated");
        let odd = app.get("auditor", "/alerts/stream?kind=x&after=-1&severity=x");
        assert_eq!(odd.pointers(), ["/kind", "/severity", "/after"]);
        let request = app.request("GET", "/api/v1/alerts/stream").by("auditor");
        let odd = request.header("last-event-id", "zwölf").send();
        assert_eq!(odd.pointers(), ["/Last-Event-ID"]);
    });
}

#[test]
fn old_changes_are_forgotten_and_who_resumes_from_them_is_told_so() {
    TestApp::each(|app| {
        hospital(app);
        stock::put(app, "QN-HOSP", "M03", "L2", "2027-12-31", 200);
        stock::put(app, "QN-TOWN", "M03", "L3", "2026-03-20", 10);
        issue(app, 300);
        watch(app);
        let shortage = alerts(app, "auditor", "kind=shortage")[0]["id"].clone();
        let expiry = alerts(app, "auditor", "kind=expiry&store=QN-TOWN")[0]["id"].clone();
        stock::put(app, "QN-HOSP", "M03", "L4", "2027-12-31", 200);
        watch(app);
        let days = app.app.settings.alert_days;
        let cleared = app.app.clock.now();
        let forget = || forget_old_events(&app.app).expect("the database answers");
        app.clock.set(cleared.plus_hours(24 * days));
        assert_eq!(forget(), 0, "kept for as long as the setting says");
        app.clock.set(cleared.plus_hours(24 * days + 1));
        let before: Vec<Event> = everything(app, 0);
        assert_eq!(forget(), 2, "opened and cleared");
        assert_eq!(forget(), 0);
        // The alert stays with its times; what is open keeps its history.
        let over = alert(app, &shortage);
        assert_eq!(over["events"], json!([]));
        assert_eq!(over["cleared_at"], cleared.to_string());
        assert!(!alert(app, &expiry)["events"].as_array().unwrap().is_empty());
        let gone = before.iter().filter(|event| event.data["alert_id"] == shortage);
        let last = gone.map(|event| event.id).max().unwrap();
        let resume =
            |after: i64| app.get("auditor", &format!("/alerts/stream?follow=false&after={after}"));
        let refused = resume(last - 1).refused(410, "events_forgotten");
        assert_eq!(refused["forgotten_through"], json!(last));
        let go_on = refused["resume_after"].as_i64().unwrap();
        assert_eq!(everything(app, go_on), []);
        assert!(everything(app, last).iter().all(|event| event.id > last));
    });
}

/// All events after a number.
fn everything(app: &TestApp, after: i64) -> Vec<Event> {
    let query = format!("after={after}&follow=false");
    let mut listener = Listener::open(app, &token("auditor"), &query, None);
    std::iter::from_fn(|| listener.next()).collect()
}
