//! Who may drive the simulator, and how little of what they send can harm it.

use super::Fixture;
use crate::common::{Http, send};

/// A request to the fixture with these headers in place of a client's own.
async fn ask(
    fixture: &Fixture,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Http {
    let url = format!("{}{path}", fixture.sim.address());
    send(method, &url, headers, body.to_owned()).await.unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");
const SAY: &str = "control/people/U0ALICE/messages";
const HELLO: &str = r#"{"channel": "C0DBA", "text": "hello"}"#;

fn error(answer: &Http) -> (u16, String) {
    let body = answer.json();
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|message| !message.is_empty())
    );
    (answer.status, body["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_name_that_points_here_does_not_open_the_door() {
    let fixture = Fixture::start().await;
    let own = fixture.sim.address();
    let port = own.trim_end_matches('/').rsplit(':').next().unwrap();
    let foreign = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("127.0.0.1:{port}@evil.example:{port}"),
        "127.0.0.1:1".to_owned(),
        "127.0.0.1".to_owned(),
        String::new(),
    ];
    for host in &foreign {
        for path in [
            "",
            "page/index.html",
            "control/workspace",
            "control/people/U0ALICE/sees",
        ] {
            let answer = ask(&fixture, "GET", path, &[("host", host)], "").await;
            assert_eq!(
                error(&answer),
                (403, "not_from_here".to_owned()),
                "{host} {path}"
            );
        }
    }
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
    ] {
        let answer = ask(&fixture, "GET", "control/workspace", &[("host", &host)], "").await;
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_act() {
    let fixture = Fixture::start().await;
    let own = fixture.sim.address();
    let own = own.trim_end_matches('/');
    let port = own.rsplit(':').next().unwrap();
    for origin in [
        "https://evil.example",
        "http://127.0.0.1:1",
        "http://127.0.0.1",
        "null",
        "",
        &own.replace("http", "https"),
        &format!("http://evil.example:{port}"),
    ] {
        let headers = [JSON, ("origin", origin)];
        let answer = ask(&fixture, "POST", SAY, &headers, HELLO).await;
        assert_eq!(
            error(&answer),
            (403, "not_from_here".to_owned()),
            "{origin:?}"
        );
        let answer = ask(&fixture, "DELETE", "control/faults", &headers[1..], "").await;
        assert_eq!(answer.status, 403, "{origin:?}");
    }
    assert!(fixture.sim.messages("C0DBA").is_empty());
    let answer = ask(&fixture, "POST", SAY, &[JSON, ("origin", own)], HELLO).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn a_form_cannot_act() {
    let fixture = Fixture::start().await;
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
        "",
    ] {
        let answer = ask(&fixture, "POST", SAY, &[("content-type", kind)], HELLO).await;
        assert_eq!(
            error(&answer),
            (415, "invalid_content_type".to_owned()),
            "{kind}"
        );
    }
    assert!(fixture.sim.messages("C0DBA").is_empty());
    let charset = ("content-type", "application/json; charset=utf-8");
    assert_eq!(
        ask(&fixture, "POST", SAY, &[charset], HELLO).await.status,
        200
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let fixture = Fixture::start().await;
    let actions = "control/people/U0ALICE/actions";
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let deep = format!(
        r#"{{"in": {{"view_id": "V1"}}, "block_id": "b", "action_id": "a", "value": {deep}}}"#
    );
    let long = format!(
        r#"{{"channel": "C0DBA", "text": "{}"}}"#,
        "x".repeat(2 << 20)
    );
    for (path, body, status, name) in [
        (SAY, "", 400, "invalid_json"),
        (SAY, "{", 400, "invalid_json"),
        (actions, &deep, 400, "invalid_json"),
        (SAY, "[]", 400, "invalid_arguments"),
        (SAY, r#"{"channel": "C0DBA"}"#, 400, "invalid_arguments"),
        (
            SAY,
            r#"{"channel": "C0DBA", "text": "x", "as": "U0BOB"}"#,
            400,
            "invalid_arguments",
        ),
        (SAY, &long, 413, "body_too_large"),
        (
            actions,
            r#"{"in": {"ts": "1"}, "block_id": "b", "action_id": "a"}"#,
            400,
            "invalid_arguments",
        ),
        (
            actions,
            r#"{"in": {"view_id": "V1"}, "block_id": "b", "action_id": "a"}"#,
            404,
            "not_found",
        ),
        (
            "control/people/U0ALICE/submissions",
            r#"{"view_id": "V1", "values": []}"#,
            400,
            "invalid_arguments",
        ),
        (
            "control/people/U0ALICE/home",
            r#"{"tab": "about"}"#,
            400,
            "invalid_arguments",
        ),
        (
            "control/clock",
            r#"{"advance": "soon"}"#,
            400,
            "invalid_arguments",
        ),
        (
            "control/clock",
            r#"{"advance": "1000000years"}"#,
            400,
            "invalid_arguments",
        ),
        (
            "control/faults",
            r#"{"method": "*"}"#,
            400,
            "invalid_arguments",
        ),
        (
            "control/faults",
            r#"{"delivery": "drop", "kind": "letters"}"#,
            400,
            "invalid_arguments",
        ),
        (
            "control/faults",
            r#"{"delivery": "drop", "method": "*"}"#,
            400,
            "invalid_arguments",
        ),
        ("control/people/%FF/messages", HELLO, 404, "not_found"),
        ("control/nothing", "{}", 404, "not_found"),
        ("control/calls", "{}", 405, "method_not_allowed"),
    ] {
        let answer = ask(&fixture, "POST", path, &[JSON], body).await;
        assert_eq!(
            error(&answer),
            (status, name.to_owned()),
            "{path} {}",
            &body[..body.len().min(60)]
        );
    }
    assert!(fixture.slack.workspace().await.is_ok(), "it lives");
}

#[tokio::test]
async fn the_page_runs_its_own_scripts_alone_and_is_framed_by_nobody() {
    let fixture = Fixture::start().await;
    let page = ask(&fixture, "GET", "", &[], "").await;
    let header = |name: &str| page.headers[name].to_str().unwrap();
    assert_eq!(
        (page.status, header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"));
    assert_eq!(
        (header("x-content-type-options"), header("cache-control")),
        ("nosniff", "no-store")
    );
    let missing = ask(&fixture, "GET", "page/..%2f..%2fCargo.toml", &[], "").await;
    assert_eq!(missing.status, 404);
}
